"""Stock records of the simulated ChannelAdvisor: quantities set by the seller, taken by orders, given back by cancellations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from connectors.channeladvisor.simulator_batches import FUTURE_MS, items_of, result
from connectors.simulation.answers import Answer, Record, Request
from connectors.simulation.instants import to_ms
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator

MOST = 1_000_000


class Stock:
    """One record per product. `pending` counts unshipped units by SKU, those of unknown SKUs included."""

    def __init__(self, system: Simulator) -> None:
        self.records = Records(system.clock, "SKU", "UpdatedDate")
        self._system = system
        self._pending: Counter[str] = Counter()
        self._item = system.contract.operations["updateInventory"].split()
        self.handlers: Mapping[str, Handler] = {
            "listInventory": lambda request: system.listing(request, self.records),
            "getInventory": lambda request: Answer(200, request.record),
            "updateInventory": self._update,
        }

    def start(self, sku: str) -> None:
        """A new product's record: no quantities, but the units that orders already want."""
        pending = min(self._pending[sku], MOST)
        record: Record = {"SKU": sku, "TotalAvailableQuantity": None, "PendingShipmentQuantity": pending, "DCQuantities": []}
        self.records.add(record, self._system.new_instant(self.records))

    def take(self, sku: str, units: int) -> None:
        """Units of a new order, from distribution centers in ascending id, never below 0."""
        record = self.records.get(sku)
        if record is None:
            return
        centers = []
        for center in record["DCQuantities"]:
            taken = min(units, center["Quantity"])
            units -= taken
            centers.append({**center, "Quantity": center["Quantity"] - taken})
        self._set(record, centers)

    def give_back(self, sku: str, units: int) -> None:
        """Unshipped units of a cancelled order, into the lowest distribution center id."""
        record = self.records.get(sku)
        if record is not None and record["DCQuantities"]:
            first, *rest = record["DCQuantities"]
            self._set(record, [{**first, "Quantity": min(first["Quantity"] + units, MOST)}, *rest])

    def expect(self, before: Mapping[str, int], after: Mapping[str, int]) -> None:
        """An order's unshipped units by SKU changed."""
        for sku in {**before, **after}:
            self._pending[sku] += after.get(sku, 0) - before.get(sku, 0)
            record = self.records.get(sku)
            if record is not None and record["PendingShipmentQuantity"] != min(self._pending[sku], MOST):
                self.records.change(record, {"PendingShipmentQuantity": min(self._pending[sku], MOST)})

    def _set(self, record: Record, centers: list[dict[str, Any]]) -> None:
        if centers != record["DCQuantities"]:
            total = min(sum(center["Quantity"] for center in centers), MOST)
            self.records.change(record, {"DCQuantities": centers, "TotalAvailableQuantity": total})

    def _update(self, request: Request) -> Answer:
        return Answer(200, {"Results": [self._update_one(item) for item in items_of(request)]})

    def _update_one(self, item: Any) -> Record:
        if not self._item.holds(item):
            flaw = self._item.flaws(item)[0]
            return result(item, "invalid", f"{flaw.field}: {flaw.message}")
        record = self.records.get(item["SKU"])
        if record is None:
            return result(item, "unknown_sku", "No product has this SKU.")
        if to_ms(item["AsOf"]) > self._system.clock.now() + FUTURE_MS:
            return result(item, "invalid", "AsOf: Is more than 5 minutes in the future.")
        center = {name: item[name] for name in ("DistributionCenterID", "Quantity", "AsOf")}
        centers = {each["DistributionCenterID"]: each for each in record["DCQuantities"]}
        stored = centers.get(center["DistributionCenterID"])
        if stored is not None and to_ms(item["AsOf"]) < to_ms(stored["AsOf"]):
            return result(item, "stale", "A newer quantity was accepted before.")
        centers[center["DistributionCenterID"]] = center
        self._set(record, [centers[each] for each in sorted(centers)])
        return result(item, "accepted", None)
