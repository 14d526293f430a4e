"""Live orders pass a backfill: they wait neither for a free process nor for the budget."""

from __future__ import annotations

from typing import Any

import pytest

from integration import clock
from integration.line import backfill
from tests.fixtures.line import Service, booked, key, open_line, order, place
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

DAYS, EACH_DAY = 4, 100
"""A page of each day is a batch."""

LOADS = "ca.load,tims.load"


def dated(number: int, day: int) -> dict[str, Any]:
    """An order of that day of March which somebody else took over long ago."""
    moment = f"2026-03-{day:02d}T10:00:00.000Z"
    return order(number, CreatedDate=moment, UpdatedDate=moment, OrderDate=moment, Exported=True)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One is enough: the rule itself is tested on each in tests/integration/ledger/test_turns.py."""
    return sqlite_url


def booked_before(simulators: Simulators, waiting: set[str], live: dict[str, Any]) -> int:
    """How many orders of the backfill were booked between the placing and the booking of the live one."""
    before = len(waiting & booked(simulators).keys())
    wait_for(lambda: key(live) in booked(simulators))
    return len(waiting & booked(simulators).keys()) - before


def test_live_orders_pass_a_backfill(service: Service, simulators: Simulators) -> None:
    old = [dated(1000 * day + number, day) for day in range(1, DAYS + 1) for number in range(EACH_DAY)]
    waiting = {key(one) for one in simulators.channeladvisor.place(old)}
    simulators.tims.latency(250)  # a batch takes twenty seconds, whatever else the machine does, and a live order a few
    service.worker("load", "--queues", LOADS)
    service.worker("line", "--exclude-queues", LOADS)
    service.beat()
    first = place(simulators, 1)
    wait_for(lambda: key(first[0]) in booked(simulators))
    with open_line() as house:
        since = clock.instant("2026-03-01T00:00:00Z")
        backfill.begin(house.engine, "orders", since, clock.instant("2026-03-05T00:00:00Z"), "")
    wait_for(lambda: len(waiting & booked(simulators).keys()) > EACH_DAY // 10)
    for number in range(1, 4):
        passed = booked_before(simulators, waiting, place(simulators, 1, first=number)[0])
        assert passed < EACH_DAY // 3, "the live order waited for a batch of the backfill"
    assert not {"429"} & simulators.tims.stats()["refused"].keys()
    assert len(waiting & booked(simulators).keys()) < len(waiting), "the backfill was over before it could be passed"
