"""Customers whom the target does not know, where a flow has a person look at them; and those whom it knows in another way."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from commands.cli import cli
from integration import clock
from integration.ledger import holds, tables
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line import holds as line_holds
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, booked, drain, key, order
from tests.fixtures.simulators import Simulators
from tests.integration.line.conftest import Opened, letters

REVIEW = 'new_customers = "review"'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="integration")


def held(house: House) -> list[Hold]:
    with read(house.engine) as connection:
        return holds.listed(connection)


def look(house: House) -> None:
    """The time of the next look at what waits has come."""
    with write(house.engine) as connection:
        connection.execute(update(tables.hold).values(check_at=clock.now()))
    line_holds.release(house)
    drain(house)


def people(simulators: Simulators) -> list[str]:
    return [one["Name"] for one in simulators.tims.state()["customers"]]


def made_there(house: House, **members: Any) -> str:
    return house.journey("orders").target.create("customer", {"Name": "Ana Ruiz", **members}).key


def customers_of(simulators: Simulators) -> set[str]:
    return {one["CustomerID"] for some in booked(simulators).values() for one in some}


def test_an_unknown_customer_waits_for_a_person_and_nobody_is_made(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders=REVIEW)
    simulators.channeladvisor.place([order(1)])
    before = people(simulators)
    drain(house)
    (hold,) = held(house)
    assert (hold.kind, people(simulators), booked(simulators)) == ("customer", before, {})
    assert "make one there, or release this with --customer" in hold.reason
    assert "ana" not in f"{hold.awaits} {hold.reason} {hold.fields}".lower()
    look(house)
    assert len(held(house)) == 1


def test_it_goes_on_by_itself_once_somebody_has_made_the_customer(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders=REVIEW)
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    number = made_there(house, Email="ANA.1@buyer.example")
    look(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, placed)
    assert customers_of(simulators) == {number}


def test_released_without_more_the_customer_is_made_once_for_all_its_orders(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders=REVIEW)
    placed = simulators.channeladvisor.place([order(1), order(1, OrderID="113-0000077-1234567")])
    drain(house)
    assert len(held(house)) == 2
    assert run("holds", "release", "--kind", "customer", "--yes").exit_code == 0
    drain(house)
    assert held(house) == letters(house) == []
    assert_booked_once(simulators, placed)
    assert len(customers_of(simulators)) == 1


def test_a_person_says_which_customer_it_is_now_and_for_later_orders(opened: Opened, simulators: Simulators) -> None:
    house = opened(orders=REVIEW)
    number = made_there(house, Email="purchasing@buyer.example")
    placed = simulators.channeladvisor.place([order(1)])
    drain(house)
    (hold,) = held(house)
    refused = run("holds", "release", str(hold.id), "--customer", "C-999999")
    assert refused.exit_code != 0
    assert "no customer C-999999; nothing was released" in refused.output
    assert run("holds", "release", str(hold.id), "--customer", number).exit_code == 0
    drain(house)
    placed += simulators.channeladvisor.place([order(1, OrderID="113-0000078-1234567")])
    drain(house)
    assert held(house) == letters(house) == []
    assert {key(one) for one in placed} == set(booked(simulators))
    assert customers_of(simulators) == {number}


@pytest.mark.parametrize("rule", ["shared", "each"])
def test_a_guest_is_nobody_to_look_at(opened: Opened, simulators: Simulators, rule: str) -> None:
    house = opened(orders=f'{REVIEW}\n[flows.orders.guests]\nrule = "{rule}"\n')
    (placed,) = simulators.channeladvisor.place([order(1, CustomerInfo={"FirstName": "Ana", "LastName": "Ruiz", "Email": None})])
    drain(house)
    assert held(house) == letters(house) == []
    assert key(placed) in booked(simulators)
