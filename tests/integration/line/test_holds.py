"""Holds, over real HTTP: what waits, what releases it and in which order, and what becomes of it when nothing comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from integration import clock
from integration.ledger import holds, tables
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line.holds import release
from integration.line.journey import House
from tests.fixtures.line import BACK_FLOWS, assert_booked_once, booked, configure, drain, key, open_line, order, with_sku
from tests.fixtures.simulators import Simulators

Opened = Callable[..., House]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[Opened]:
    with contextlib.ExitStack() as stack:

        def open_(orders: str = "", more: str = "") -> House:
            configure(monkeypatch, tmp_path, simulators, database_url, orders=orders, more=BACK_FLOWS + more)
            return stack.enter_context(open_line())

        yield open_


def held(house: House) -> list[Hold]:
    with read(house.engine) as connection:
        return holds.listed(connection)


def letters(house: House) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.dead_letter).where(tables.dead_letter.c.state == "open")).all())


def look(house: House, flow: str = "orders", **columns: Any) -> None:
    """Let the time come to look after every hold, and work on what goes on."""
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now(), **columns))
        connection.execute(update(tables.item).values(checked_at=clock.now() - timedelta(days=2)))
    release(house)
    drain(house, flow)


def item(simulators: Simulators, sku: str) -> None:
    simulators.tims.items({"SKU": sku, "Description": "New", "Cost": "1.0000", "ListPrice": "2.0000", "Status": "Active"})


def test_an_unknown_sku_waits_and_is_booked_in_order_of_arrival(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    orders = simulators.channeladvisor.place([with_sku(number, "LATER-1") for number in range(3)])
    (other,) = simulators.channeladvisor.place([order(7)])
    drain(house)
    assert [(one.kind, one.awaits) for one in held(house)] == [("unknown_sku", "LATER-1")] * 3
    assert "LATER-1 is no item of the target" in held(house)[0].reason
    assert letters(house) == []
    assert_booked_once(simulators, [other])
    look(house)
    assert len(held(house)) == 3, "nothing is released before it is known"
    item(simulators, "LATER-1")
    look(house)
    assert held(house) == []
    assert_booked_once(simulators, [*orders, other])
    numbers = [booked(simulators)[key(one)][0]["SalesOrderID"] for one in orders]
    assert numbers == sorted(numbers)


def test_a_newer_version_takes_the_place_of_the_held_one(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    (first,) = held(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Deposited")
    drain(house)
    (second,) = held(house)
    assert second.record_id != first.record_id
    assert (second.since, second.deadline) == (first.since, first.deadline)
    item(simulators, "LATER-1")
    look(house)
    assert_booked_once(simulators, [one])
    assert held(house) == letters(house) == []


def test_a_cancelled_order_waits_for_nothing(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    drain(house)
    assert held(house) == letters(house) == []
    assert booked(simulators) == {}


def test_an_address_waits_for_a_correction_in_the_channel(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    address = {**order(1)["ShippingAddress"], "PostalCode": "nowhere"}
    (one,) = simulators.channeladvisor.place([order(1, ShippingAddress=address)])
    drain(house)
    (hold,) = held(house)
    assert (hold.kind, hold.awaits) == ("address", key(one))
    assert "nowhere" not in hold.reason
    look(house)
    assert len(held(house)) == 1
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=order(1)["ShippingAddress"])
    drain(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, [one])


def test_a_hold_past_its_deadline_is_a_dead_letter_that_says_what_it_waited_for(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "NEVER-1")])
    drain(house)
    look(house, deadline=clock.now() - timedelta(seconds=1))
    assert held(house) == []
    (letter,) = letters(house)
    assert letter.source_key == key(one)
    assert "NEVER-1" in letter.reason


def test_what_stock_does_not_cover_waits_first_come_first_served(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='out_of_stock = "hold"')
    simulators.tims.inventory(SKU="LAMP-001", OnHand=1)
    wanted = [order(0, OrderID=f"113-000000{number}-7654321") for number in range(2)]
    for one, units in zip(wanted, (3, 1), strict=True):
        one["Items"] = [{**one["Items"][0], "SKU": "LAMP-001", "Quantity": units, "TaxAmount": "0.00", "ShippingAmount": "0.00"}]
        one["TotalAmount"] = f"{24 * units}.00"
    placed = simulators.channeladvisor.place(wanted)
    drain(house)
    assert [(one.kind, one.awaits, one.source_key) for one in held(house)] == [("out_of_stock", "LAMP-001", key(placed[0]))]
    assert list(booked(simulators)) == [key(placed[1])], "one unit is there, and one is wanted"
    simulators.tims.inventory(SKU="LAMP-001", OnHand=10)
    look(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, placed)


def test_an_unpaid_order_over_the_credit_limit_waits_for_a_person(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    simulators.tims.customer(Name="Ana Ruiz", Email="ana.1@buyer.example", CreditLimit="5.00")
    first, paid = order(1, PaymentStatus="Submitted"), order(1, OrderID="113-0000001-7654321")
    placed = simulators.channeladvisor.place([paid])
    drain(house)
    placed += simulators.channeladvisor.place([first])
    drain(house)
    (hold,) = held(house)
    assert hold.kind == "credit"
    assert hold.source_key == key(placed[1])
    with write(house.engine) as connection:
        holds.send_on(connection, [hold], waive=True)
    drain(house)
    assert held(house) == letters(house) == []
    assert {len(one) for one in booked(simulators).values()} == {1}
    assert set(booked(simulators)) == {key(one) for one in placed}


def test_a_shipment_waits_for_its_tracking_number_and_not_for_ever(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    placed = simulators.channeladvisor.place([order(number) for number in range(2)])
    drain(house)
    simulators.tims.faults(**{"tracking-added-later": {"delay": 1}})
    ids = [booked(simulators)[key(one)][0]["SalesOrderID"] for one in placed]
    simulators.tims.ship(SalesOrderID=ids[0])
    drain(house, "shipments")
    assert [(one.kind, one.awaits) for one in held(house)] == [("tracking", "SH-0000001")]
    from tests.fixtures.processes import wait_for

    wait_for(lambda: simulators.tims.state()["shipments"][0]["TrackingNumber"], 10, "TIMS added no tracking number")
    drain(house, "shipments")
    assert held(house) == []
    (told,) = simulators.channeladvisor.state()["shipments"]
    assert told["TrackingNumber"]
    simulators.tims.faults(**{"tracking-added-later": {"delay": 600}})
    simulators.tims.ship(SalesOrderID=ids[1])
    drain(house, "shipments")
    with write(house.engine) as connection:
        connection.execute(update(tables.record).values(extracted_at=clock.now() - timedelta(hours=1)))
    look(house, "shipments", deadline=clock.now() - timedelta(seconds=1))
    assert held(house) == letters(house) == []
    assert len(simulators.channeladvisor.state()["shipments"]) == 2


def test_a_shipment_waits_until_its_order_is_known(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.tims.ship(SalesOrderID=booked(simulators)[key(one)][0]["SalesOrderID"])
    c = tables.crosswalk
    with write(house.engine) as connection:
        row = connection.execute(select(c.c.id, c.c.target_key).where(c.c.entity == "order")).one()
        connection.execute(update(c).where(c.c.id == row.id).values(target_key=None))
        connection.execute(tables.order_line.delete())
    drain(house, "shipments")
    assert [(hold.kind, hold.awaits) for hold in held(house)] == [("order", key(one))]
    with write(house.engine) as connection:
        connection.execute(update(c).where(c.c.id == row.id).values(target_key=row.target_key))
    look(house, "shipments")
    assert held(house) == letters(house) == []
    assert len(simulators.channeladvisor.state()["shipments"]) == 1
