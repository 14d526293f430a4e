"""Holds, over real HTTP: what waits, what releases it and in which order, and what becomes of it when nothing comes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
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
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

Opened = Callable[..., House]

STOCK_FLOW = """
[flows.stock]
entity = "stock"
source = "tims"
target = "ca"
distribution_center = 0
"""


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


def test_a_change_of_a_booked_order_waits_for_no_item(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    item(simulators, "LATER-1")
    (one,) = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    simulators.tims.items({"SKU": "LATER-1", "Description": "Old", "Cost": "1.0000", "ListPrice": "2.0000", "Status": "Inactive"})
    with write(house.engine) as connection:
        connection.execute(update(tables.item).values(checked_at=clock.now() - timedelta(days=2)))
    address = {**one["ShippingAddress"], "City": "Dallas", "PostalCode": "75201"}
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=address)
    drain(house)
    assert held(house) == letters(house) == []
    assert booked(simulators)[key(one)][0]["ShippingAddress"]["City"] == "Dallas"


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


def test_a_cancellation_does_not_wait_for_an_address(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    wrong = {**order(1)["ShippingAddress"], "PostalCode": "nowhere"}
    new, in_tims = simulators.channeladvisor.place([order(1, ShippingAddress=wrong), order(2)])
    drain(house)
    assert len(held(house)) == 1
    simulators.channeladvisor.change(new["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    simulators.channeladvisor.change(in_tims["ChannelAdvisorOrderID"], OrderStatus="Cancelled", ShippingAddress=wrong)
    drain(house)
    assert held(house) == letters(house) == []
    assert {one: orders[0]["OrderStatus"] for one, orders in booked(simulators).items()} == {key(in_tims): "Cancelled"}


def test_a_hold_past_its_deadline_is_a_dead_letter_that_says_what_it_waited_for(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "NEVER-1")])
    drain(house)
    (waiting,) = held(house)
    look(house, deadline=clock.now() - timedelta(seconds=1))
    assert held(house) == []
    (letter,) = letters(house)
    assert letter.source_key == key(one)
    assert letter.cause == "held: lines[].sku"
    assert "NEVER-1 is no item of the target" in letter.reason
    assert f"waited in vain since {clock.text(waiting.since)}" in letter.reason


def lamps(*units: int) -> list[dict[str, Any]]:
    """Orders of one line each, in the order in which they are placed."""
    made = []
    for number, wanted in enumerate(units):
        one = order(number)
        one["Items"] = [{**one["Items"][0], "SKU": "LAMP-001", "Quantity": wanted, "TaxAmount": "0.00", "ShippingAmount": "0.00"}]
        one["TotalAmount"] = f"{24 * wanted}.00"
        made.append(one)
    return made


def test_what_has_come_while_nobody_looked_counts_though_the_deadline_has_passed(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    placed = simulators.channeladvisor.place([with_sku(1, "LATER-1"), with_sku(2, "NEVER-1")])
    drain(house)
    item(simulators, "LATER-1")
    look(house, deadline=clock.now() - timedelta(seconds=1))
    assert held(house) == []
    assert [letter.source_key for letter in letters(house)] == [key(placed[1])]
    assert_booked_once(simulators, placed[:1])


def test_what_stock_does_not_cover_waits_first_come_first_served(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='out_of_stock = "hold"')
    simulators.tims.inventory(SKU="LAMP-001", OnHand=4)
    placed = simulators.channeladvisor.place(lamps(2, 3, 1))
    drain(house)
    assert [(one.kind, one.awaits, one.source_key) for one in held(house)] == [
        ("out_of_stock", "LAMP-001", key(placed[1])),
        ("out_of_stock", "LAMP-001", key(placed[2])),
    ], "one unit would be enough for the last, but the one before it wants it too"
    assert_booked_once(simulators, placed[:1])
    look(house)
    assert len(held(house)) == 2
    late = simulators.channeladvisor.place(lamps(0, 0, 0, 1)[3:])
    simulators.tims.inventory(SKU="LAMP-001", OnHand=6)
    wait_until_allocated(simulators, placed[0])
    forget_bookings_of_just_now(house)
    drain(house)
    assert key(late[0]) in {one.source_key for one in held(house)}, "whoever comes later takes nothing from those who wait"
    look(house)
    assert [one.source_key for one in held(house)] == [key(late[0])]
    simulators.tims.inventory(SKU="LAMP-001", OnHand=20)
    look(house)
    assert held(house) == letters(house) == []
    placed += late
    assert_booked_once(simulators, placed)
    numbers = [booked(simulators)[key(one)][0]["SalesOrderID"] for one in placed]
    assert numbers == sorted(numbers)


def test_units_that_were_booked_a_moment_ago_are_promised_to_nobody_else(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='out_of_stock = "hold"', more=STOCK_FLOW)
    read_stock(house, 2)
    first, second = lamps(2, 2)
    placed = simulators.channeladvisor.place([first])
    drain(house)
    assert_booked_once(simulators, placed)
    (other,) = simulators.channeladvisor.place([second])
    drain(house)
    assert [hold.source_key for hold in held(house)] == [key(other)], "the reading does not know of the first order"


def read_stock(house: House, units: int) -> None:
    """As the flow of stock does."""
    reading = {"flow": "stock", "sku": "LAMP-001", "item": "LAMP-001", "available": units, "as_of": clock.now(), "gap": 0}
    with write(house.engine) as connection:
        connection.execute(tables.stock.delete())
        connection.execute(tables.stock.insert().values(**reading))


def wait_until_allocated(simulators: Simulators, one: dict[str, Any]) -> None:
    wait_for(lambda: booked(simulators)[key(one)][0]["OrderStatus"] == "Allocated", "TIMS did not allocate the order")


def forget_bookings_of_just_now(house: House) -> None:
    """As if the target had had its time to set units apart."""
    with write(house.engine) as connection:
        long_ago = clock.now() - timedelta(minutes=10)
        connection.execute(update(tables.record).where(tables.record.c.booked_at.is_not(None)).values(booked_at=long_ago))


def test_stock_is_taken_from_the_flow_of_stock_where_there_is_one(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='out_of_stock = "hold"', more=STOCK_FLOW)
    placed = simulators.channeladvisor.place(lamps(3))
    read_stock(house, 1)
    drain(house)
    assert [one.awaits for one in held(house)] == ["LAMP-001"]
    assert "getInventory" not in simulators.tims.stats()["requests"]
    read_stock(house, 3)
    look(house)
    assert held(house) == []
    assert_booked_once(simulators, placed)


def unpaid(number: int, **members: Any) -> dict[str, Any]:
    return order(1, PaymentStatus="Submitted", OrderID=f"113-000000{number}-7654321", **members)


def change_customer(house: House, email: str, **members: Any) -> None:
    """As staff do it in TIMS."""
    target = house.journey("orders").target
    (found,) = target.find("customer", email)
    target.update("customer", found.key, members, found.version)


def test_an_unpaid_order_over_the_credit_limit_waits_until_there_is_credit(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    simulators.tims.customer(Name="Ana Ruiz", Email="ana.1@buyer.example", CreditLimit="5.00")
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    assert held(house) == [], "a paid order owes nothing"
    placed += simulators.channeladvisor.place([unpaid(1), unpaid(2)])
    drain(house)
    assert [(one.kind, one.source_key) for one in held(house)] == [("credit", key(one)) for one in placed[1:]]
    look(house)
    assert len(held(house)) == 2
    # Enough for one more order, but not for both.
    (customer,) = house.journey("orders").target.find("customer", "ana.1@buyer.example")
    limit = Decimal(str(customer.body["Balance"])) + Decimal(placed[1]["TotalAmount"])
    change_customer(house, "ana.1@buyer.example", CreditLimit=str(limit))
    look(house)
    assert [one.source_key for one in held(house)] == [key(placed[2])]
    with write(house.engine) as connection:
        holds.send_on(connection, held(house), waive=True)
    drain(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, placed)


def test_an_order_of_an_inactive_customer_waits_and_is_not_sent_again_and_again(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='credit = "erp"')
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    change_customer(house, "ana.1@buyer.example", Status="Inactive")
    placed += simulators.channeladvisor.place([order(1, OrderID="113-0000009-7654321")])
    drain(house)
    (first,) = held(house)
    assert (first.kind, first.source_key) == ("credit", key(placed[1]))
    sent = simulators.tims.stats()["requests"]["createSalesOrder"]
    look(house)
    (still,) = held(house)
    assert (still.since, still.deadline) == (first.since, first.deadline)
    assert simulators.tims.stats()["requests"]["createSalesOrder"] == sent
    change_customer(house, "ana.1@buyer.example", Status="Active")
    look(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, placed, injected=("422",))


def test_a_hold_that_becomes_a_dead_letter_on_the_way_is_over(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], TotalAmount="1.00")
    drain(house)
    assert held(house) == []
    assert [letter.source_key for letter in letters(house)] == [key(one)]


def test_an_older_version_that_comes_late_does_not_wait(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    r = tables.record.c
    with write(house.engine) as connection:
        older = connection.execute(select(tables.record)).one()
        newer = {**older._asdict(), "version": older.version + "1"}
        del newer["id"]
        connection.execute(
            tables.record.insert().values(**newer, subject=None) if "subject" not in newer else tables.record.insert().values(**newer)
        )
        connection.execute(update(tables.record).where(r.version == newer["version"]).values(state="done", finished_at=clock.now()))
    item(simulators, "LATER-2")
    with write(house.engine) as connection:
        holds.send_on(connection, held(house))
    drain(house)
    assert held(house) == letters(house) == []
    with read(house.engine) as connection:
        assert connection.execute(select(r.state).where(r.version == older.version)).scalar_one() == "superseded"
    with read(house.engine) as connection:
        assert holds.standing(connection, "orders") == []
    assert key(one) not in booked(simulators)


def test_a_system_that_is_away_costs_no_hold(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    placed = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    drain(house)
    item(simulators, "LATER-1")
    simulators.tims.faults(**{"server-error": True})
    look(house)
    assert len(held(house)) == 1
    simulators.tims.clear()
    look(house)
    assert held(house) == []
    assert_booked_once(simulators, placed)


def test_a_shipment_waits_for_its_tracking_number_and_not_for_ever(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    placed = simulators.channeladvisor.place([order(number) for number in range(2)])
    drain(house)
    simulators.tims.faults(**{"tracking-added-later": {"delay": 1}})
    ids = [booked(simulators)[key(one)][0]["SalesOrderID"] for one in placed]
    simulators.tims.ship(SalesOrderID=ids[0])
    drain(house, "shipments")
    assert [(one.kind, one.awaits) for one in held(house)] == [("tracking", "SH-0000001")]
    wait_for(lambda: simulators.tims.state()["shipments"][0]["TrackingNumber"], "TIMS added no tracking number")
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
