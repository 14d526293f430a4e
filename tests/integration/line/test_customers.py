"""What an order changes on a customer that the target knows: nothing, what is empty, or what it says last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from integration import clock
from tests.fixtures.line import assert_booked_once, booked, drain, key, order
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, letters, requests

NEW_ADDRESS = {"FirstName": "Ana", "LastName": "Ruiz", "AddressLine1": "9 New Road", "City": "Dallas", "StateOrProvince": "TX"}
NEW_ADDRESS |= {"PostalCode": "75201", "Country": "US"}


def moved(number: int = 99, **members: Any) -> dict[str, Any]:
    """Another order of the buyer of order 1, from a new address and with a phone."""
    buyer = order(1)["CustomerInfo"] | {"Phone": "555-0101"}
    return order(1, OrderID=f"113-{number:07d}-1234567", CustomerInfo=buyer, ShippingAddress=NEW_ADDRESS, **members)


def customer(simulators: Simulators) -> dict[str, Any]:
    (found,) = [one for one in simulators.tims.state()["customers"] if (one["Email"] or "").startswith("ana.1@")]
    return dict(found)


def cities(simulators: Simulators) -> list[str]:
    return [one["Address"]["City"] for one in customer(simulators)["Addresses"]]


@pytest.mark.parametrize(
    ("policy", "phone", "city"), [("never", None, "Austin"), ("fill", "555-0101", "Austin"), ("latest", "555-0101", "Dallas")]
)
def test_a_known_customer_is_changed_as_the_flow_says(
    opened: Opened, simulators: Simulators, policy: str, phone: str | None, city: str
) -> None:
    house = opened(orders=f'customers = "{policy}"')
    simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.channeladvisor.place([moved()])
    drain(house)
    assert customer(simulators)["Phone"] == phone
    assert cities(simulators) == [city]
    before = requests(simulators, "updateCustomer"), requests(simulators, "getCustomer")
    simulators.channeladvisor.place([moved(98)])
    drain(house)
    assert (requests(simulators, "updateCustomer"), requests(simulators, "getCustomer")) == before
    assert letters(house) == []


@pytest.mark.parametrize("faults", [{}, {"unknown-extra-fields": True}])
def test_what_the_staff_has_added_stays(opened: Opened, simulators: Simulators, faults: dict[str, Any]) -> None:
    house = opened(orders='customers = "latest"')
    simulators.channeladvisor.place([order(1)])
    drain(house)
    before = customer(simulators)
    address = {"Line1": "1 Office Park", "City": "Waco", "State": "TX", "PostalCode": "76701", "Country": "US"}
    billing = {"AddressType": "Billing", "Address": address}
    target = house.journey("orders").target
    target.update("customer", before["CustomerID"], {"Addresses": [*before["Addresses"], billing]}, before["Version"])
    simulators.tims.faults(faults)
    simulators.channeladvisor.place([moved()])
    drain(house)
    assert cities(simulators) == ["Dallas", "Waco"]


def test_an_older_order_that_comes_late_does_not_bring_the_old_address_back(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='customers = "latest"')
    simulators.channeladvisor.place([moved()])
    drain(house)
    before = clock.text(clock.now() - timedelta(minutes=5))
    (late,) = simulators.channeladvisor.place([order(1, CreatedDate=before, UpdatedDate=before)])

    def booked_late() -> bool:
        drain(house)
        return key(late) in booked(simulators)

    wait_for(booked_late, "the look back did not find the late order")
    assert cities(simulators) == ["Dallas"]


def test_a_change_that_is_taken_back_before_its_answer_was_known_does_not_stay(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='customers = "latest"')
    simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.tims.faults({"drop-after-commit": {"times": 1, "operations": ["updateCustomer"]}})
    simulators.channeladvisor.place([moved()])
    drain(house)
    assert cities(simulators) == ["Dallas"]
    simulators.channeladvisor.place([order(1, OrderID="113-0000098-1234567")])
    drain(house)
    assert cities(simulators) == ["Austin"]
    assert letters(house) == []


def test_a_customer_that_will_not_be_changed_keeps_no_order_from_being_booked(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='customers = "latest"')
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.tims.faults({"refuse": {"times": 1, "operations": ["updateCustomer"]}})
    placed += simulators.channeladvisor.place([moved()])
    drain(house)
    assert_booked_once(simulators, placed, injected=["422"])
    assert cities(simulators) == ["Austin"]
    assert letters(house) == []
    simulators.channeladvisor.place([moved(98)])
    drain(house)
    assert cities(simulators) == ["Dallas"], "the next order tells it again"


def test_a_customer_that_changes_while_it_is_written_is_written_on_its_newest_version(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders='customers = "latest"')
    simulators.channeladvisor.place([order(1)])
    drain(house)
    simulators.tims.faults({"version-conflict": {"times": 1, "operations": ["updateCustomer"]}})
    simulators.channeladvisor.place([moved()])
    drain(house)
    assert cities(simulators) == ["Dallas"]
