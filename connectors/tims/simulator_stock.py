"""Items, quantities and adjustments of the simulated TIMS. Every item has one quantity; Available is OnHand less Allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Request
from connectors.simulation.catalogue import goods
from connectors.simulation.contract import Shape, closed
from connectors.simulation.money import amount
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.simulation.webhooks import Webhooks
from connectors.tims.simulator_writes import check_rules, post, reference

ON_HAND = 100_000  # of every item at the start, so that a demo does not run dry


class Stock:
    """`grown` are the SKUs whose Available went up since the warehouse last looked."""

    def __init__(self, system: Simulator, webhooks: Webhooks, items: int) -> None:
        self.items = Records(system.clock, "SKU", "UpdatedAt", {"alias": lambda item: item["Aliases"]})
        self.quantities = Records(system.clock, "SKU", "UpdatedAt")
        indexes = {"sku": lambda adjustment: [adjustment["SKU"]], "externalReference": reference}
        self.adjustments = Records(system.clock, "AdjustmentID", "UpdatedAt", indexes)
        self.grown: set[str] = set()
        self._untold: set[str] = set()
        self._system = system
        self._webhooks = webhooks
        self._item = Shape(closed(system.contract.schema("Item") | {"required": ["SKU"]}))
        for each in goods(items):
            self._place_item(
                {
                    "SKU": each.sku,
                    "Description": each.title,
                    "Cost": amount(each.cost) + "00",
                    "ListPrice": amount(each.list_price) + "00",
                    "Status": each.status,
                    "Aliases": [each.alias] if each.alias else [],
                    "Brand": each.brand,
                    "UPC": each.upc,
                },
                ON_HAND,
            )
        self.handlers: Mapping[str, Handler] = {
            "listItems": lambda request: system.listing(request, self.items, by("alias")),
            "getItem": lambda request: Answer(200, request.record),
            "listInventory": lambda request: system.listing(request, self.quantities),
            "getQuantity": lambda request: Answer(200, request.record),
            "listAdjustments": lambda request: system.listing(request, self.adjustments, by("sku", "externalReference")),
            "createAdjustment": self._adjust,
        }

    def change(self, sku: str, on_hand: int = 0, allocated: int = 0) -> Record:
        """Add units to OnHand and Allocated."""
        quantity = self.quantities[sku]
        new = {"OnHand": quantity["OnHand"] + on_hand, "Allocated": quantity["Allocated"] + allocated}
        new["Available"] = new["OnHand"] - new["Allocated"]
        if new["Available"] > quantity["Available"]:
            self.grown.add(sku)
        self._untold.add(sku)
        return self.quantities.change(quantity, new)

    def tell(self) -> None:
        """Send the events of all changes since the last call, one per SKU."""
        for sku in sorted(self._untold):
            quantity = self.quantities[sku]
            self._webhooks.publish("inventory.changed", quantity["UpdatedAt"], quantity)
        self._untold.clear()

    def place_items(self, command: Command) -> Any:
        """Control plane: `{"items": [{"SKU", …}]}` adds items or sets members of those that exist."""
        body = command.body
        items = body.get("items")
        if not isinstance(items, list) or not items:
            raise ControlError('Send {"items": [{"SKU": …, any member of an item}]}.')
        for item in items:
            for flaw in self._item.flaws(item):
                raise ControlError(f"{flaw.field}: {flaw.message}")
        return {"items": [self._place_item(item) for item in items]}

    def place_quantity(self, command: Command) -> Any:
        """Control plane: `{"SKU", "OnHand"}` as if it had been counted."""
        body = command.body
        if body.get("SKU") not in self.quantities or not isinstance(body.get("OnHand"), int):
            raise ControlError('Send {"SKU": of an item that exists, "OnHand": units}.')
        return self.change(body["SKU"], on_hand=body["OnHand"] - self.quantities[body["SKU"]]["OnHand"])

    def _place_item(self, sent: Record, on_hand: int = 0) -> Record:
        stored = self.items.get(sent["SKU"])
        if stored is not None:
            return self.items.change(stored, sent)
        item = {
            "Description": sent["SKU"],
            "LongDescription": None,
            "Cost": "10.0000",
            "ListPrice": "25.0000",
            "Currency": "USD",
            "Status": "Active",
            "Aliases": [],
            "UnitOfMeasure": "EA",
            "Weight": None,
            "UPC": None,
            "Brand": None,
            "Attributes": [],
            **sent,
        }
        self.items.add(item, self._system.new_instant(self.items))
        self.quantities.add({"SKU": item["SKU"], "OnHand": on_hand, "Allocated": 0, "Available": on_hand})
        return item

    def _adjust(self, request: Request) -> Answer:
        sent = request.body
        if sent["SKU"] not in self.items:
            check_rules(self._system, sent, [Flaw("SKU", "unknown_sku", "No item has this SKU.")])
        after = self.change(sent["SKU"], on_hand=sent["QuantityDelta"])["OnHand"]
        adjustment = {"AdjustmentID": f"ADJ-{len(self.adjustments) + 1:07d}", "ExternalReference": None, **sent, "OnHandAfter": after}
        return Answer(201, post(self._system, self.adjustments, adjustment))
