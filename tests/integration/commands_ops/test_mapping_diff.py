"""`integration mapping diff` runs a changed mapping over the payloads in the ledger, before anybody switches it on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.mappings import FOLDER
from integration import clock
from integration.ledger import retention, tables
from integration.ledger.database import read, write
from integration.line.journey import House
from tests.fixtures.line import drain, place
from tests.fixtures.simulators import Simulators
from tests.integration.commands_ops.conftest import Call

Ask = Callable[..., Any]

UPPER_CITY = "system: tims\nentity: order\nwrite:\n  ShippingAddress:\n    City: shipping_address.city | upper\n"


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str], str]:
    """A changed file with this text; gives its path."""

    def save(text: str) -> str:
        path = tmp_path / "changed.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return save


@pytest.fixture
def recorded(house: House, simulators: Simulators) -> House:
    place(simulators, 3)
    drain(house)
    return house


def test_fields_that_change_are_counted_and_nothing_is_sent(
    recorded: House, simulators: Simulators, ask: Ask, changed: Callable[[str], str]
) -> None:
    before = simulators.tims.stats()["requests"]
    found = ask("mapping", "diff", "tims/order", "--mapping", changed(UPPER_CITY), exit_code=3)
    assert found["fields"] == [{"record": "order", "field": "ShippingAddress.City", "records": 3}]
    assert (found["compared"], found["changed"], found["not_compared"], found["new_problems"]) == (3, 3, 0, [])
    assert found["version"] != found["changed_version"]
    assert simulators.tims.stats()["requests"] == before
    with read(recorded.engine) as connection:
        mappings = connection.execute(select(tables.record.c.mapping)).scalars().all()
    assert all(found["version"] in mapping for mapping in mappings)


def test_a_change_of_what_is_read_shows_in_what_is_written(recorded: House, ask: Ask, changed: Callable[[str], str]) -> None:
    lines = "    last_name: CustomerInfo.LastName | upper\n    name: CustomerInfo.LastName\n"
    path = changed(f"system: channeladvisor\nentity: order\nread:\n  customer:\n{lines}")
    found = ask("mapping", "diff", "channeladvisor/order", "--mapping", path, exit_code=3)
    assert {(one["record"], one["field"]) for one in found["fields"]} == {
        ("canonical", "customer.last_name"),
        ("canonical", "customer.name"),
        ("customer", "Name"),
    }


def test_values_are_masked_unless_they_are_asked_for(recorded: House, call: Call, changed: Callable[[str], str]) -> None:
    masked = call("mapping", "diff", "tims/order", "--mapping", changed(UPPER_CITY), "--show", "2", exit_code=3)
    assert masked.stdout.count("XXXXXX") == 2
    assert "Austin" not in masked.output
    assert "AUSTIN" not in masked.output
    shown = call("mapping", "diff", "tims/order", "--mapping", changed(UPPER_CITY), "--show", "1", "--values", exit_code=3)
    assert shown.stdout.count("AUSTIN") == 1
    assert "personal data" in shown.stderr


def test_no_change_is_exit_code_0(recorded: House, ask: Ask, changed: Callable[[str], str]) -> None:
    found = ask(
        "mapping", "diff", "tims/order", "--mapping", changed("system: tims\nentity: order\nwrite:\n  Currency: currency | upper\n")
    )
    assert (found["compared"], found["changed"], found["fields"]) == (3, 0, [])


def test_a_whole_file_may_leave_lines_out_and_a_folder_may_be_given(recorded: House, ask: Ask, tmp_path: Path) -> None:
    text = (FOLDER / "tims" / "order.yaml").read_text(encoding="utf-8")
    (tmp_path / "all" / "tims").mkdir(parents=True)
    (tmp_path / "all" / "tims" / "order.yaml").write_text(text.replace("  SourceChannel:   channel\n", ""), encoding="utf-8")
    found = ask("mapping", "diff", "tims/order", "--mapping", str(tmp_path / "all"), "--whole", exit_code=3)
    assert [one["field"] for one in found["fields"]] == ["SourceChannel"]


def test_what_would_not_pass_any_more_is_told(recorded: House, ask: Ask, changed: Callable[[str], str]) -> None:
    path = changed("system: tims\nentity: order\nwrite:\n  Currency: currency, channel | joined\n")
    found = ask("mapping", "diff", "tims/order", "--mapping", path, exit_code=3)
    assert [(one["field"], one["records"]) for one in found["new_problems"]] == [("Currency", 3)]


def test_payloads_that_are_deleted_are_counted(
    recorded: House, simulators: Simulators, ask: Ask, call: Call, changed: Callable[[str], str]
) -> None:
    with write(recorded.engine) as connection:
        assert retention.drop_payloads(connection, recorded.vault, "orders", clock.now() + timedelta(days=1))
    result = call("mapping", "diff", "tims/order", "--mapping", changed(UPPER_CITY), exit_code=1)
    assert result.stderr == "Error: nothing could be compared: retention has deleted the payloads of all 3 records.\n"
    place(simulators, 1, first=9)
    drain(recorded)
    found = ask("mapping", "diff", "tims/order", "--mapping", changed(UPPER_CITY), exit_code=3)
    assert (found["compared"], found["not_compared"]) == (1, 3)


@pytest.mark.parametrize(("text", "said"), [
    ("system: tims\nentity: order\nwrite:\n  Nonsense: currency\n", "changed.yaml:4: there is no field Nonsense"),
    ("system: tims\nentity: shipment\n", "entity must be order"),
    (None, "there is no such file"),
])  # fmt: skip
def test_a_file_that_does_not_fit_is_one_sentence(
    house: House, call: Call, changed: Callable[[str], str], tmp_path: Path, text: str | None, said: str
) -> None:
    result = call("mapping", "diff", "tims/order", "--mapping", changed(text) if text else str(tmp_path / "none.yaml"), exit_code=2)
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_mapping_that_no_flow_uses_is_one_sentence(house: House, call: Call, changed: Callable[[str], str]) -> None:
    result = call("mapping", "diff", "tims/stock", "--mapping", changed("system: tims\nentity: stock\n"), exit_code=2)
    assert "no flow of the configuration uses tims/stock" in result.stderr
