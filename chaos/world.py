"""What goes on whatever fails: buyers order, and change their minds; the warehouse ships, counts its shelves and restocks. It knows each
order's fate, and sees nothing but the control planes of the systems."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

from chaos.weakness import POISON
from commands.demo.orders import SCARCE_UNITS, Orders, Placing
from commands.demo.pairs import Pair
from connectors.simulation.catalogue import goods
from connectors.simulation.remote import RemoteSimulator
from integration import clock
from integration.errors import Misconfigured, Unreachable

FIRST_DAY = datetime(2026, 3, 2, 14, tzinfo=UTC)
"""The world of a seed is the same whenever it is run."""

FIRST_POISON = 9_000_000
"""Numbers that no other order of a run has."""

PACKING_SECONDS = 2.0
DELIVERY_SECONDS = 5.0
PARTLY = 5
"""Every so many orders leave in two parcels."""

LOOK_SECONDS = 1.0
AT_ONCE = 20
"""Orders that one call places, and parcels that leave between two looks, so that nobody waits for the others."""

ON_HAND = (50_000, 90_000)
"""What the warehouse counts: enough for every order of a run."""


class World:
    """`placed` by key in the shop, `booked` the sales order of each that the ERP has; `placed_at` and `booked_at` when that was, or was
    seen first; `counted` shelves, `shipped` parcels."""

    def __init__(self, pair: Pair, seed: int, orders: int, rate: float, simulators: Mapping[str, RemoteSimulator]) -> None:
        self.placed: dict[str, Placing] = {}
        self.booked: dict[str, str] = {}
        self.placed_at: dict[str, datetime] = {}
        self.booked_at: dict[str, datetime] = {}
        self.shipped = self.counted = 0
        self._orders, self._rate = orders, rate
        self._pair, (self._shop, self._erp) = pair, pair.sides
        self._in_shop, self._in_erp = simulators[self._shop.system], simulators[self._erp.system]
        self._keys: dict[str, str] = {}
        orders_of = Orders(pair, seed, lambda: FIRST_DAY)
        self._scarce, self._supply = orders_of.scarce.sku, iter(orders_of)
        self._dice = Random(f"{seed}/warehouse")
        self._shelves = [one.sku for one in goods(20) if one.status == "Active" and one.sku != self._scarce]
        self._sold = 0
        self._seen = 0
        self._look_at = 0.0
        self._to_change: deque[str] = deque()
        self._to_ship: deque[tuple[float, str]] = deque()
        self._to_restock: deque[float] = deque()
        self._restocked = 0
        self._poisoned = 0
        self._erp.open(self._in_erp)
        self._erp.count(self._in_erp, self._scarce, 0)

    @property
    def wanted(self) -> int:
        """How many orders must be booked."""
        return sum(one.fate in ("booked", "too late") for one in self.placed.values())

    @property
    def idle(self) -> bool:
        """Whether all has happened that is to happen."""
        over = self._sold == self._orders and len(self.booked) >= self.wanted
        return over and not (self._to_change or self._to_ship or self._to_restock)

    def step(self, seconds: float) -> None:
        """Whatever is due `seconds` after the beginning. What a system that does not answer keeps from happening is done later."""
        with contextlib.suppress(Unreachable):
            self._place(seconds)
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_SECONDS
                self._look()
            self._change()
            self._restock()
            self._ship()

    def place_poison(self) -> None:
        """May be called by other threads; each call speaks for itself."""
        self._poisoned += 1
        placing = next(iter(Orders(self._pair, self._poisoned, lambda: FIRST_DAY)))
        sale = replace(placing.sale.with_first(sku=POISON), number=FIRST_POISON + self._poisoned, status=None)
        [stored] = RemoteSimulator(self._in_shop.url).place([self._shop.order(sale)])
        self.placed[self._shop.placed(stored).key] = replace(placing, sale=sale, fate="dead", fault="", story="", later=None)

    def _place(self, seconds: float) -> None:
        due = min(int(seconds * self._rate) + 1, self._orders, self._sold + AT_ONCE)
        while self._sold < due:
            placing = next(self._supply)
            self._sold += 1
            [stored] = self._in_shop.place([self._shop.order(placing.sale)], check=placing.checked)
            key, number, _ = self._shop.placed(stored)
            self.placed[key], self.placed_at[key] = placing, clock.now()
            self._keys |= {key: key, number: key}
            if placing.story == "restock":
                self._to_restock.append(time.monotonic() + DELIVERY_SECONDS)
            self._erp.count(self._in_erp, self._dice.choice(self._shelves), self._dice.randint(*ON_HAND))
            self.counted += 1

    def _look(self) -> None:
        fresh = self._in_erp.booked(self._seen)
        self._seen += len(fresh)
        for reference, number in fresh:
            key = self._keys.get(reference)
            if key is None or key in self.booked:
                continue  # the verdict tells of it
            placing = self.placed[key]
            self.booked[key], self.booked_at[key] = number, clock.now()
            if placing.later or placing.story == "cancel too late":
                self._to_change.append(key)
            elif placing.story == "ship":
                self._to_ship.append((time.monotonic() + PACKING_SECONDS, key))

    def _change(self) -> None:
        while self._to_change:
            key = self._to_change[0]
            placing = self.placed[key]
            if placing.story == "cancel too late":
                self._in_shop.change(int(key), self._shop.change("cancelled"))
                self._erp.ship(self._in_erp, self.booked[key])
                self.shipped += 1
            elif placing.later:
                self._in_shop.change(int(key), self._shop.change(placing.later))
            self._to_change.popleft()

    def _restock(self) -> None:
        while self._to_restock and self._to_restock[0] <= time.monotonic():
            self._erp.count(self._in_erp, self._scarce, self._restocked + SCARCE_UNITS)
            self._restocked += SCARCE_UNITS
            self._to_restock.popleft()

    def _ship(self) -> None:
        for _ in range(AT_ONCE):
            if not self._to_ship or self._to_ship[0][0] > time.monotonic():
                return
            _, key = self._to_ship[0]
            first, *rest = self.placed[key].lines
            try:
                if rest and int(key) % PARTLY == 0:
                    self._erp.ship(self._in_erp, self.booked[key], first[1])
                    self.shipped += 1
                self._erp.ship(self._in_erp, self.booked[key])
                self.shipped += 1
            except Misconfigured:  # a fault that strikes the goods: nobody ships it
                pass
            self._to_ship.popleft()
