"""How many batches travel at once: those that work count, those whose records wait keep nobody from being read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from integration.ledger import crosswalk, tables
from integration.ledger.database import write
from integration.line import extract
from integration.line.journey import House
from tests.fixtures.line import FLOW, assert_booked_once, booked, configure, drain, key, open_line, order, step
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
