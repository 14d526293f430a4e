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

from chaos.scene import CHANNEL, ERP
from chaos.weakness import POISON
from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.orders import SCARCE_UNITS, Orders, Placing
from commands.demo.pairs import Pair
from commands.demo.tims import Tims
from connectors.simulation.catalogue import goods
from connectors.simulation.remote import RemoteSimulator
from integration.errors import Misconfigured, Unreachable

FIRST_DAY = datetime(2026, 3, 2, 14, tzinfo=UTC)
"""The world of a seed is the same whenever it is run."""

SHOP = ChannelAdvisor()
PAIR = Pair(SHOP, Tims())
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
    """`placed` by key in the channel, `booked` the sales order of each that the ERP has; `counted` shelves, `shipped` parcels."""

    def __init__(self, seed: int, orders: int, rate: float, simulators: Mapping[str, RemoteSimulator]) -> None:
        self.placed: dict[str, Placing] = {}
        self.booked: dict[str, str] = {}
        self.shipped = self.counted = 0
        self._orders, self._rate = orders, rate
        self._channel, self._erp = simulators[CHANNEL], simulators[ERP]
        orders_of = Orders(PAIR, seed, lambda: FIRST_DAY)
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
        self._erp.count_stock(self._scarce, 0)
        self._erp.switch_faults(**{"tracking-added-later": {"delay": 2}})

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
        placing = next(iter(Orders(PAIR, self._poisoned, lambda: FIRST_DAY)))
        sale = placing.sale.with_first(sku=POISON)
        order = {**SHOP.order(sale), "OrderID": f"POISON-{self._poisoned}", "OrderStatus": "New"}
        [stored] = RemoteSimulator(self._channel.url).place([order])
        self.placed[str(stored["ChannelAdvisorOrderID"])] = replace(placing, sale=sale, fate="dead", fault="", story="", later=None)

    def _place(self, seconds: float) -> None:
        due = min(int(seconds * self._rate) + 1, self._orders, self._sold + AT_ONCE)
        while self._sold < due:
            placing = next(self._supply)
            self._sold += 1
            [stored] = self._channel.place([SHOP.order(placing.sale)], check=placing.checked)
            self.placed[str(stored["ChannelAdvisorOrderID"])] = placing
            if placing.story == "restock":
                self._to_restock.append(time.monotonic() + DELIVERY_SECONDS)
            self._erp.count_stock(self._dice.choice(self._shelves), self._dice.randint(*ON_HAND))
            self.counted += 1

    def _look(self) -> None:
        fresh = self._erp.booked(self._seen)
        self._seen += len(fresh)
        for key, number in fresh:
            placing = self.placed.get(key)
            if key in self.booked or placing is None:
                continue  # the verdict tells of it
            self.booked[key] = number
            if placing.later or placing.story == "cancel too late":
                self._to_change.append(key)
            elif placing.story == "ship":
                self._to_ship.append((time.monotonic() + PACKING_SECONDS, key))

    def _change(self) -> None:
        while self._to_change:
            key = self._to_change[0]
            placing = self.placed[key]
            if placing.story == "cancel too late":
                self._channel.change(int(key), SHOP.change("cancelled"))
                self._erp.ship(self.booked[key])
                self.shipped += 1
            elif placing.later:
                self._channel.change(int(key), SHOP.change(placing.later))
            self._to_change.popleft()

    def _restock(self) -> None:
        while self._to_restock and self._to_restock[0] <= time.monotonic():
            self._erp.count_stock(self._scarce, self._restocked + SCARCE_UNITS)
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
                    self._erp.ship(self.booked[key], [{"LineNumber": 1, "Quantity": first[1]}])
                    self.shipped += 1
                self._erp.ship(self.booked[key])
                self.shipped += 1
            except Misconfigured:  # a fault that strikes the goods: nobody ships it
                pass
            self._to_ship.popleft()
