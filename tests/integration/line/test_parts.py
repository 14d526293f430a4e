"""Orders that stock covers in part: what there is is booked at once, the rest when it comes, and together they are the order."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from commands.cli import cli
from integration import clock
from integration.ledger import commitments, holds, tables
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line.holds import release
from integration.line.journey import House
from tests.fixtures.line import booked, drain, exported, key, order
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, channel_order, letters

PARTIAL = 'out_of_stock = "partial"'


@pytest.fixture
def house(opened: Opened) -> House:
    return opened(orders=PARTIAL)


def place_one(simulators: Simulators) -> dict[str, Any]:
    """Five lamps, of which stock has three, and two desks, which are there."""
    made = order(1)
    made["Items"] = [
        {**made["Items"][0], "SKU": "LAMP-001", "Quantity": 5, "UnitPrice": "10.00", "TaxAmount": "4.13", "ShippingAmount": "6.99"},
        {**made["Items"][0], "SKU": "DESK-001", "Quantity": 2, "UnitPrice": "99.95", "TaxAmount": "16.49", "ShippingAmount": "0.00"},
    ]
    made["TotalAmount"] = str(Decimal("50.00") + Decimal("4.13") + Decimal("6.99") + Decimal("199.90") + Decimal("16.49"))
    simulators.tims.inventory(SKU="LAMP-001", OnHand=3)
    (placed,) = simulators.channeladvisor.place([made])
    return placed


def held(house: House) -> list[Hold]:
    with read(house.engine) as connection:
        return holds.listed(connection)


def look(house: House) -> None:
    long_ago = clock.now().replace(year=2020)
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now()))
        connection.execute(update(tables.record).where(tables.record.c.booked_at.is_not(None)).values(booked_at=long_ago))
    release(house)
    drain(house)


def lines(sales_order: dict[str, Any]) -> list[tuple[str, int]]:
    return [(line["SKU"], line["Quantity"]) for line in sales_order["LineItems"]]


def both(simulators: Simulators, placed: dict[str, Any]) -> list[dict[str, Any]]:
    """The two sales orders, each booked once."""
    found = booked(simulators)
    assert {name: len(those) for name, those in found.items()} == {key(placed): 1, f"{key(placed)}/2": 1}
    return [found[key(placed)][0], found[f"{key(placed)}/2"][0]]


def allocate(simulators: Simulators, placed: dict[str, Any], parts: int = 2) -> None:
    names = [key(placed), f"{key(placed)}/2"][:parts]
    wait_for(lambda: all(booked(simulators)[name][0]["OrderStatus"] == "Allocated" for name in names), "TIMS did not allocate")


def come_in(house: House, simulators: Simulators, placed: dict[str, Any]) -> list[dict[str, Any]]:
    """The missing lamps arrive, and the rest is booked."""
    allocate(simulators, placed, 1)
    simulators.tims.inventory(SKU="LAMP-001", OnHand=9)
    look(house)
    assert held(house) == []
    return both(simulators, placed)


def test_what_there_is_is_booked_and_the_rest_follows_by_itself(house: House, simulators: Simulators) -> None:
    placed = place_one(simulators)
    drain(house)
    assert [(one.kind, one.source_key, one.awaits) for one in held(house)] == [("out_of_stock", f"{key(placed)}/2", "LAMP-001")]
    assert lines(booked(simulators)[key(placed)][0]) == [("LAMP-001", 3), ("DESK-001", 2)]
    assert exported(simulators) == {key(placed)}
    drain(house)
    allocate(simulators, placed, 1)
    look(house)
    assert len(held(house)) == 1, "nothing comes before its stock"
    first, rest = come_in(house, simulators, placed)
    assert (lines(first), lines(rest)) == ([("LAMP-001", 3), ("DESK-001", 2)], [("LAMP-001", 2)])
    assert Decimal(first["TotalAmount"]) + Decimal(rest["TotalAmount"]) == Decimal(placed["TotalAmount"])
    assert (first["ShippingAmount"], rest["ShippingAmount"]) == ("6.99", "0.00")
    assert first["CustomerID"] == rest["CustomerID"]
    assert simulators.tims.stats()["contract_errors"] == []
    assert letters(house) == []


def test_an_order_of_which_nothing_is_there_waits_whole(house: House, simulators: Simulators) -> None:
    simulators.tims.inventory(SKU="LAMP-001", OnHand=0)
    made = order(1)
    made["Items"] = made["Items"][:1]
    made["Items"][0].update(SKU="LAMP-001", Quantity=1)
    item = made["Items"][0]
    made["TotalAmount"] = str(Decimal(item["UnitPrice"]) + Decimal(item["TaxAmount"]) + Decimal(item["ShippingAmount"]))
    (placed,) = simulators.channeladvisor.place([made])
    drain(house)
    assert [one.source_key for one in held(house)] == [key(placed)]
    assert booked(simulators) == {}


def test_both_parts_ship_to_the_one_order(house: House, simulators: Simulators) -> None:
    placed = place_one(simulators)
    drain(house)
    come_in(house, simulators, placed)
    allocate(simulators, placed)
    for one in both(simulators, placed):
        simulators.tims.ship(SalesOrderID=one["SalesOrderID"])
        drain(house, "shipments")
    there = channel_order(simulators, placed)
    assert [line["QuantityShipped"] for line in there["Items"]] == [5, 2]
    assert there["OrderStatus"] == "Shipped"
    drain(house, "order-status")
    assert letters(house) == []


@pytest.mark.parametrize("booked_parts", [1, 2])
def test_a_cancellation_in_the_channel_reaches_every_part(house: House, simulators: Simulators, booked_parts: int) -> None:
    placed = place_one(simulators)
    drain(house)
    if booked_parts == 2:
        come_in(house, simulators, placed)
    simulators.channeladvisor.change(placed["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    drain(house)
    drain(house)
    assert held(house) == letters(house) == []
    assert [one["OrderStatus"] for those in booked(simulators).values() for one in those] == ["Cancelled"] * booked_parts
    drain(house, "order-status")
    assert letters(house) == [], "our own cancellation is no news"


def test_a_cancellation_of_one_part_is_a_persons_and_of_both_is_told(house: House, simulators: Simulators) -> None:
    placed = place_one(simulators)
    drain(house)
    first, rest = come_in(house, simulators, placed)
    simulators.tims.change(rest["SalesOrderID"], OrderStatus="Cancelled", CancelReason="damaged")
    drain(house, "order-status")
    assert ["cannot cancel the order" in letter.reason for letter in letters(house)] == [True]
    assert channel_order(simulators, placed)["OrderStatus"] != "Cancelled"
    simulators.tims.change(first["SalesOrderID"], OrderStatus="Cancelled", CancelReason="damaged")
    drain(house, "order-status")
    assert channel_order(simulators, placed)["OrderStatus"] == "Cancelled"


def test_a_change_of_the_order_reaches_both_parts_and_the_held_one_only_once(house: House, simulators: Simulators) -> None:
    placed = place_one(simulators)
    drain(house)
    address = {**placed["ShippingAddress"], "City": "Dallas", "PostalCode": "75201"}
    simulators.channeladvisor.change(placed["ChannelAdvisorOrderID"], ShippingAddress=address)
    drain(house)
    drain(house)
    assert len(held(house)) == 1
    assert [one["ShippingAddress"]["City"] for one in come_in(house, simulators, placed)] == ["Dallas", "Dallas"]
    assert letters(house) == []


def test_each_part_counts_for_the_guard_by_itself(opened: Opened, simulators: Simulators) -> None:
    house = opened(
        orders=PARTIAL,
        more='\n[flows.stock]\nentity = "stock"\nsource = "tims"\ntarget = "ca"\ndistribution_center = 0\n',
    )
    placed = place_one(simulators)
    drain(house)
    first, rest = key(placed), f"{key(placed)}/2"
    wanted = Counter({(first, "LAMP-001"): 3, (rest, "LAMP-001"): 2, (first, "DESK-001"): 2})
    assert promised(house) == wanted
    simulators.channeladvisor.change(placed["ChannelAdvisorOrderID"], PaymentStatus="Deposited")
    drain(house)
    assert promised(house) == wanted, "a newer version promises the same"


def promised(house: House) -> Counter[tuple[str, str]]:
    units: Counter[tuple[str, str]] = Counter()
    with read(house.engine) as connection:
        for one in commitments.open_for(connection, "ca", ["LAMP-001", "DESK-001"], clock.now()):
            units[one.order_key, one.sku] += one.units
    return +units


def test_reconciliation_proves_both_parts_as_one(house: House, simulators: Simulators) -> None:
    placed = place_one(simulators)
    drain(house)
    waiting = CliRunner().invoke(cli, ["reconcile", "orders", "--since", "1d", "--json"])
    assert '"explained": 1' in waiting.output, waiting.output
    come_in(house, simulators, placed)
    whole = CliRunner().invoke(cli, ["reconcile", "orders", "--since", "1d", "--json"])
    assert (whole.exit_code, '"proven": 1' in whole.output) == (0, True), whole.output
    story = CliRunner().invoke(cli, ["trace", key(placed)])
    assert f"{key(placed)}/2" in story.output
