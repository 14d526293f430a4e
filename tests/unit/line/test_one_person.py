"""One person may order under two addresses at once. Where the target knows a customer again by name too, it is made once all the same,
whatever is lost, late or killed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from integration import clock
from integration.errors import NoAnswer
from integration.ledger import retention, tables
from integration.ledger.crosswalk import MATCH
from integration.ledger.database import read, write
from integration.line.journey import House
from integration.line.stage import work_on
from integration.ports import Body, Remote, Writable
from tests.fakes import CUSTOMER, FakeSystem
from tests.fixtures.loading import ORDERS, line, validated_batch
from tests.unit.line.test_exactly_once import FATES, Fated, Killed, time_passes

NAME = {"Name": "Ana Ruiz", "Zip": "78701"}


class ByName(Fated):
    """Knows a customer by the address, then by name and ZIP code. A write that is late takes effect when its sender has given up, or
    was killed, and before it may be sent again."""

    settle_seconds = 60.0

    def __init__(self, fates: Sequence[str] = (), meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__(list(fates), [])
        self.late: list[Body] = []
        self.meanwhile = meanwhile

    def writable(self, entity: str) -> Writable:
        return dataclasses.replace(CUSTOMER, matches=(("Name", "Zip"),)) if entity == "customer" else super().writable(entity)

    def find(self, entity: str, value: str, body: Body | None = None) -> Sequence[Remote]:
        found = super().find(entity, value, body)
        if found or entity != "customer" or body is None:
            return found
        same = [one for one in self.stored[entity].values() if all(one[name].casefold() == body[name].casefold() for name in NAME)]
        return [self.remote(entity, one) for one in same]

    def create(self, entity: str, body: Body) -> Remote:
        if entity != "customer":
            return FakeSystem.create(self, entity, body)
        self.meanwhile()
        if self.fates[:1] in (["late"], ["late and killed"]):
            self.late.append(body)
            if self.fates.pop(0) == "late":
                raise NoAnswer("late")
            raise Killed
        return super().create(entity, body)

    def take_effect(self) -> None:
        while self.late:
            FakeSystem.create(self, "customer", self.late.pop())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*FATES, "late", "late and killed"]), max_size=8))
def test_orders_under_several_addresses_are_one_customer(fates: list[str]) -> None:
    system = ByName(fates)
    with tempfile.TemporaryDirectory() as folder, line(system, f"sqlite:///{folder}/ledger.db") as house:
        batch_id = validated_batch(house, buyer=NAME)
        for _ in range(60):
            try:
                work_on(house, batch_id, "load")
                gone = False
            except Killed:
                gone = True
            if ended(house):
                break
            passes(house, system, worker_is_gone=gone)
        assert ended(house)
        assert claims(house) == 0
    assert len(system.stored["customer"]) == 1
    (customer,) = system.stored["customer"]
    assert [order["CustomerID"] for order in system.stored["order"].values()] == [customer] * ORDERS


def passes(house: House, system: ByName, *, worker_is_gone: bool) -> None:
    """Some moments in which all that waits for nothing but a turn comes to it; then all waits are over."""
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).values(due_at=clock.now() - timedelta(minutes=10), owner=None))
        connection.execute(update(tables.record).values(due_at=None))
    if worker_is_gone:
        with write(house.engine) as connection:
            past = clock.now() - timedelta(minutes=10)
            connection.execute(update(tables.crosswalk).where(tables.crosswalk.c.owner.is_not(None)).values(claimed_until=past))
            connection.execute(tables.budget_slot.delete())
    try:
        work_on(house, 1, "load")
    except Killed:
        worker_is_gone = True
    system.take_effect()
    time_passes(house, worker_is_gone=worker_is_gone)


def ended(house: House) -> bool:
    with read(house.engine) as connection:
        return bool(connection.execute(select(tables.batch.c.state).where(tables.batch.c.id == 1)).scalar_one() == "done")


def claims(house: House) -> int:
    c = tables.crosswalk.c
    with read(house.engine) as connection:
        return connection.execute(select(func.count()).where(c.entity == MATCH)).scalar_one()


def test_another_worker_waits_for_the_one_who_makes_it(sqlite_url: str) -> None:
    others: list[int] = []

    def meanwhile() -> None:
        if others:
            work_on(house, others.pop(), "load")

    system = ByName(meanwhile=meanwhile)
    with line(system, sqlite_url) as house:
        first, second = validated_batch(house, [0], NAME), validated_batch(house, [1], {**NAME, "Name": "ANA RUIZ"})
        others.append(second)
        work_on(house, first, "load")
        assert (others, system.count("customer.create")) == ([], 1)
        time_passes(house, worker_is_gone=False)
        work_on(house, second, "load")
    assert len(system.stored["customer"]) == 1
    assert len({order["CustomerID"] for order in system.stored["order"].values()}) == 1


def test_what_another_order_has_sent_of_the_same_person_is_waited_for(sqlite_url: str) -> None:
    system = ByName(["late"])
    with line(system, sqlite_url) as house:
        first, second = (validated_batch(house, [number], NAME) for number in range(2))
        work_on(house, first, "load")
        work_on(house, second, "load")
        assert (system.count("customer.find"), system.stored["customer"]) == (2 + 1, {})
        system.take_effect()
        time_passes(house, worker_is_gone=False)
        for batch_id in (second, first):
            work_on(house, batch_id, "load")
    assert len(system.stored["customer"]) == 1
    assert len(system.stored["order"]) == 2


def test_people_of_other_names_do_not_wait_for_each_other(sqlite_url: str) -> None:
    system = ByName()
    with line(system, sqlite_url) as house:
        batches = [validated_batch(house, [number], {**NAME, "Name": f"Ana {number}"}) for number in range(3)]
        for batch_id in batches:
            work_on(house, batch_id, "load")
    assert len(system.stored["customer"]) == 3
    assert system.count("customer.find") == 3


def test_a_claim_that_nobody_comes_back_for_is_deleted_with_the_story(sqlite_url: str) -> None:
    system = ByName(["late"])
    with line(system, sqlite_url) as house:
        work_on(house, validated_batch(house, [0], NAME), "load")
        assert claims(house) == 1
        for before, left in ((clock.now() - timedelta(days=1), 1), (clock.now() + timedelta(days=1), 0)):
            with write(house.engine) as connection:
                retention.drop_what_has_no_record(connection, before)
            assert claims(house) == left
