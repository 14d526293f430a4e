"""Each kind of failure, over real HTTP: what the target holds afterwards is right, and what a person is told says why."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from integration import clock
from integration.ledger import budgets, holds, tables
from integration.ledger.database import read, write
from integration.line import extract
from integration.line.journey import House
from integration.line.stage import work_on
from tests.fixtures.line import FLOW, assert_booked_once, configure, drain, exported, key, open_line, order
from tests.fixtures.simulators import Simulators


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, sqlite_url)
    with open_line() as made:
        yield made


def letters(house: House) -> list[Any]:
    with read(house.engine) as connection:
        return list(connection.execute(select(tables.dead_letter).where(tables.dead_letter.c.state == "open")).all())


def held(house: House) -> list[holds.Hold]:
    with read(house.engine) as connection:
        return holds.listed(connection)


def placed(simulators: Simulators, count: int = 6) -> list[dict[str, Any]]:
    return simulators.channeladvisor.place([order(number) for number in range(count)])


PASSING = {
    "429 with Retry-After": ("tims", {"rate-limited": {"times": 2, "retry_after": 1}}),
    "401 though the token is good": ("tims", {"early-token-expiry": {"times": 1}}),
    "500 in JSON": ("tims", {"server-error": {"times": 3, "operations": ["listCustomers", "createCustomer", "createSalesOrder"]}}),
    "502 in HTML": ("tims", {"html-5xx": {"times": 4}}),
    "503 with Retry-After": ("tims", {"unavailable": {"times": 2, "retry_after": 1}}),
    "reset after the order was stored": ("tims", {"drop-after-commit": {"times": 3, "operations": ["createSalesOrder"]}}),
    "reset after the customer was stored": ("tims", {"drop-after-commit": {"times": 3, "operations": ["createCustomer"]}}),
    "reset before anything was stored": (
        "tims",
        {"reset-before-commit": {"times": 3, "operations": ["createSalesOrder", "createCustomer"]}},
    ),
    "an answer later than our patience, stored": (
        "tims",
        {"hang": {"times": 2, "delay": 6, "commit": True, "operations": ["createSalesOrder"]}},
    ),
    "a body that dribbles": ("tims", {"slow-body": {"times": 2, "delay": 30, "operations": ["createSalesOrder"]}}),
    "a body that dribbles while reading": ("channeladvisor", {"html-5xx": {"times": 2}}),
    "a denial inside a 200": ("channeladvisor", {"auth-denied-as-200": {"times": 1}}),
    "members nobody knows": ("channeladvisor", {"unknown-extra-fields": True}),
    "nulls and unknown members in the target": ("tims", {"nulls-in-optional-fields": True, "unknown-extra-fields": True}),
    "one time of change for many": ("channeladvisor", {"same-updated-date-across-pages": True}),
    "changes while paging": ("channeladvisor", {"changed-while-paging": {"times": 3}}),
}


@pytest.mark.parametrize("what", PASSING)
def test_a_failure_that_passes_costs_time_and_nothing_else(what: str, house: House, simulators: Simulators) -> None:
    system, faults = PASSING[what]
    orders = placed(simulators)
    getattr(simulators, system).faults(**faults)
    drain(house, seconds=60)
    simulators.tims.clear()
    simulators.channeladvisor.clear()
    assert_booked_once(simulators, orders, injected=("401", "429"))
    assert exported(simulators) == {key(one) for one in orders}
    assert letters(house) == []
    emails = [customer["Email"] for customer in simulators.tims.state()["customers"]]
    assert len(emails) == len(set(emails)), "a customer was made twice"


def test_nulls_wherever_they_may_be_are_told_and_what_comes_complete_later_is_booked(house: House, simulators: Simulators) -> None:
    simulators.channeladvisor.faults(**{"nulls-in-optional-fields": {"times": 1, "operations": ["listOrders"]}})
    orders = placed(simulators, 3)
    drain(house)
    fields = {fault["field"] for one in (*letters(house), *held(house)) for fault in one.fields}
    assert fields and all("postal_code" in field or "PostalCode" in field or "name" in field.lower() for field in fields)
    look_back(house)
    assert_booked_once(simulators, orders)
    assert letters(house) == [] == held(house)


def test_a_connection_that_refuses_us_rests_and_is_tried_again(house: House, simulators: Simulators) -> None:
    orders = placed(simulators, 3)
    simulators.channeladvisor.faults(**{"auth-denied-as-200": {"times": 2, "operations": ["listOrders"]}})
    drain(house, seconds=20)
    assert_booked_once(simulators, orders)
    assert letters(house) == []


def test_a_refusal_is_told_in_the_targets_words_without_the_buyer(house: House, simulators: Simulators) -> None:
    simulators.tims.faults(refuse={"operations": ["createSalesOrder"], "times": 1})
    orders = placed(simulators, 3)
    drain(house)
    (letter,) = letters(house)
    assert letter.kind == "refused"
    assert letter.reason and "@" not in letter.reason and "Ruiz" not in letter.reason
    others = [one for one in orders if key(one) != letter.source_key]
    assert_booked_once(simulators, others, injected=("422",))


def test_a_cancellation_meets_staff_who_save_the_same_order(house: House, simulators: Simulators) -> None:
    (one,) = placed(simulators, 1)
    drain(house)
    simulators.tims.faults(**{"version-conflict": {"times": 2}})
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Cancelled")
    drain(house)
    (booked,) = simulators.tims.state()["sales_orders"]
    assert booked["OrderStatus"] == "Cancelled"
    assert letters(house) == []


def test_an_unchanged_order_causes_no_request(house: House, simulators: Simulators) -> None:
    (one,) = placed(simulators, 1)
    drain(house)
    before = simulators.tims.stats()["requests"]
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], SellerOrderID="SO-0000001")
    drain(house)
    assert simulators.tims.stats()["requests"] == before
    with read(house.engine) as connection:
        states = connection.execute(select(tables.record.c.state).order_by(tables.record.c.id)).scalars().all()
    assert states == ["done", "unchanged"]


def test_an_order_on_hold_is_booked_on_hold_and_released(house: House, simulators: Simulators) -> None:
    (one,) = simulators.channeladvisor.place([order(1, OrderStatus="OnHold")])
    drain(house)
    (booked,) = simulators.tims.state()["sales_orders"]
    assert booked["OrderStatus"] == "OnHold"
    simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], OrderStatus="Pending")
    drain(house)
    (booked,) = simulators.tims.state()["sales_orders"]
    assert booked["OrderStatus"] in {"Open", "Allocated"}
    assert letters(house) == []


def test_an_order_that_was_cancelled_before_it_was_booked_never_gets_there(house: House, simulators: Simulators) -> None:
    simulators.channeladvisor.place([order(1, OrderStatus="Cancelled")])
    drain(house)
    assert simulators.tims.state()["sales_orders"] == []
    assert letters(house) == []
    with read(house.engine) as connection:
        record = connection.execute(select(tables.record)).one()
    assert (record.state, record.reason) == ("skipped", "cancelled in the source before it was booked")


def test_an_order_that_was_shipped_before_it_was_booked_needs_a_person(house: House, simulators: Simulators) -> None:
    simulators.channeladvisor.place([order(1, OrderStatus="Shipped")])
    drain(house)
    assert simulators.tims.state()["sales_orders"] == []
    (letter,) = letters(house)
    assert letter.kind == "conflict" and "ship again" in letter.reason


def test_an_order_that_arrives_late_is_found_by_the_look_back(house: House, simulators: Simulators) -> None:
    first = placed(simulators, 2)
    drain(house)
    late = simulators.channeladvisor.place([order(9, UpdatedDate="2020-01-01T00:00:00.000Z")])
    newest = max(one["UpdatedDate"] for one in first)
    simulators.channeladvisor.change(late[0]["ChannelAdvisorOrderID"], UpdatedDate=_earlier(newest, minutes=9))
    look_back(house)
    assert_booked_once(simulators, [*first, *late])


def test_a_ledger_that_was_lost_books_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators
) -> None:
    orders = placed(simulators, 3)
    drain(house)
    for one in orders:
        simulators.channeladvisor.change(one["ChannelAdvisorOrderID"], SellerOrderID="seen")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/another.db")
    with open_line() as other:
        more = placed_later(simulators)
        drain(other)
        drain(other)
    assert_booked_once(simulators, [*orders, *more])


def look_back(house: House) -> None:
    """Work as if the flow's time between two looks back had passed."""
    with write(house.engine) as connection:
        connection.execute(update(tables.cursor).values(looked_back_at=None))
    drain(house)


def placed_later(simulators: Simulators) -> list[dict[str, Any]]:
    return simulators.channeladvisor.place([order(number) for number in range(20, 22)])


def test_guests_share_one_customer(house: House, simulators: Simulators) -> None:
    guest = {"FirstName": None, "LastName": None, "Email": None, "Phone": None}
    orders = simulators.channeladvisor.place([order(number, CustomerInfo=guest) for number in range(4)])
    drain(house)
    assert_booked_once(simulators, orders)
    assert [customer["Email"] for customer in simulators.tims.state()["customers"]] == ["guests@orders.invalid"]


def test_a_known_customer_is_found_in_any_letter_case_and_left_as_it_is(house: House, simulators: Simulators) -> None:
    simulators.tims.customer(Name="Ana R.", Email="ANA.1@Buyer.Example", Phone="555-0100")
    orders = simulators.channeladvisor.place([order(1), order(1, OrderID="113-9999999-1234567")])
    drain(house)
    assert_booked_once(simulators, orders)
    (customer,) = simulators.tims.state()["customers"]
    assert (customer["Name"], customer["Phone"], customer["Version"]) == ("Ana R.", "555-0100", 1)


def _earlier(text: str, minutes: int) -> str:
    return clock.text(clock.instant(text) - timedelta(minutes=minutes))


def test_after_a_long_outage_a_poll_looks_again_within_seconds(house: House, simulators: Simulators) -> None:
    """What has changed meanwhile waits for it, stock that may be sold too often among it."""
    simulators.channeladvisor.faults(unavailable={"retry_after": 0, "operations": ["listOrders"]})
    batch_id = extract.poll(house, FLOW, 1)
    assert batch_id is not None
    for _ in range(9):
        work_on(house, batch_id, "extract")
        with write(house.engine) as connection:
            waits = connection.execute(select(tables.batch.c.due_at).where(tables.batch.c.id == batch_id)).scalar_one() - clock.now()
            connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(due_at=clock.now()))
        assert waits <= timedelta(seconds=3)
    assert simulators.channeladvisor.stats()["refused"] == {"503": 9}


def test_a_database_that_is_away_for_a_moment_is_no_fault_of_a_record(
    house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes away where a turn is asked for, in the middle of a record's work."""
    take, asked = budgets.take, itertools.count()

    def away_now_and_then(*arguments: Any, **named: Any) -> budgets.Granted:
        if next(asked) in (1, 3, 5):
            raise OperationalError("", {}, Exception("away"))
        return take(*arguments, **named)

    monkeypatch.setattr("integration.ledger.budgets.take", away_now_and_then)
    orders = placed(simulators, 3)
    drain(house, seconds=60)
    assert_booked_once(simulators, orders)
    assert letters(house) == [] == held(house)
    assert next(asked) > 4


def test_ticks_that_a_clock_ahead_has_taken_are_given_again(house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulators.channeladvisor.place([order(0)])
    with monkeypatch.context() as patch:
        present = clock.now
        patch.setattr(clock, "now", lambda: present() + timedelta(seconds=60))
        drain(house)
    later = simulators.channeladvisor.place([order(1)])
    drain(house)
    assert_booked_once(simulators, [*first, *later])
