"""However many events come, a connection is rung for at once and then no more often than its limit lets it be read."""

from __future__ import annotations

import threading
import time

from gateway.bell import Bell
from integration.ports import Limits
from tests.fixtures.processes import wait_for


class Heard:
    def __init__(self) -> None:
        self.rings: list[tuple[str, float]] = []
        self.broken = False

    def ring(self, name: str) -> None:
        self.rings.append((name, time.monotonic()))
        if self.broken:
            raise KeyError(name)


def bell(heard: Heard, *names: str) -> Bell:
    made = Bell(heard.ring, dict.fromkeys(names, Limits(requests=600, per_seconds=12, concurrent=8)))
    made.start()
    return made


def test_it_rings_at_once_and_once_more_for_all_that_came_meanwhile() -> None:
    heard = Heard()
    rings = bell(heard, "ca")
    pulled = time.monotonic()
    rings.pull("ca")
    wait_for(lambda: heard.rings)
    for _ in range(1000):
        rings.pull("ca")
    wait_for(lambda: len(heard.rings) == 2)
    first, second = (at - pulled for _, at in heard.rings)
    assert first < 0.1
    assert 0.15 < second - first < 1, "12 s / 600 requests / 10 % = 0.2 s"
    assert not threading.Event().wait(0.4)
    assert len(heard.rings) == 2, "nothing has come since"


def test_one_that_rests_holds_up_no_other_and_a_failure_stops_nothing() -> None:
    heard = Heard()
    heard.broken = True
    rings = bell(heard, "ca", "tims")
    rings.pull("ca")
    wait_for(lambda: len(heard.rings) == 1)
    rings.pull("ca")
    rings.pull("tims")
    wait_for(lambda: len(heard.rings) == 3)
    assert [name for name, _ in heard.rings] == ["ca", "tims", "ca"]
