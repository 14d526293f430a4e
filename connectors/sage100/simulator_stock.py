"""Items, aliases and stock by warehouse of the simulated Sage 100. Available is on hand less all that is committed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_writes import dec, number
from connectors.simulation.answers import Answer, Command, ControlError, Record
from connectors.simulation.catalogue import goods
from connectors.simulation.simulator import Handler

ON_HAND = 100_000  # of every item at the start, so that a demo does not run dry
MAIN = "000"
COMMITTED = ("QuantityOnSalesOrder", "QuantityOnBackOrder", "QuantityInShipping")


class Stock:
    def __init__(self, system: Sage, items: int) -> None:
        self.items = system.table("ItemCode")
        self.aliases = system.table("AliasItemNo", "ItemCode", "Type", "ARDivisionNo", "CustomerNo", "VendorNo")
        self.quantities = system.table("ItemCode", "WarehouseCode")
        self._system = system
        self._members = frozenset(system.contract.schema("Item")["properties"])
        for code in system.codes_on_file.charges:
            self._place_item({"ItemCode": code, "ItemType": "3", "ItemCodeDesc": code.removeprefix("/").title(), "StandardUnitPrice": 0})
        for each in goods(items):
            self._place_item(
                {
                    "ItemCode": each.sku,
                    "ItemCodeDesc": each.title[:30],
                    "StandardUnitPrice": each.list_price / 100,
                    "StandardUnitCost": each.cost / 100,
                    "InactiveItem": "N" if each.status == "Active" else "Y",
                    "Category1": each.brand[:10],
                }
            )
            self.change(each.sku, MAIN, QuantityOnHand=Decimal(ON_HAND))
            if each.alias:
                self._place_alias({"AliasItemNo": each.alias, "ItemCode": each.sku})
        self.handlers: Mapping[str, Handler] = {
            "listItems": lambda request: system.page(request, self.items),
            "getItem": lambda request: Answer(200, request.record),
            "listItemWarehouses": lambda request: system.page(request, self.quantities, "ItemCode", "WarehouseCode"),
            "getItemWarehouse": lambda request: Answer(200, request.record),
            "listAliasItems": lambda request: system.page(request, self.aliases, "AliasItemNo", "ItemCode"),
        }

    def available(self, item: str, warehouse: str) -> Decimal:
        stock = self.quantities.get((item, warehouse))
        return dec(stock["QuantityOnHand"]) - sum((dec(stock[name]) for name in COMMITTED), Decimal(0)) if stock else Decimal(0)

    def change(self, item: str, warehouse: str, **units: Decimal) -> Record:
        """Add units to the quantities of that name; an item that was never in the warehouse is stocked there from now on."""
        stock = self.quantities.get((item, warehouse))
        if stock is None:
            quantities = dict.fromkeys(("QuantityOnHand", *COMMITTED, "QuantityOnPurchaseOrder", "QuantityOnWorkOrder"), 0)
            stock = {"ItemCode": item, "WarehouseCode": warehouse, "BinLocation": "", "AverageCost": 0, "ReorderPointQty": 0, **quantities}
            self.quantities.add(stock)
        after = {name: number(dec(stock[name]) + count) for name, count in units.items()}
        if any(stock[name] != value for name, value in after.items()):
            self.quantities.change(stock, after)
        if "QuantityOnHand" in units and (record := self.items.get(item)) is not None:
            record["TotalQuantityOnHand"] = number(
                sum((dec(one["QuantityOnHand"]) for one in self.quantities.where(ItemCode=item)), Decimal(0))
            )
        return stock

    def place_items(self, command: Command) -> Any:
        """Control plane: `{"items": [{"ItemCode", …}]}` adds items or sets members of those that exist."""
        items = command.body.get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("ItemCode") for item in items):
            raise ControlError('Send {"items": [{"ItemCode": …, any member of an item}]}.')
        for item in items:
            if unknown := sorted(set(item) - self._members):
                raise ControlError(f"An item has no member {unknown[0]!r}.")
        return {"items": [self._place_item(item) for item in items]}

    def place_quantity(self, command: Command) -> Any:
        """Control plane: `{"ItemCode", "WarehouseCode"?, "QuantityOnHand"}` as if it had been counted."""
        item, warehouse, count = (command.body.get(name) for name in ("ItemCode", "WarehouseCode", "QuantityOnHand"))
        if self.items.get(item) is None or not isinstance(count, (int, float)):
            raise ControlError('Send {"ItemCode": of an item that exists, "QuantityOnHand": units}.')
        before = self.quantities.get((item, warehouse or MAIN))
        return self.change(str(item), warehouse or MAIN, QuantityOnHand=dec(count) - dec(before["QuantityOnHand"] if before else 0))

    def place_alias(self, command: Command) -> Any:
        """Control plane: `{"AliasItemNo", "ItemCode", "Type"?, …}`."""
        if not command.body.get("AliasItemNo") or self.items.get(command.body.get("ItemCode")) is None:
            raise ControlError('Send {"AliasItemNo": …, "ItemCode": of an item that exists}.')
        return self._place_alias(command.body)

    def _place_item(self, sent: Record) -> Record:
        stored = self.items.get(sent["ItemCode"])
        if stored is not None:
            return self.items.change(stored, sent)
        item = {
            "ItemType": "1",
            "ItemCodeDesc": sent["ItemCode"],
            "CommentText": "",
            "ProductLine": sent["ItemCode"].partition("-")[0][:4],
            "ProductType": "F",
            "InactiveItem": "N",
            "UseInSO": "Y",
            "AllowBackOrders": "Y",
            "StandardUnitOfMeasure": "EACH",
            "SalesUnitOfMeasure": "EACH",
            "StandardUnitPrice": 25,
            "StandardUnitCost": 10,
            "SuggestedRetailPrice": 0,
            "SalesPromotionPrice": 0,
            "SaleStartingDate": "",
            "SaleEndingDate": "",
            "TaxClass": "TX",
            "DefaultWarehouseCode": MAIN,
            "ShipWeight": "1.00",
            "Category1": "",
            "TotalQuantityOnHand": 0,
            **sent,
        }
        self.items.add(item)
        if item["ItemType"] == "1":
            self.change(item["ItemCode"], MAIN)
        return item

    def _place_alias(self, sent: Record) -> Record:
        empty = dict.fromkeys(("ARDivisionNo", "CustomerNo", "APDivisionNo", "VendorNo", "AliasItemDesc"), "")
        return self.aliases.add({**empty, "Type": "G", **sent})
