"""Whatever is refused, dropped or killed in whatever order: in the end every order and every customer is there once."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select, update

from integration import clock
from integration.budget import SharedBudget
from integration.errors import NoAnswer, SyncError, Transient
from integration.ledger import batches, tables
from integration.ledger.database import open_engine, read, write
from integration.ledger.upgrade import upgrade
from integration.ledger.vault import Vault
from integration.line.journey import House, Journey
from integration.line.stage import work_on
from integration.ports import Body, Remote
from integration.settings.model import Flow, Secret, Settings
from tests.fakes import FakeSystem

ORDERS, CUSTOMERS = 5, 3
FATES = ("ok", "dropped", "reset", "busy", "killed before", "killed after")


class Killed(BaseException):
    """The worker is gone: nothing of it runs any more."""


class Fated(FakeSystem):
    """Each write meets the next fate of the list, each look-up of an order the next of its own; after the lists all goes well."""

    def __init__(self, fates: list[str], blind: list[bool]) -> None:
        super().__init__()
        self.fates = fates
        self.blind = blind

    def find(self, entity: str, value: str) -> Sequence[Remote]:
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


@contextmanager
def line(system: FakeSystem) -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/ledger.db")
        upgrade(engine)
        key = Secret("env:KEY", base64.b64encode(bytes(32)).decode())
        flow = Flow("orders", "order", "ca", "tims", max_attempts=1000)
        budgets = [SharedBudget(engine, name, system.limits, 5.0) for name in (flow.source, flow.target)]
        journey = Journey(flow, system, system, budgets[1], budgets[0], dict, dict, {}, (), "1")
        configured = Settings(None, Path(folder), "", None, key, {}, {flow.name: flow}, None, 0, None, 0)
        try:
            yield House(configured, engine, Vault(engine, key), lambda _: journey)
        finally:
            engine.dispose()


def validated_batch(house: House) -> int:
    with write(house.engine) as connection:
        _, batch_id = batches.start_run(connection, "orders", "tick", "live", {"only_new": False}, stage="load", size=ORDERS)
    for number in range(ORDERS):
        email = f"{number % CUSTOMERS}@buyer.example"
        parcel: dict[str, Any] = {
            "body": {"ExternalOrderID": str(number), "OrderStatus": "Open", "LineItems": [], "CustomerID": {"$key_of": "customer"}},
            "status": "pending",
            "exported": False,
            "customer": {"key": f"hash {number % CUSTOMERS}", "find": email, "body": {"Email": email}},
            "skus": [],
        }
        row = {"batch_id": batch_id, "flow": "orders", "source_key": str(number), "version": "1", "state": "validated"}
        sealed = house.vault.seal(parcel)
        with write(house.engine) as connection:
            connection.execute(insert(tables.record).values(**row, parcel=sealed, extracted_at=clock.now()))
    return batch_id


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
    with line(system) as house:
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


def test_the_fates_are_all_met() -> None:
    assert issubclass(SyncError, Exception) and not issubclass(Killed, Exception)
    system = Fated(list(FATES), [])
    with line(system) as house:
        batch_id = validated_batch(house)
        for _ in range(20):
            try:
                work_on(house, batch_id, "load")
            except Killed:
                time_passes(house, worker_is_gone=True)
            else:
                time_passes(house, worker_is_gone=False)
    assert system.fates == []
