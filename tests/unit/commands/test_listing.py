"""The listings show what the registries and the mapping files really hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands.exits import Exit
from connectors.registry import SYSTEMS
from tests.unit.commands.conftest import Call


def test_connectors(call: Call) -> None:
    rows = json.loads(call("connector", "list", "--json").stdout)
    assert [row["name"] for row in rows] == list(SYSTEMS)
    shown = call("connector", "list").stdout
    assert all(system.title in shown for system in SYSTEMS.values())


def test_one_connector(call: Call) -> None:
    tims = json.loads(call("connector", "show", "tims", "--json").stdout)
    assert tims["requests"] == 600
    assert [credential["name"] for credential in tims["credentials"]] == ["client_id", "client_secret"]
    assert {entity["entity"]: entity["look_up"] for entity in tims["entities"]}["order"] == "ExternalOrderID"
    assert "600 requests in any 60 s, 8 at a time" in call("connector", "show", "tims").stdout


def test_mappings_have_fields_and_lines(call: Call) -> None:
    rows = json.loads(call("mapping", "list", "--json").stdout)
    assert {"channeladvisor/order", "tims/order", "tims/customer"} <= {row["mapping"] for row in rows}
    order = json.loads(call("mapping", "show", "tims/order", "--json").stdout)
    field = next(field for field in order["fields"] if field["field"] == "CustomerID")
    assert (field["side"], field["expression"]) == ("write", "customer | key_in_target")
    file, _, line = field["where"].partition(":")
    assert "CustomerID" in (Path(__file__).parents[3] / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert f"version {order['version']}" in call("mapping", "show", "tims/order").stdout


def test_an_override_is_merged_and_marked(configured: Path, call: Call) -> None:
    (configured / "own" / "tims").mkdir(parents=True)
    (configured / "own" / "tims" / "order.yaml").write_text(
        "system: tims\nentity: order\nwrite:\n  SourceChannel: currency\n", encoding="utf-8"
    )
    with (configured / "integration.toml").open("a", encoding="utf-8") as file:
        file.write('\n[mappings]\nfolder = "own"\n')
    rows = {row["mapping"]: row for row in json.loads(call("mapping", "list", "--json").stdout)}
    assert rows["tims/order"]["overridden"]
    assert not rows["channeladvisor/order"]["overridden"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["connector", "show", "tmis"], "there is no system `tmis`; did you mean `tims`?"),
        (["mapping", "show", "tims/ordr"], "there is no mapping `tims/ordr`; did you mean `tims/order`?"),
    ],
)
def test_an_unknown_name_is_one_sentence(call: Call, arguments: list[str], sentence: str) -> None:
    result = call(*arguments)
    assert result.exit_code == Exit.MISCONFIGURED
    assert sentence in result.stderr
