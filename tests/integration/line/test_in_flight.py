"""How many batches travel at once: those that work count, those whose records wait keep nobody from being read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from integration import clock
from integration.ledger import batches, crosswalk, tables
from integration.ledger.batches import Batch
from integration.ledger.database import read, write
from integration.line import extract, stage
from integration.line.journey import House
from integration.line.stage import Bell
from tests.fixtures.line import FLOW, assert_booked_once, booked, configure, drain, key, open_line, order, step
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

ELSEWHERE = "elsewhere/1/1.00/0"


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, database_url, orders="batches_in_flight = 1")
    with open_line() as made:
        yield made


def frozen_at(house: House, keys: list[str]) -> None:
    """A worker of another machine stands still amid these orders."""
    with write(house.engine) as connection:
        crosswalk.claim(connection, ELSEWHERE, 120.0, "ca", "tims", "order", keys)


def test_orders_in_the_hands_of_a_frozen_worker_hold_up_no_other(house: House, simulators: Simulators) -> None:
    first = simulators.channeladvisor.place([order(0)])
    drain(house)
    stuck = simulators.channeladvisor.place([order(1)])
    frozen_at(house, [key(stuck[0])])
    step(house, FLOW)
    others = simulators.channeladvisor.place([order(2), order(3)])
    step(house, FLOW)
    assert booked(simulators).keys() == {key(one) for one in (*first, *others)}
    with write(house.engine) as connection:
        crosswalk.release(connection, ELSEWHERE)
        connection.execute(update(tables.record).values(due_at=None))
    drain(house)
    assert_booked_once(simulators, [*first, *stuck, *others])


def test_what_waits_does_not_grow_without_end(house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract, "ROOM_SECONDS", 0.05)
    first = simulators.channeladvisor.place([order(0)])
    drain(house)
    stuck = []
    for number in range(1, 1 + extract.WAITING_TOO):
        stuck += simulators.channeladvisor.place([order(number)])
        frozen_at(house, [key(stuck[-1])])
        step(house, FLOW)
    late = simulators.channeladvisor.place([order(20)])
    step(house, FLOW)
    assert booked(simulators).keys() == {key(one) for one in first}
    with write(house.engine) as connection:
        crosswalk.release(connection, ELSEWHERE)
        connection.execute(update(tables.record).values(due_at=None))
    drain(house)
    assert_booked_once(simulators, [*first, *stuck, *late])


def test_a_batch_is_its_workers_for_as_long_as_the_stage_takes(
    house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.heartbeat.EVERY_SECONDS", 0.05)
    monkeypatch.setattr(batches, "LEASE_SECONDS", 1.0)

    def slow(house: House, batch: Batch) -> list[Bell]:
        first = until_of(house, batch)
        wait_for(lambda: clock.now() > first, "the lease it was claimed with is over")
        assert batches.claim(house.engine, batch.id, batch.stage) is None, "another worker took it over"
        return extract.extract(house, batch)

    monkeypatch.setitem(stage._STAGES, "extract", slow)
    placed = simulators.channeladvisor.place([order(0)])
    drain(house)
    assert_booked_once(simulators, placed)


def test_who_comes_back_after_another_took_over_its_batch_says_nothing_of_it(
    house: House, simulators: Simulators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that stood still beyond its lease, and whose time is up as soon as it goes on."""
    placed = simulators.channeladvisor.place([order(0)])

    def frozen(house: House, batch: Batch) -> list[Bell]:
        with write(house.engine) as connection:
            connection.execute(update(tables.batch).where(tables.batch.c.id == batch.id).values(owner=ELSEWHERE, note="in hand"))
        raise stage.TimeIsUp

    with monkeypatch.context() as patch:
        patch.setitem(stage._STAGES, "extract", frozen)
        step(house, FLOW)
    with write(house.engine) as connection:
        assert [tuple(row) for row in connection.execute(select(tables.batch.c.owner, tables.batch.c.note))] == [(ELSEWHERE, "in hand")]
        connection.execute(update(tables.batch).values(lease_until=clock.now()))
    drain(house)
    assert_booked_once(simulators, placed)


def until_of(house: House, batch: Batch) -> datetime:
    with read(house.engine) as connection:
        until: datetime = connection.execute(select(tables.batch.c.lease_until).where(tables.batch.c.id == batch.id)).scalar_one()
    return until
