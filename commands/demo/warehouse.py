"""The people of the simulated warehouse: they ship what is booked, restock what is short, and once in a while meet a late cancellation."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from commands.demo.following import Booked, Placed
from commands.demo.orders import SCARCE_UNITS
from commands.demo.pairs import Pair
from connectors.simulation.remote import RemoteSimulator
from integration.errors import Misconfigured

PACKING_SECONDS = 3.0
DELIVERY_SECONDS = 5.0
"""From a shelf that is found empty to the goods that fill it."""

PARTLY = 5
"""Every so many orders leave in two parcels."""


class Warehouse:
    """Its shelf of the item `scarce` is empty at first."""

    def __init__(self, pair: Pair, simulators: Mapping[str, RemoteSimulator], scarce: str) -> None:
        self._shop, self._erp = pair.sides
        self._in_shop, self._in_erp = simulators[self._shop.system], simulators[self._erp.system]
        self._scarce, self._on_hand = scarce, 0
        self._erp.open(self._in_erp)
        self._erp.count(self._in_erp, scarce, 0)
        self._to_ship: deque[tuple[float, Booked]] = deque()
        self._too_late: list[Booked] = []
        self._to_restock: deque[float] = deque()
        self._shipped = 0

    @property
    def busy(self) -> bool:
        return bool(self._to_ship or self._too_late or self._to_restock)

    def take(self, booked: Sequence[Booked], short: list[Placed]) -> None:
        """Orders that were just booked, and those that wait for stock, which are taken off the list."""
        moment = time.monotonic()
        for one in booked:
            if one.placed.placing.story == "ship":
                self._to_ship.append((moment + PACKING_SECONDS, one))
            elif one.placed.placing.story == "cancel too late":
                self._too_late.append(one)
        self._to_restock.extend(moment + DELIVERY_SECONDS for _ in short)
        short.clear()

    def work(self) -> None:
        """Whatever is due. Raises Unreachable where a simulator does not answer; it is done at the next step."""
        moment = time.monotonic()
        while self._to_restock and self._to_restock[0] <= moment:
            self._erp.count(self._in_erp, self._scarce, self._on_hand + SCARCE_UNITS)
            self._on_hand += SCARCE_UNITS
            self._to_restock.popleft()
        while self._too_late:
            one = self._too_late[-1]
            self._in_shop.change(int(one.placed.key), self._shop.change("cancelled"))
            self._erp.ship(self._in_erp, one.target_key)
            self._too_late.pop()
        while self._to_ship and self._to_ship[0][0] <= moment:
            self._ship(self._to_ship[0][1])
            self._to_ship.popleft()

    def _ship(self, one: Booked) -> None:
        first, *rest = one.placed.placing.lines
        self._shipped += 1
        try:
            if rest and self._shipped % PARTLY == 0:
                self._erp.ship(self._in_erp, one.target_key, first[1])
            self._erp.ship(self._in_erp, one.target_key)
        except Misconfigured:  # stock has run out: nobody ships it today
            return
