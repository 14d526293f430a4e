"""A person's request across the whole ledger: everything in one file, or nothing left anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line import retention
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, booked, drain, key, order, with_sku
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.care.conftest import Ask, Call

EMAIL = "Zoe.Quill@Buyer.example"
WORDS = ("Quill", "zoe.quill", "17 Larkspur", "512-555-0199", "Larkspur")
"""By which that person would be known in any text."""


def of_zoe(number: int = 1, **members: Any) -> dict[str, Any]:
    made = order(number, **members)
    made["CustomerInfo"] = {"FirstName": "Zoe", "LastName": "Quill", "Email": EMAIL, "Phone": "512-555-0199"}
    made["ShippingAddress"] |= {"FirstName": "Zoe", "LastName": "Quill", "AddressLine1": "17 Larkspur Way", "DaytimePhone": "512-555-0199"}
    return made


def whole_loop(house: House, simulators: Simulators, placed: Iterable[dict[str, Any]]) -> None:
    """Bring orders over, ship them, and tell the channel."""
    drain(house)
    for one in placed:
        wait_for(lambda one=one: booked(simulators)[key(one)][0]["OrderStatus"] == "Allocated", "not allocated")  # type: ignore[misc]
        simulators.tims.ship(SalesOrderID=booked(simulators)[key(one)][0]["SalesOrderID"])
    for flow in ("shipments", "order-status", "orders"):
        drain(house, flow)


def everything(house: House) -> str:
    """Every column of every table, with each payload opened and each column of text as it is."""
    said = []
    with read(house.engine) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for column, value in row._mapping.items():
                    sealed = isinstance(value, bytes) and table is not tables.data_key
                    opened = house.vault.open(value) if sealed else value
                    said.append(f"{table.name}.{column}: {json.dumps(opened, default=str, ensure_ascii=False)}")
    return "\n".join(said)


def payloads(house: House) -> list[bytes]:
    """Every sealed payload, as its bytes lie in the database."""
    sealed = [*(tables.record.c[name] for name in ("raw", "canonical", "parcel")), tables.crosswalk.c.delivered]
    with read(house.engine) as connection:
        return [value for column in sealed for value in connection.execute(select(column)).scalars() if value is not None]


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_person_gets_everything_in_one_file_for_their_eyes(
    house: House, simulators: Simulators, call: Call, tmp_path: Path, ask: Ask
) -> None:
    mine = simulators.channeladvisor.place([of_zoe(1), of_zoe(2)])
    simulators.channeladvisor.place([order(3)])
    whole_loop(house, simulators, mine)
    path = tmp_path / "zoe.json"
    said = call("privacy", "export", EMAIL.upper(), "--output", str(path)).stdout
    assert "2 orders" in said
    assert path.stat().st_mode & 0o777 == 0o600
    held = json.loads(path.read_text())
    assert [one["order"] for one in held["orders"]] == [key(one) for one in mine]
    first = held["orders"][0]
    assert first["booked_as"] == booked(simulators)[key(mine[0])][0]["SalesOrderID"]
    assert first["read"][0]["as_read"]["ShippingAddress"]["AddressLine1"] == "17 Larkspur Way"
    assert first["read"][0]["as_written"]["ShippingAddress"]["Line1"] == "17 Larkspur Way"
    assert "order created" in [one["operation"] for one in first["sent"]]
    assert {one["flow"] for one in first["returned"]} == {"shipments", "order-status"}
    assert held["customers"][0]["key"] == booked(simulators)[key(mine[0])][0]["CustomerID"]
    assert "ana.3" not in path.read_text()
    (entry,) = ask("audit", "--action", "export person")
    assert entry["subject"] == house.vault.subject(EMAIL)
    assert entry["detail"] == {"orders": 2}


def test_after_an_erasure_nothing_of_the_person_is_found_anywhere(
    house: House, simulators: Simulators, call: Call, tmp_path: Path, ask: Ask
) -> None:
    mine = simulators.channeladvisor.place([of_zoe(1), of_zoe(2)])
    (other,) = simulators.channeladvisor.place([order(3)])
    whole_loop(house, simulators, [*mine, other])
    before = everything(house).lower()
    assert all(word.lower() in before for word in WORDS)
    sealed = payloads(house)
    said = call("privacy", "erase", EMAIL, "--yes").stdout
    assert "2 of 2 orders erased" in said
    assert "ca and tims still hold" in said
    after = everything(house)
    for word in WORDS:
        assert word.lower() not in after.lower(), [line for line in after.split("\n") if word.lower() in line.lower()]
    gone = set(sealed) - set(payloads(house))
    assert len(gone) > 10
    house.engine.dispose()
    for path, content in files(tmp_path).items():
        assert not any(word.encode().lower() in content.lower() for word in WORDS), path
        assert not any(one in content for one in gone), f"{path} holds a payload that was deleted"
    # what the books need stays, and so does what is the other person's
    assert "ana.3@buyer.example" in after
    c = tables.crosswalk.c
    of_mine = select(c.delivered).where(c.source_key == key(mine[0]), c.entity == "order")
    with read(house.engine) as connection:
        left = house.vault.open(connection.execute(of_mine).scalar_one())
    assert (left["TotalAmount"], left["Currency"], left["OrderDate"]) == (mine[0]["TotalAmount"], "USD", "2026-03-02")
    assert [line["Price"] for line in left["LineItems"]] == [f"{line['UnitPrice']}00" for line in mine[0]["Items"]]
    assert [entry["subject"] for entry in ask("audit", "--action", "erase person")] == [house.vault.subject(EMAIL)] * 2
    assert house.vault.subject(EMAIL) not in "\n".join(line for line in after.split("\n") if not line.startswith("audit."))
    assert "holds no order of that person" in call("privacy", "export", EMAIL, exit_code=1).stderr


def test_after_an_erasure_the_order_goes_on_without_a_second_booking(house: House, simulators: Simulators, call: Call) -> None:
    (one,) = simulators.channeladvisor.place([of_zoe(1, PaymentStatus="Submitted")])
    drain(house)
    call("privacy", "erase", EMAIL, "--yes")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
    drain(house)
    (there,) = booked(simulators)[key(one)]
    assert there["PaymentStatus"] == "Paid"
    simulators.channeladvisor.place([of_zoe(2)])
    drain(house)
    assert_booked_once(simulators, simulators.channeladvisor.state()["orders"])  # and no second customer
    with read(house.engine) as connection:
        assert connection.execute(select(tables.dead_letter.c.id)).all() == []


def test_an_order_on_its_way_is_named_and_nothing_is_done(house: House, simulators: Simulators, call: Call) -> None:
    fine, held, dead = simulators.channeladvisor.place(
        [of_zoe(1), {**with_sku(2, "NO-SUCH"), "CustomerInfo": of_zoe()["CustomerInfo"]}, of_zoe(3)], check=False
    )
    simulators.channeladvisor.change(dead["ChannelAdvisorOrderID"], TotalAmount="1.00")
    drain(house)
    result = call("privacy", "erase", EMAIL, "--yes", exit_code=3)
    assert "integration holds release" in result.stdout
    assert "integration dead-letters replay" in result.stdout
    assert key(held) in result.stdout
    assert key(fine) not in result.stdout
    assert "--later" in result.stderr
    assert "17 Larkspur" in everything(house)


def test_what_is_on_its_way_is_erased_when_it_is_through(house: House, simulators: Simulators, call: Call, ask: Ask) -> None:
    made = {**of_zoe(2)}
    made["Items"][0]["SKU"] = "NEW-ITEM"
    simulators.channeladvisor.place([of_zoe(1), made])
    drain(house)
    assert ask("privacy", "erase", EMAIL, "--yes", "--later") == {"erased": 1, "later": 1, "subject": house.vault.subject(EMAIL)}
    assert retention.forget(house)["orders_erased"] == 0
    assert "17 Larkspur" in everything(house)
    (hold,) = ask("holds", "list")
    call("holds", "cancel", str(hold["id"]))
    assert retention.forget(house)["orders_erased"] == 1
    assert not any(word in everything(house) for word in WORDS)
    assert ask("audit", "--action", "erase person")[-1]["actor"] == "the service"


def test_a_guest_without_an_address_is_found_by_the_order_alone(house: House, simulators: Simulators, call: Call) -> None:
    nobody = {"FirstName": "Zoe", "LastName": "Quill", "Email": None, "Phone": None}
    mine, _ = simulators.channeladvisor.place([of_zoe(1) | {"CustomerInfo": nobody}, order(2, CustomerInfo=nobody)])
    drain(house)
    assert "name the order by its id" in call("privacy", "erase", "guests@orders.invalid", "--yes", exit_code=1).stderr
    call("privacy", "erase", mine["OrderID"], "--yes")
    assert "17 Larkspur" not in everything(house)
    assert "3 Orchard Lane" in everything(house)
    with read(house.engine) as connection:
        customers = connection.execute(select(tables.crosswalk.c.source_key).where(tables.crosswalk.c.entity == "customer")).scalars().all()
    assert customers == [house.vault.subject("guests@orders.invalid")]


def test_records_of_before_persons_were_noted_are_found_too(house: House, simulators: Simulators, call: Call) -> None:
    simulators.channeladvisor.place([of_zoe(1)])
    drain(house)
    with write(house.engine) as connection:
        connection.execute(update(tables.record).values(subject=None))
    assert "1 order" in call("privacy", "export", EMAIL).stdout


def test_a_record_that_no_mapping_can_read_is_found_by_its_address(house: House, simulators: Simulators, call: Call) -> None:
    simulators.channeladvisor.place([of_zoe(1, Currency="EURO")], check=False)
    drain(house)
    assert "dead letter" in call("privacy", "erase", EMAIL, "--yes", exit_code=3).stdout


def test_of_what_returns_no_address_is_kept_at_all(house: House, simulators: Simulators) -> None:
    mine = simulators.channeladvisor.place([of_zoe(1)])
    whole_loop(house, simulators, mine)
    r = tables.record.c
    with read(house.engine) as connection:
        raws = connection.execute(select(r.raw).where(r.flow.in_(["order-status", "shipments"]))).scalars().all()
    assert raws
    assert not any(word in str(house.vault.open(raw)) for raw in raws for word in WORDS)


@pytest.mark.parametrize("command", [("export",), ("erase", "--yes")])
def test_somebody_unknown_is_one_sentence(house: House, call: Call, command: tuple[str, ...]) -> None:
    said = call("privacy", *command, "nobody@buyer.example", exit_code=1).stderr
    assert said.startswith("Error: the ledger holds no order of that person")
    assert said.count("\n") == 1
