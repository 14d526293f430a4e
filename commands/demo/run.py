"""One demo at work: places orders at a rate, follows them, and says at the end what is not as it must be."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence

from commands.demo.display import Display
from commands.demo.following import Follower, Placed
from commands.demo.home import FLOW
from commands.demo.orders import Orders, Placing
from commands.demo.verdict import complaints
from commands.demo.warehouse import Warehouse
from commands.exits import Exit
from commands.failure import Failure
from commands.supervisor import Supervisor
from connectors.simulation.remote import RemoteSimulator
from integration.errors import Unreachable
from integration.ledger import counts, holds, letters
from integration.ledger.database import read
from integration.line.journey import House

STEP_SECONDS = 0.25
START_SECONDS = 60.0

STUCK_SECONDS = 100.0
"""Nothing has moved for so long, which is more than the window of any limit: the demo has failed."""

SETTLED_SECONDS, SETTLED_POLLS = 6.0, 2
"""The same where nothing is on its way any more: several polls have found nothing new."""


class Run:
    """`orders` is what they are taken from, `rate` how many a second, `limit` how many in all (None: no end)."""

    def __init__(
        self,
        supervisor: Supervisor,
        house: House,
        simulators: Mapping[str, RemoteSimulator],
        follower: Follower,
        orders: Orders,
        rate: float,
        limit: int | None,
    ) -> None:
        self._supervisor = supervisor
        self._house = house
        self._simulators = simulators
        self._follower = follower
        self._pair = orders.pair
        self._supply = iter(orders)
        self._rate = rate
        self._limit = limit
        self._placed: dict[str, Placing] = {}  # what the verdict is about; empty where there is none
        self._to_change: list[Placed] = []
        self._scarce = orders.scarce.sku
        self._warehouse: Warehouse | None = None

    def go(self, display: Display, notices: Sequence[str]) -> bool:
        """True when every order has come to its end, or nothing moves any more; False where a signal came first."""
        if not self._wait_for_a_poll():
            return False
        self._warehouse = warehouse = Warehouse(self._pair, self._simulators, self._scarce)
        began = moved = time.monotonic()
        before: tuple[int, ...] = ()
        while not self._supervisor.wait(STEP_SECONDS):
            now = time.monotonic()
            with contextlib.suppress(Unreachable):  # a simulator that is being started again; the next step does what is due
                self._change()
                self._place(now - began)
                warehouse.work()
            booked = self._follower.look()
            self._to_change += [one.placed for one in booked if one.placed.placing.later]
            warehouse.take(booked, self._follower.short)
            display.show(self._follower, now - began, notices)
            if self._follower.progress() != before:
                before, moved = self._follower.progress(), now
            if self._follower.placed == self._limit and self._is_over(now - moved):
                return True
        return False

    def complaints(self) -> list[str]:
        """What is not as it must be; a sentence each."""
        with read(self._house.engine) as connection:
            still_open = letters.still_open(connection, flow=FLOW)
            waiting = holds.listed(connection, flow=FLOW)
        shop, erp = self._pair.sides
        storefront = shop.storefront(self._simulators[shop.system].state())
        books = erp.books(self._simulators[erp.system].state())
        stats = {name: simulator.stats() for name, simulator in self._simulators.items()}
        guest = self._house.settings.flows[FLOW].guests.email
        return complaints(self._placed, storefront, books, still_open, waiting, stats, guest)

    def requests(self) -> dict[str, int]:
        """How many each system has accepted."""
        return {name: sum(simulator.stats()["requests"].values()) for name, simulator in self._simulators.items()}

    def _wait_for_a_poll(self) -> bool:
        """What is placed before the workers are there would only tell how long they took to start."""
        deadline = time.monotonic() + START_SECONDS
        while not counts.count(self._house.engine).cursor_age:
            if time.monotonic() > deadline:
                logs = self._house.settings.home / "logs"
                raise Failure(f"no worker has begun to poll within {START_SECONDS:g} s; look into {logs}.", Exit.FAILED)
            if self._supervisor.wait(STEP_SECONDS):
                return False
        return True

    def _place(self, seconds: float) -> None:
        shop = self._pair.shop
        due = int(seconds * self._rate) + 1
        if self._limit:
            due = min(due, self._limit)
        for _ in range(due - self._follower.placed):
            placing = next(self._supply)
            [stored] = self._simulators[shop.system].place([shop.order(placing.sale)], check=placing.checked)
            key, _, at = shop.placed(stored)
            self._follower.add(Placed(key, at, placing))
            if self._limit:
                self._placed[key] = placing

    def _change(self) -> None:
        while self._to_change:
            placed, shop = self._to_change[-1], self._pair.shop
            assert placed.placing.later is not None
            self._simulators[shop.system].change(int(placed.key), shop.change(placed.placing.later))
            self._to_change.pop()

    def _is_over(self, still: float) -> bool:
        """Whether all is as it must be, or nothing moves any more; `still`: the seconds since something did."""
        busy = self._warehouse is not None and self._warehouse.busy
        follower = self._follower
        if follower.waiting or follower.unfinished or self._to_change or busy:
            return still > STUCK_SECONDS
        settled = SETTLED_SECONDS + SETTLED_POLLS * self._pair.erp.every
        return still > (STUCK_SECONDS if follower.expecting() else settled) or not self.complaints()
