"""What comes back to the channel: shipments once and whole, statuses both ways, and who wins where both sides changed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from commands.cli import cli
from tests.fixtures.line import drain, key
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, allocated, by_phone, channel_order, letters, place, requests, sales_order, states


def asked(simulators: Simulators) -> dict[str, int]:
    """Requests by operation, without tokens and the looks for what is new."""
    found = {**simulators.channeladvisor.stats()["requests"], **simulators.tims.stats()["requests"]}
    return {name: count for name, count in found.items() if not name.startswith(("list", "getToken"))}


def test_an_order_is_acknowledged_with_its_number_and_the_echo_costs_nothing(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    drain(house, "order-status")
    there = channel_order(simulators, one)
    assert (there["OrderStatus"], there["SellerOrderID"]) == ("Pending", sales_order(simulators, one)["SalesOrderID"])
    before = asked(simulators)
    allocated(simulators, one)
    for flow in ("orders", "order-status", "orders", "order-status"):
        drain(house, flow)
    assert asked(simulators) == before, "an echo costs no request besides the look for what is new"
    assert [state for _, state in states(house, "orders")] == ["done", "unchanged"]
    assert letters(house) == []


def test_shipments_arrive_in_parts_with_their_lines(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    placed = place(simulators, 3)
    drain(house)
    numbers = [allocated(simulators, one) for one in placed]
    simulators.tims.ship(SalesOrderID=numbers[1], Lines=[{"LineNumber": 1, "Quantity": 1}], Carrier="federal express", Service="GROUND")
    drain(house, "shipments")
    partly = channel_order(simulators, placed[1])
    assert (partly["OrderStatus"], partly["FulfillmentStatus"]) == ("Pending", "PartiallyShipped")
    assert [line["QuantityShipped"] for line in partly["Items"]] == [1, 0]
    simulators.tims.ship(SalesOrderID=numbers[1])
    simulators.tims.ship(SalesOrderID=numbers[2])
    drain(house, "shipments")
    assert channel_order(simulators, placed[1])["OrderStatus"] == channel_order(simulators, placed[2])["OrderStatus"] == "Shipped"
    assert channel_order(simulators, placed[0])["OrderStatus"] == "New"
    told = simulators.channeladvisor.state()["shipments"]
    assert [told[0][name] for name in ("SellerShipmentID", "ShippingCarrier", "ShippingClass")] == ["SH-0000001", "FedEx", "GROUND"]
    assert all(one["TrackingNumber"] for one in told)
    assert letters(house) == []


@pytest.mark.parametrize("fault", ["drop-after-commit", "html-5xx", "reset-before-commit"])
def test_a_shipment_whose_answer_was_lost_is_told_once(opened: Opened, simulators: Simulators, fault: str) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.faults({fault: {"times": 2, "operations": ["createShipment"]}})
    drain(house, "shipments")
    assert len(simulators.channeladvisor.state()["shipments"]) == 1
    assert channel_order(simulators, one)["OrderStatus"] == "Shipped"
    assert [state for _, state in states(house, "shipments")] == ["done"]


def test_what_is_not_of_this_channel_is_left_alone(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    customer = sales_order(simulators, one)["CustomerID"]
    number = allocated(simulators, one)
    house.journey("orders").target.create(
        "order",
        {**by_phone(sales_order(simulators, one)), "ExternalOrderID": "PHONE-17", "CustomerID": customer},
    )
    other = next(each for each in simulators.tims.state()["sales_orders"] if each["SalesOrderID"] != number)
    wait_for(
        lambda: (
            next(o for o in simulators.tims.state()["sales_orders"] if o["ExternalOrderID"] == "PHONE-17")["OrderStatus"] == "Allocated"
        ),
        "TIMS did not allocate the order",
    )
    simulators.tims.ship(SalesOrderID=other["SalesOrderID"])
    drain(house, "shipments")
    drain(house, "order-status")
    assert [state for _, state in states(house, "shipments")] == ["skipped"]
    assert simulators.channeladvisor.state()["shipments"] == []
    assert letters(house) == []


def test_a_cancellation_of_the_erp_reaches_the_channel_and_comes_back_as_an_echo(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    drain(house, "order-status")
    simulators.tims.change(sales_order(simulators, one)["SalesOrderID"], OrderStatus="Cancelled")
    drain(house, "order-status")
    assert channel_order(simulators, one)["OrderStatus"] == "Cancelled"
    before = requests(simulators, "updateSalesOrder")
    drain(house)
    assert requests(simulators, "updateSalesOrder") == before
    assert letters(house) == []


def test_a_hold_of_the_erp_and_its_end_reach_the_channel(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    number = sales_order(simulators, one)["SalesOrderID"]
    for status, there in (("OnHold", "OnHold"), ("Open", "Pending")):
        simulators.tims.change(number, OrderStatus=status)
        for flow in ("order-status", "orders", "order-status"):
            drain(house, flow)
        assert channel_order(simulators, one)["OrderStatus"] == there
        assert sales_order(simulators, one)["OrderStatus"] in (status, "Allocated")
    assert letters(house) == []


def test_a_cancellation_that_comes_too_late_is_shown_with_both_states(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    drain(house)
    (letter,) = letters(house)
    assert letter.kind == "conflict"
    assert "cancelled in ca" in letter.reason
    assert "Fulfilled, QuantityShipped" in letter.reason
    drain(house, "shipments")
    (also,) = [each for each in letters(house) if each.flow == "shipments"]
    assert "shipped 2 units" in also.reason
    assert "cancelled in ca" in also.reason


def test_where_the_erp_may_win_a_late_cancellation_needs_nobody(opened: Opened, simulators: Simulators) -> None:
    house = opened('[flows.orders.conflicts]\nstatus = "target"\n')
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    drain(house)
    drain(house)
    assert letters(house) == []
    assert sales_order(simulators, one)["OrderStatus"] == "Fulfilled"


def test_a_cancellation_of_the_erp_that_the_channel_has_outrun_is_shown(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    drain(house, "order-status")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Shipped")
    simulators.tims.change(sales_order(simulators, one)["SalesOrderID"], OrderStatus="Cancelled")
    drain(house, "order-status")
    (letter,) = letters(house)
    assert (letter.flow, letter.kind) == ("order-status", "conflict")
    assert "is cancelled in tims" in letter.reason
    assert "Shipped" in letter.reason


@pytest.mark.parametrize("wanted", ["channel", "number", "tims", "shipment"])
def test_one_trace_tells_of_the_order_and_of_all_that_came_back(opened: Opened, simulators: Simulators, wanted: str) -> None:
    house = opened()
    one, other = place(simulators, 2)
    drain(house)
    drain(house, "order-status")
    sold = [allocated(simulators, each) for each in (one, other)]
    shipments = [simulators.tims.ship(SalesOrderID=number)["ShipmentID"] for number in sold]
    drain(house, "shipments")
    ids = {"channel": key(one), "number": one["OrderID"], "tims": sold[0], "shipment": shipments[0]}
    result = CliRunner().invoke(cli, ["trace", ids[wanted], "--json"])
    told = {(story["flow"], story["source_key"]): [event["what"] for event in story["events"]] for story in json.loads(result.stdout)}
    assert set(told) == {("orders", key(one)), ("order-status", sold[0]), ("shipments", shipments[0])}
    assert "created" in told["orders", key(one)]
    assert "updated" in told["order-status", sold[0]]
    assert "created" in told["shipments", shipments[0]]
