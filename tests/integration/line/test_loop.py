"""What comes back to the channel: shipments once and whole, statuses both ways, and who wins where both sides changed."""

from __future__ import annotations

import pytest

from tests.fixtures.line import drain, order
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, allocated, by_phone, channel_order, letters, place, requests, sales_order, states


def test_an_order_is_acknowledged_with_its_number_and_the_echo_costs_nothing(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    drain(house)
    drain(house, "order-status")
    there = channel_order(simulators, one)
    assert (there["OrderStatus"], there["SellerOrderID"]) == ("Pending", sales_order(simulators, one)["SalesOrderID"])
    before = requests(simulators, "updateSalesOrder"), requests(simulators, "updateOrder")
    allocated(simulators, one)
    for flow in ("orders", "order-status", "orders", "order-status"):
        drain(house, flow)
    assert (requests(simulators, "updateSalesOrder"), requests(simulators, "updateOrder")) == before
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
        10,
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


NEW_ADDRESS = {"FirstName": "Ana", "LastName": "Ruiz", "AddressLine1": "9 New Road", "City": "Dallas", "StateOrProvince": "TX"}
POLICIES = {"source": ("Dallas", 0), "target": ("Houston", 0), "person": ("Houston", 1)}


@pytest.mark.parametrize("winner", POLICIES)
def test_an_address_that_changed_on_both_sides(opened: Opened, simulators: Simulators, winner: str) -> None:
    house = opened(f'[flows.orders.conflicts]\naddress = "{winner}"\n')
    (one,) = place(simulators)
    drain(house)
    there = sales_order(simulators, one)
    simulators.tims.change(there["SalesOrderID"], ShippingAddress={**there["ShippingAddress"], "City": "Houston"})
    address = {**NEW_ADDRESS, "PostalCode": "75201", "Country": "US"}
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=address, PaymentStatus="Deposited")
    drain(house)
    city, count = POLICIES[winner]
    assert sales_order(simulators, one)["ShippingAddress"]["City"] == city
    assert len(letters(house)) == count
    assert all("Houston" not in letter.reason and "Dallas" not in letter.reason for letter in letters(house))


@pytest.mark.parametrize(
    ("policy", "phone", "city"), [("never", None, "Austin"), ("fill", "555-0101", "Austin"), ("latest", "555-0101", "Dallas")]
)
def test_a_known_customer_is_changed_as_the_flow_says(
    opened: Opened, simulators: Simulators, policy: str, phone: str | None, city: str
) -> None:
    house = opened(orders=f'customers = "{policy}"')
    first = order(1)
    second = order(1, OrderID="113-0000099-1234567", CustomerInfo={**first["CustomerInfo"], "Phone": "555-0101"})
    second["ShippingAddress"] = {**NEW_ADDRESS, "PostalCode": "75201", "Country": "US"}
    simulators.channeladvisor.place([first])
    drain(house)
    simulators.channeladvisor.place([second])
    drain(house)
    (customer,) = [one for one in simulators.tims.state()["customers"] if (one["Email"] or "").startswith("ana.1@")]
    assert customer["Phone"] == phone
    assert customer["Addresses"][0]["Address"]["City"] == city
    before = requests(simulators, "updateCustomer"), requests(simulators, "getCustomer")
    third = {**second, "OrderID": "113-0000098-1234567"}
    simulators.channeladvisor.place([third])
    drain(house)
    assert (requests(simulators, "updateCustomer"), requests(simulators, "getCustomer")) == before
    assert letters(house) == []
