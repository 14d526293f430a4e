"""Buyers and warehouse staff of the accuracy simulation: the same script for every installation, what the systems show decides the rest."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests

from benchmarks.orders import order
from benchmarks.systems import Systems

HOT, HOT_SHARE = 8, 0.7
"""So many SKUs get so large a part of the orders and movements."""


@dataclass(frozen=True, slots=True)
class Look:
    """What both systems hold at one moment, by SKU. `should`: what the channel should show; `available`: the ERP's own word."""

    at: float
    shown: Mapping[str, int]
    should: Mapping[str, int]
    on_hand: Mapping[str, int]


@dataclass
class World:
    """`script` draws what happens; `oversold` counts units that buyers got and nobody can deliver, each with what was shown."""

    systems: Systems
    seed: int = 7
    placed: dict[str, tuple[str, int]] = field(default_factory=dict)
    shipped: set[str] = field(default_factory=set)
    sold: int = 0

    def __post_init__(self) -> None:
        self.script = random.Random(self.seed)
        self._sessions = {system.url: requests.Session() for system in (self.systems.channel, self.systems.erp)}
        for session in self._sessions.values():
            session.trust_env = False
        self.allocated: list[list[str]] = []

    def look(self, at: float) -> Look:
        """The channel first: what has sold meanwhile can only make the truth look smaller."""
        shown = {one["SKU"]: one["TotalAvailableQuantity"] or 0 for one in self._get(self.systems.channel.url)["inventory"]}
        erp = self._get(self.systems.erp.url)
        held = {order_key for order_key, _, _ in erp["held"]}
        self.allocated = [one for one in erp["held"] if one[2] == "Allocated"]
        promised: Counter[str] = Counter()
        for key, (sku, units) in self.placed.items():
            if key not in held:
                promised[sku] += units
        stock = {one["SKU"]: one for one in erp["inventory"] if one["SKU"] in shown}
        should = {sku: max(0, one["Available"] - promised[sku]) for sku, one in stock.items()}
        return Look(at, shown, should, {sku: one["OnHand"] for sku, one in stock.items()})

    def buy(self, look: Look, number: int) -> tuple[str, int] | None:
        """A buyer wants some units of a SKU, and gets them where the channel shows so many."""
        sku, units = self._sku(look), self.script.randint(1, 3)
        if look.shown[sku] < units:
            return None
        wanted = order(number, f"known.{number % 50}")
        wanted["Items"] = [
            {**wanted["Items"][0], "SKU": sku, "Quantity": units, "UnitPrice": "1.00", "TaxAmount": "0.00", "ShippingAmount": "0.00"}
        ]
        wanted["TotalAmount"] = f"{units}.00"
        (stored,) = self.systems.channel.post("orders", {"orders": [wanted], "check": True})["orders"]
        self.placed[str(stored["ChannelAdvisorOrderID"])] = (sku, units)
        self.sold += units
        return sku, units

    def move(self, look: Look) -> tuple[str, int]:
        """The warehouse receives goods, or finds some missing; gives the SKU and by how many units."""
        sku = self._sku(look)
        units = self.script.choice((-3, -2, -1, 4, 8, 12))
        on_hand = max(0, look.on_hand[sku] + units)
        self.systems.erp.post("inventory", {"SKU": sku, "OnHand": on_hand})
        return sku, on_hand - look.on_hand[sku]

    def _sku(self, look: Look) -> str:
        """A few are wanted far more than the others, and run short."""
        skus = sorted(look.should)
        return self.script.choice(skus[:HOT] if self.script.random() < HOT_SHARE else skus)

    def ship(self) -> None:
        """The oldest allocated order leaves the warehouse."""
        waiting = [number for _, number, _ in self.allocated if number not in self.shipped]
        if waiting:
            self.shipped.add(waiting[0])
            self.systems.erp.post("ship", {"SalesOrderID": waiting[0]})

    def _get(self, url: str) -> dict[str, list]:  # type: ignore[type-arg]
        answer = self._sessions[url].get(f"{url}/_sim/inventory", timeout=10)
        answer.raise_for_status()
        found: dict[str, list] = answer.json()  # type: ignore[type-arg]
        return found
