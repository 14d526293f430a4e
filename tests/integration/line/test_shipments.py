"""Shipments on their way to the channel that meet something on it: a hold, an alias, a lost answer, an order of another time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from integration import clock
from integration.ledger import holds, tables
from integration.ledger.database import read, write
from integration.ledger.records import SKIPPED
from integration.line.holds import release
from integration.line.journey import House
from tests.fixtures.line import FLOW, drain, key, step, with_sku
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, allocated, by_phone, channel_order, letters, place, requests, sales_order, states


def told(simulators: Simulators) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulators.channeladvisor.state()["shipments"]
    return found


def held(house: House) -> list[tuple[str, str]]:
    with read(house.engine) as connection:
        return [(one.kind, one.awaits) for one in holds.listed(connection)]


def look(house: House, **columns: Any) -> None:
    """Let the time come to look after every hold, and work on what goes on."""
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).where(tables.hold.c.state == "open").values(check_at=clock.now(), **columns))
    release(house)
    drain(house, "shipments")


def test_the_channel_gets_the_code_under_which_it_sold(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    alias = next(one for item in simulators.tims.state()["items"] if item["Status"] == "Active" for one in item["Aliases"])
    sku = next(item["SKU"] for item in simulators.tims.state()["items"] if alias in item["Aliases"])
    (one,) = simulators.channeladvisor.place([with_sku(1, alias)], check=False)
    drain(house)
    shipment = simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    assert shipment["Lines"][0]["SKU"] == sku
    drain(house, "shipments")
    assert [item["SKU"] for item in told(simulators)[0]["Items"]] == [alias, "DESK-002"]
    assert channel_order(simulators, one)["OrderStatus"] == "Shipped"


def test_a_shipment_waits_while_the_channel_holds_its_order(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="OnHold")
    drain(house, "shipments")
    assert held(house) == [("order", key(one))]
    tries = simulators.channeladvisor.stats()["refused"].get("409", 0)
    look(house)
    assert held(house) == [("order", key(one))]
    assert simulators.channeladvisor.stats()["refused"].get("409", 0) == tries, "it is asked whether it may, not sent again"
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Pending")
    look(house)
    assert held(house) == letters(house) == []
    assert len(told(simulators)) == 1


def test_a_shipment_of_an_order_whose_booking_was_never_answered_waits(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    simulators.tims.faults(
        {"drop-after-commit": {"times": 1, "operations": ["createSalesOrder"]}, "server-error": {"operations": ["listSalesOrders"]}}
    )
    step(house, FLOW)
    simulators.tims.ship(SalesOrderID=sales_order(simulators, one)["SalesOrderID"])
    step(house, "shipments")
    assert held(house) == [("order", key(one))]
    assert told(simulators) == []
    simulators.tims.clear()
    drain(house)
    sales_order(simulators, one)
    look(house)
    assert held(house) == letters(house) == []
    assert len(told(simulators)) == 1


def test_a_shipment_of_an_order_that_we_shall_not_book_after_all_is_told_by_the_channels_own_lines(
    opened: Opened, simulators: Simulators
) -> None:
    house = opened()
    (one,) = place(simulators)
    simulators.tims.faults(
        {"drop-after-commit": {"times": 1, "operations": ["createSalesOrder"]}, "server-error": {"operations": ["listSalesOrders"]}}
    )
    step(house, FLOW)
    simulators.tims.ship(SalesOrderID=sales_order(simulators, one)["SalesOrderID"])
    step(house, "shipments")
    assert held(house) == [("order", key(one))]
    r = tables.record.c
    with write(house.engine) as connection:  # as where somebody else has taken the order over
        connection.execute(update(tables.record).where(r.flow == FLOW).values(state=SKIPPED, finished_at=clock.now()))
    simulators.tims.clear()
    look(house)
    assert held(house) == letters(house) == []
    assert len(told(simulators)) == 1


def test_an_order_that_was_booked_before_this_ledger_is_told_by_the_channels_own_lines(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (mine, other) = place(simulators, 2)
    drain(house)
    with write(house.engine) as connection:
        for table in (tables.dead_letter, tables.delivery, tables.order_line, tables.record):
            connection.execute(table.delete())
        connection.execute(tables.crosswalk.delete().where(tables.crosswalk.c.source_key == key(other)))
    simulators.tims.ship(SalesOrderID=allocated(simulators, other), Lines=[{"LineNumber": 2, "Quantity": 1}])
    drain(house, "shipments")
    assert [item["SKU"] for item in told(simulators)[0]["Items"]] == ["DESK-002"]
    assert letters(house) == []
    assert mine is not other


def test_a_channel_that_does_not_answer_keeps_nothing_from_being_told(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    with write(house.engine) as connection:
        connection.execute(tables.order_line.delete())
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.faults({"server-error": {"times": 5, "operations": ["getOrder"]}})
    drain(house, "shipments")
    assert letters(house) == []
    assert len(told(simulators)) == 1


def test_a_tracking_number_that_comes_after_all_is_a_persons(opened: Opened, simulators: Simulators) -> None:
    house = opened("[flows.shipments.holds]\ntracking = '1s'\n")
    (one,) = place(simulators)
    drain(house)
    simulators.tims.faults(**{"tracking-added-later": {"delay": 2}})
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    drain(house, "shipments")
    assert held(house) == [("tracking", "SH-0000001")]
    with write(house.engine) as connection:
        connection.execute(update(tables.record).values(extracted_at=clock.now() - timedelta(seconds=2)))
    look(house, deadline=clock.now())
    assert [each["TrackingNumber"] for each in told(simulators)] == [None]
    wait_for(lambda: simulators.tims.state()["shipments"][0]["TrackingNumber"], "TIMS added no tracking number")
    drain(house, "shipments")
    (letter,) = letters(house)
    assert letter.kind == "conflict"
    assert letter.reason.startswith("TrackingNumber: changed after")
    assert len(told(simulators)) == 1


def test_a_shipment_that_changed_while_its_answer_was_lost_is_a_conflict(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    shipment = simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    line = channel_order(simulators, one)["Items"][0]
    house.journey("shipments").target.create(
        "shipment",
        {
            "ChannelAdvisorOrderID": one["ChannelAdvisorOrderID"],
            "SellerShipmentID": shipment["ShipmentID"],
            "ShippingCarrier": "Another",
            "ShippedDate": shipment["ShipDate"],
            "Items": [{"OrderItemID": line["OrderItemID"], "SKU": line["SKU"], "Quantity": 1}],
        },
    )
    drain(house, "shipments")
    (letter,) = letters(house)
    assert letter.kind == "conflict"
    assert "other contents" in letter.reason
    assert len(told(simulators)) == 1


def test_more_units_than_were_sold_are_a_persons(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    with write(house.engine) as connection:
        (line, *_) = connection.execute(select(tables.order_line).order_by(tables.order_line.c.line_number)).all()
        row = {"connection": "ca", "shipment_key": "SH-0000099", "order_key": key(one), "line_key": line.line_key, "sku": line.sku}
        connection.execute(tables.shipped_line.insert().values(**row, units=line.units, delivered_at=clock.now()))
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    drain(house, "shipments")
    (letter,) = letters(house)
    assert letter.kind == "conflict"
    assert "of 1 sold 1 have shipped already" in letter.reason


def test_an_order_of_nobody_costs_one_question_and_no_letter(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    like = sales_order(simulators, one)
    for reference in ("PHONE-17", "999999999"):
        house.journey("orders").target.create("order", {**by_phone(like), "ExternalOrderID": reference, "CustomerID": like["CustomerID"]})
    for sold in simulators.tims.state()["sales_orders"]:
        if sold["ExternalOrderID"] != key(one):
            simulators.tims.ship(SalesOrderID=sold["SalesOrderID"])
    before = requests(simulators, "getOrder")
    drain(house, "shipments")
    assert [state for _, state in states(house, "shipments")] == ["skipped", "skipped"]
    assert requests(simulators, "getOrder") - before <= 2
    assert told(simulators) == []
    assert letters(house) == []
