"""Whatever is refused, dropped or killed in whatever order: in the end every order and every customer is there once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from integration import clock
from integration.errors import NoAnswer, SyncError, Transient
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line.journey import House
from integration.line.stage import work_on
from integration.ports import Body, Remote
from tests.fakes import FakeSystem
from tests.fixtures.loading import CUSTOMERS, ORDERS, line, validated_batch

FATES = ("ok", "dropped", "reset", "busy", "killed before", "killed after")


class Killed(BaseException):
    """The worker is gone: nothing of it runs any more."""


class Fated(FakeSystem):
    """Each write meets the next fate of the list, each look-up of an order the next of its own; after the lists all goes well."""

    def __init__(self, fates: list[str], blind: list[bool]) -> None:
        super().__init__()
        self.fates = fates
        self.blind = blind

    def find(self, entity: str, value: str, body: Body | None = None) -> Sequence[Remote]:
        with self._lock:
            blind = self.blind.pop(0) if self.blind and entity == "order" else False
        if blind:
            raise Transient("busy", retry_after=0.01)
        return super().find(entity, value)

    def create(self, entity: str, body: Body) -> Remote:
        with self._lock:
            fate = self.fates.pop(0) if self.fates else "ok"
        if fate == "reset":
            raise NoAnswer("reset")
        if fate == "busy":
            raise Transient("busy", retry_after=0.01)
        if fate == "killed before":
            raise Killed
        made = super().create(entity, body)
        if fate == "dropped":
            raise NoAnswer("dropped")
        if fate == "killed after":
            raise Killed
        return made


def time_passes(house: House, *, worker_is_gone: bool) -> None:
    """All waits are over; where the worker is gone its leases have run out as well."""
    past = clock.now() - timedelta(minutes=10)
    with write(house.engine) as connection:
        connection.execute(update(tables.batch).values(due_at=past))
        connection.execute(update(tables.record).where(tables.record.c.due_at.is_not(None)).values(due_at=past))
        crossing = tables.crosswalk.c
        connection.execute(update(tables.crosswalk).where(crossing.resend_after.is_not(None)).values(resend_after=past))
        connection.execute(update(tables.crosswalk).where(crossing.intent_at.is_not(None)).values(intent_at=past))
        if worker_is_gone:
            connection.execute(update(tables.batch).values(lease_until=past))
            connection.execute(update(tables.crosswalk).where(crossing.owner.is_not(None)).values(claimed_until=past))
            connection.execute(tables.budget_slot.delete())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FATES), max_size=14), st.lists(st.booleans(), max_size=14))
def test_every_order_and_customer_is_there_once(fates: list[str], blind: list[bool]) -> None:
    system = Fated(list(fates), list(blind))
    with tempfile.TemporaryDirectory() as folder, line(system, f"sqlite:///{folder}/ledger.db") as house:
        batch_id = validated_batch(house)
        for _ in range(60):
            try:
                work_on(house, batch_id, "load")
                gone = False
            except Killed:
                gone = True
            with read(house.engine) as connection:
                if connection.execute(select(tables.batch.c.state)).scalar_one() == "done":
                    break
            time_passes(house, worker_is_gone=gone)
        with read(house.engine) as connection:
            states = connection.execute(select(tables.record.c.state)).scalars().all()
            letters = connection.execute(select(tables.dead_letter.c.reason)).scalars().all()
    assert (list(states), list(letters)) == (["done"] * ORDERS, [])
    assert sorted(order["ExternalOrderID"] for order in system.stored["order"].values()) == [str(number) for number in range(ORDERS)]
    assert sorted(customer["Email"] for customer in system.stored["customer"].values()) == [f"{n}@buyer.example" for n in range(CUSTOMERS)]
    assert sorted(system.acknowledged) == [str(number) for number in range(ORDERS)]
    assert all(system.stored["customer"][order["CustomerID"]] for order in system.stored["order"].values())


def test_the_fates_are_all_met(sqlite_url: str) -> None:
    assert issubclass(SyncError, Exception) and not issubclass(Killed, Exception)
    system = Fated(list(FATES), [])
    with line(system, sqlite_url) as house:
        batch_id = validated_batch(house)
        for _ in range(20):
            try:
                work_on(house, batch_id, "load")
            except Killed:
                time_passes(house, worker_is_gone=True)
            else:
                time_passes(house, worker_is_gone=False)
    assert system.fates == []
