"""Customers, products and stock of the simulated Clarity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.clarity.simulator_seen import Seen
from connectors.clarity.simulator_writes import FUTURE_MS, MOST, changed, conflict
from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Request
from connectors.simulation.instants import to_ms
from connectors.simulation.records import Records, Slice
from connectors.simulation.simulator import Handler, Simulator
from connectors.simulation.webhooks import Webhooks

FIRST_CUSTOMER = 5121
MOST_ITEMS = 100
OPTIONAL_CUSTOMER = ("firstName", "lastName", "companyName", "phone", "erpCustomerNumber", "creditLimit", "creditHold")
OPTIONAL_PRODUCT = ("description", "cost", "weight", "barcode", "attributes", "images")


class Customers:
    def __init__(self, system: Simulator) -> None:
        self.records = Records(system.clock, "id", "updatedAt", {"email": lambda customer: [customer["email"].lower()]})
        self._system = system
        self.handlers: Mapping[str, Handler] = {
            "listCustomers": lambda request: system.listing(request, self.records, _by_email),
            "createCustomer": self._create,
            "getCustomer": lambda request: Answer(200, request.record),
            "updateCustomer": self._update,
        }

    def place(self, command: Command) -> Any:
        """Control plane: a customer registers."""
        if not isinstance(command.body.get("email"), str):
            raise ControlError('Send a customer with its "email".')
        return self._store(command.body)

    def _create(self, request: Request) -> Answer:
        self._refuse_twin(request.body["email"])
        return Answer(201, self._store(request.body))

    def _update(self, request: Request) -> Answer:
        if "email" in request.body:
            self._refuse_twin(request.body["email"], request.record["id"])
        changes = changed(request.record, {**request.body, "addresses": request.body.get("addresses", request.record["addresses"]) or []})
        if changes:
            self.records.change(request.record, changes)
        return Answer(200, request.record)

    def _refuse_twin(self, email: str, besides: int | None = None) -> None:
        for twin in self.records.find("email", email.lower()):
            if twin["id"] != besides:
                raise conflict("duplicate_email", "A customer has this email.", existingId=twin["id"])

    def _store(self, sent: Mapping[str, Any]) -> Record:
        record = {
            "id": FIRST_CUSTOMER + len(self.records),
            **dict.fromkeys(OPTIONAL_CUSTOMER),
            **sent,
            "addresses": sent.get("addresses") or [],
            "createdAt": self._system.clock.text(),
        }
        return self.records.add(record, self._system.new_instant(self.records))


class Stock:
    """One record a product. Checkout takes units off at once, in the order of the contract's warehouses."""

    def __init__(self, system: Simulator) -> None:
        self.records = Records(system.clock, "sku", "updatedAt")
        self._system = system
        self._warehouses: list[str] = system.contract.document["x-master-data"]["warehouseCode"]
        self._item = system.contract.operations["updateInventory"].split("items")
        self.handlers: Mapping[str, Handler] = {
            "listInventory": lambda request: system.listing(request, self.records),
            "getInventory": lambda request: Answer(200, request.record),
            "updateInventory": self._update,
        }

    def start(self, sku: str) -> None:
        self.records.add({"sku": sku, "totalQuantity": 0, "locations": []}, self._system.new_instant(self.records))

    def take(self, sku: str, units: int) -> None:
        record = self.records.get(sku)
        if record is None:
            return
        locations = {each["warehouseCode"]: dict(each) for each in record["locations"]}
        for code in self._warehouses:
            if code in locations:
                taken = min(units, locations[code]["quantity"])
                locations[code]["quantity"] -= taken
                units -= taken
        self._set(record, locations)

    def give_back(self, sku: str, units: int) -> None:
        """Unshipped units of a void order, into the first warehouse that has a quantity."""
        record = self.records.get(sku)
        if record is None or not record["locations"]:
            return
        locations = {each["warehouseCode"]: dict(each) for each in record["locations"]}
        first = next(code for code in self._warehouses if code in locations)
        locations[first]["quantity"] = min(locations[first]["quantity"] + units, MOST)
        self._set(record, locations)

    def _set(self, record: Record, locations: Mapping[str, Record]) -> None:
        wanted = [locations[code] for code in self._warehouses if code in locations]
        if wanted != record["locations"]:
            self.records.change(record, {"locations": wanted, "totalQuantity": min(sum(each["quantity"] for each in wanted), MOST)})

    def _update(self, request: Request) -> Answer:
        items = request.body["items"]
        if not 1 <= len(items) <= MOST_ITEMS:
            raise self._system.invalid(Flaw("items", "too_many", f"A batch has 1 to {MOST_ITEMS} items."))
        return Answer(200, {"results": [self._update_one(item) for item in items]})

    def _update_one(self, item: Any) -> Record:
        if not self._item.holds(item):
            flaw = self._item.flaws(item)[0]
            return _result(item, "invalid", f"{flaw.field}: {flaw.message}")
        if item["warehouseCode"] not in self._warehouses:
            return _result(item, "invalid", "warehouseCode: Is no warehouse.")
        record = self.records.get(item["sku"])
        if record is None:
            return _result(item, "unknown_sku", "No product has this sku.")
        if to_ms(item["asOf"]) > self._system.clock.now() + FUTURE_MS:
            return _result(item, "invalid", "asOf: Is more than 5 minutes in the future.")
        locations = {each["warehouseCode"]: dict(each) for each in record["locations"]}
        stored = locations.get(item["warehouseCode"])
        if stored is not None and to_ms(item["asOf"]) < to_ms(stored["asOf"]):
            return _result(item, "stale", f"Last accepted asOf is {stored['asOf']}.")
        locations[item["warehouseCode"]] = {name: item[name] for name in ("warehouseCode", "quantity", "asOf")}
        self._set(record, locations)
        return _result(item, "accepted", None)


class Products:
    def __init__(self, system: Simulator, stock: Stock, webhooks: Webhooks, seen: Seen) -> None:
        self.records = Records(system.clock, "sku", "updatedAt")
        self._system = system
        self._stock = stock
        self._webhooks = webhooks
        self._seen = seen
        self.handlers: Mapping[str, Handler] = {
            "listProducts": lambda request: system.listing(request, self.records),
            "createProduct": self._create,
            "getProduct": lambda request: Answer(200, seen.shown(self.records, request.record)),
            "updateProduct": self._update,
        }

    def place(self, command: Command) -> Any:
        """Control plane: store staff add products, or change those that are there: `{"products": […]}`."""
        products = command.body.get("products")
        if not isinstance(products, list) or not all(isinstance(one, dict) and isinstance(one.get("sku"), str) for one in products):
            raise ControlError('Send {"products": [a product each]}.')
        for one in products:
            record = self.records.get(one["sku"])
            if record is None:
                self.store({"name": one["sku"], "price": 0, "currency": "USD", "status": "Active", **one})
            else:
                self._change(record, one)
        return {"products": [self.records[one["sku"]] for one in products]}

    def store(self, sent: Mapping[str, Any]) -> Record:
        record = {**dict.fromkeys(OPTIONAL_PRODUCT), **sent, "createdAt": self._system.clock.text()}
        self._seen.before_change(self.records, record["sku"])
        self.records.add(record, self._system.new_instant(self.records))
        self._stock.start(record["sku"])
        self._tell(record)
        return record

    def _create(self, request: Request) -> Answer:
        if request.body["sku"] in self.records:
            raise conflict("duplicate_sku", "A product has this sku.")
        return Answer(201, self.store(request.body))

    def _update(self, request: Request) -> Answer:
        self._change(self.records[request.record["sku"]], request.body)
        return Answer(200, self.records[request.record["sku"]])

    def _change(self, record: Record, wanted: Mapping[str, Any]) -> None:
        changes = changed(record, wanted)
        if changes:
            self._seen.before_change(self.records, record["sku"])
            self.records.change(record, changes)
            self._tell(record)

    def _tell(self, record: Record) -> None:
        self._webhooks.publish("product.updated", self._system.clock.text(), record)


def _by_email(filters: Mapping[str, Any]) -> Slice:
    return Slice(found=(("email", filters["email"].lower()),)) if "email" in filters else Slice()


def _result(item: Any, status: str, message: str | None) -> Record:
    """A BatchItemResult; `item` may be anything that was sent."""
    sent = item if isinstance(item, dict) else {}
    named = {name: sent[name][:200] if isinstance(sent.get(name), str) else None for name in ("sku", "warehouseCode")}
    return {**named, "status": status, "message": message and message[:500]}
