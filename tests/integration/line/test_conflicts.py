"""Edits on both sides since the last sync: the policy of the group decides, what is decided is not asked again, and the rest is written."""

from __future__ import annotations

from typing import Any

import pytest

from integration.ledger import letters as ledger_letters
from integration.ledger.database import write
from integration.line.journey import House
from tests.fixtures.line import drain
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, allocated, letters, place, sales_order, states

NEW_ADDRESS = {"FirstName": "Ana", "LastName": "Ruiz", "AddressLine1": "9 New Road", "City": "Dallas", "StateOrProvince": "TX"}
NEW_ADDRESS |= {"PostalCode": "75201", "Country": "US"}


def both_changed(opened: Opened, simulators: Simulators, winner: str) -> tuple[House, dict[str, Any]]:
    """The address changed in TIMS to Houston, on the channel to Dallas, together with the payment."""
    house = opened(f'[flows.orders.conflicts]\naddress = "{winner}"\n')
    (one,) = place(simulators)
    drain(house)
    there = sales_order(simulators, one)
    simulators.tims.change(there["SalesOrderID"], ShippingAddress={**there["ShippingAddress"], "City": "Houston"})
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=NEW_ADDRESS, PaymentStatus="Submitted")
    drain(house)
    return house, one


def city(simulators: Simulators, one: dict[str, Any]) -> str:
    return str(sales_order(simulators, one)["ShippingAddress"]["City"])


def settle(house: House, *, replay: bool) -> None:
    with write(house.engine) as connection:
        wanted = ledger_letters.still_open(connection)
        if replay:
            ledger_letters.replay(connection, house.vault, wanted)
        else:
            ledger_letters.dismiss(connection, wanted, "as it is in TIMS")


@pytest.mark.parametrize(("winner", "wins", "count"), [("source", "Dallas", 0), ("target", "Houston", 0), ("person", "Houston", 1)])
def test_the_policy_of_the_group_decides_and_the_rest_is_written(
    opened: Opened, simulators: Simulators, winner: str, wins: str, count: int
) -> None:
    house, one = both_changed(opened, simulators, winner)
    assert city(simulators, one) == wins
    assert sales_order(simulators, one)["PaymentStatus"] == "Unpaid", "what is in no dispute is written"
    assert len(letters(house)) == count
    for letter in letters(house):
        assert letter.cause == "conflict: address"
        assert "ShippingAddress changed on both sides" in letter.reason
        assert not any(word in letter.reason for word in ("Houston", "Dallas", "New Road"))


def test_what_the_target_has_won_stays_until_the_source_changes_it_again(opened: Opened, simulators: Simulators) -> None:
    house, one = both_changed(opened, simulators, "target")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
    drain(house)
    assert (city(simulators, one), sales_order(simulators, one)["PaymentStatus"]) == ("Houston", "Paid")
    simulators.tims.change(sales_order(simulators, one)["SalesOrderID"], Notes="called")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress={**NEW_ADDRESS, "City": "Waco"})
    drain(house)
    assert city(simulators, one) == "Waco"
    assert letters(house) == []


def test_a_dispute_stays_open_through_newer_versions_until_it_is_replayed(opened: Opened, simulators: Simulators) -> None:
    house, one = both_changed(opened, simulators, "person")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
    drain(house)
    assert len(letters(house)) == 1
    assert (city(simulators, one), sales_order(simulators, one)["PaymentStatus"]) == ("Houston", "Paid")
    settle(house, replay=True)
    drain(house)
    assert city(simulators, one) == "Dallas", "who replays it says that the channel is right"
    assert letters(house) == []


def test_a_dispute_that_was_dismissed_is_over_until_the_source_changes_it_again(opened: Opened, simulators: Simulators) -> None:
    house, one = both_changed(opened, simulators, "person")
    settle(house, replay=False)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
    drain(house)
    assert letters(house) == []
    assert (city(simulators, one), sales_order(simulators, one)["PaymentStatus"]) == ("Houston", "Paid")
    simulators.tims.change(sales_order(simulators, one)["SalesOrderID"], Notes="called")
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress={**NEW_ADDRESS, "City": "Waco"})
    drain(house)
    assert (city(simulators, one), letters(house)) == ("Waco", [])


def test_an_order_that_a_person_has_decided_not_to_book_is_not_asked_about_again(opened: Opened, simulators: Simulators) -> None:
    house = opened()
    (one,) = place(simulators)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Shipped")
    drain(house)
    assert ["shipped on the channel before it was booked" in letter.reason for letter in letters(house)] == [True]
    settle(house, replay=False)
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Deposited")
    drain(house)
    assert letters(house) == []
    assert states(house, "orders")[-1][1] == "skipped"
    assert simulators.tims.state()["sales_orders"] == []


@pytest.mark.parametrize(("winner", "count"), [("source", 1), ("target", 0), ("person", 1)])
def test_an_address_that_comes_after_shipping(opened: Opened, simulators: Simulators, winner: str, count: int) -> None:
    house = opened(f'[flows.orders.conflicts]\naddress = "{winner}"\n')
    (one,) = place(simulators)
    drain(house)
    simulators.tims.ship(SalesOrderID=allocated(simulators, one))
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=NEW_ADDRESS, PaymentStatus="Submitted")
    drain(house)
    assert (city(simulators, one), sales_order(simulators, one)["PaymentStatus"]) == ("Austin", "Unpaid")
    assert len(letters(house)) == count
    if count:
        assert "is Fulfilled, QuantityShipped 2 and takes no change" in letters(house)[0].reason
        settle(house, replay=False)
        simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], PaymentStatus="Cleared")
        drain(house)
        assert letters(house) == []


@pytest.mark.parametrize("fault", ["unknown-extra-fields", "nulls-in-optional-fields"])
def test_what_the_erp_adds_or_leaves_out_by_its_own_whim_is_nobodys_edit(opened: Opened, simulators: Simulators, fault: str) -> None:
    """TIMS has moved each order on by itself, so that every change of ours meets its answer of the present one."""
    house = opened()
    orders = place(simulators, 6)
    drain(house)
    for one in orders:
        allocated(simulators, one)
        simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], ShippingAddress=NEW_ADDRESS, PaymentStatus="Submitted")
    simulators.tims.faults({fault: True})
    drain(house)
    simulators.tims.clear()
    assert [letter.reason for letter in letters(house)] == []
    assert {city(simulators, one) for one in orders} == {"Dallas"}
    assert {sales_order(simulators, one)["PaymentStatus"] for one in orders} == {"Unpaid"}
