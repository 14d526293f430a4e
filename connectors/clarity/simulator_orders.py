"""Orders of the simulated Clarity: made at checkout, changed by store staff and by clients within the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.clarity.simulator_seen import Seen
from connectors.clarity.simulator_shop import Customers, Stock
from connectors.clarity.simulator_writes import cents, changed, conflict, money
from connectors.simulation.answers import Answer, Command, ControlError, Record, Request
from connectors.simulation.contract import Shape, closed
from connectors.simulation.records import Records, Slice
from connectors.simulation.simulator import Handler, Simulator
from connectors.simulation.webhooks import Webhooks

FIRST_ORDER = 100246
FIRST_PAYMENT = 9001
OPTIONAL = ("customerPoNumber", "erpOrderNumber", "shippingMethod", "billingAddress", "notes")
OPTIONAL_BUYER = ("firstName", "lastName", "companyName", "phone", "erpCustomerNumber")
TAKES_SHIPMENTS = ("Pending", "Processing", "Shipped")


class Orders:
    def __init__(self, system: Simulator, customers: Customers, stock: Stock, webhooks: Webhooks, seen: Seen) -> None:
        indexes = {"number": lambda order: [order["orderNumber"]], "status": lambda order: [order["status"]]}
        self.records = Records(system.clock, "id", "updatedAt", indexes)
        self._system = system
        self._customers = customers
        self._stock = stock
        self._webhooks = webhooks
        self._seen = seen
        self._moves: Mapping[str, Sequence[str]] = system.contract.document["x-status-transitions"]["order status by clients"]
        self._order = Shape(closed(system.contract.schema("Order")))
        self._unsound: set[int] = set()
        self._payments = 0
        self.messages: list[Record] = []  # what staff was shown; no part of the orders
        self.handlers: Mapping[str, Handler] = {
            "listOrders": lambda request: system.listing(request, self.records, _select),
            "getOrder": lambda request: self._answer(seen.shown(self.records, request.record)),
            "updateOrder": self._update,
        }

    def sound(self, page: Sequence[Record]) -> bool:
        """Whether every record of a page can keep the contract."""
        return not self._unsound or all(order["id"] not in self._unsound for order in page)

    def place(self, command: Command) -> Any:
        """Control plane: checkouts, `{"orders": […], "check": true}`. An order needs `customer`, `shippingAddress` and `items`; sums that
        are not sent are reckoned. All are placed or none."""
        orders, check = command.body.get("orders"), command.body.get("check", True)
        if not isinstance(orders, list) or not all(isinstance(one, dict) for one in orders):
            raise ControlError('Send {"orders": [an order each], "check": true or false}.')
        made = [self._made(one, FIRST_ORDER + len(self.records) + place) for place, one in enumerate(orders)]
        for place, order in enumerate(made):
            flaws = self._order.flaws({**order, "updatedAt": order["placedAt"]}) if check else []
            if flaws:
                raise ControlError(f"orders[{place}].{flaws[0].field}: {flaws[0].message} Send check false to place it all the same.")
        return {"orders": [self._store(order) for order in made]}

    def edit(self, command: Command) -> Any:
        """Control plane: store staff change an order as they like."""
        order = self.records.get(int(command.key)) if command.key.isdecimal() else None
        if order is None:
            raise ControlError(f"Order {command.key} does not exist.")
        unknown = sorted(set(command.body) - set(self._order.schema["properties"]))
        if unknown:
            raise ControlError(f"An order has no member {unknown[0]!r}.")
        self.set(order, command.body)
        if not self._order.holds(order):
            self._unsound.add(order["id"])
        return order

    def set(self, order: Record, members: Mapping[str, Any]) -> None:
        """Change an order as anyone may: its version grows, and the event is sent. One that becomes void gives its units back."""
        was = order["status"]
        self._seen.before_change(self.records, order["id"])
        self.records.change(order, {**members, "version": order["version"] + 1})
        if order["status"] == "Void" != was:
            for line in order["items"]:
                self._stock.give_back(line["sku"], line["quantity"] - line["quantityShipped"])
        self._webhooks.publish("order.updated", self._system.clock.text(), order)

    def ship(self, order: Record, units: Mapping[int, int]) -> None:
        """Units by line have shipped, or have not after all where they are below zero."""
        items = [{**line, "quantityShipped": line["quantityShipped"] + units.get(line["lineId"], 0)} for line in order["items"]]
        whole = all(line["quantityShipped"] >= line["quantity"] for line in items)
        status = order["status"]
        if whole:
            status = "Shipped"
        elif status == "Shipped" or (status == "Pending" and any(line["quantityShipped"] for line in items)):
            status = "Processing"
        self.set(order, {"items": items, "status": status})

    def _answer(self, order: Record) -> Answer:
        return Answer(200, order, check=self.sound([order]))

    def _update(self, request: Request) -> Answer:
        order, wanted = self.records[request.record["id"]], dict(request.body)
        if self._system.faults.strikes("version-conflict", request.operation):
            self.set(order, {})
        if wanted.pop("version") != order["version"]:
            raise conflict("version_conflict", f"version is {order['version']}.", currentVersion=order["version"])
        message = wanted.pop("statusMessage", None)
        changes = changed(order, wanted)
        if "status" in changes and changes["status"] not in self._moves[order["status"]]:
            raise conflict("invalid_status_transition", f"Cannot go from {order['status']} to {changes['status']}.")
        if message:
            self.messages.append({"orderNumber": order["orderNumber"], "statusMessage": message})
        if changes:
            self.set(order, changes)
        return self._answer(order)

    def _made(self, sent: Mapping[str, Any], number: int) -> Record:
        items = [
            {"lineId": place, "name": None, "taxAmount": 0, "discountAmount": 0, **line, "quantityShipped": 0}
            for place, line in enumerate(sent.get("items") or (), 1)
        ]
        subtotal = sum(line.get("quantity", 0) * cents(line.get("unitPrice")) for line in items)
        discount, tax = (sum(cents(line[name]) for line in items) for name in ("discountAmount", "taxAmount"))
        shipping = cents(sent.get("shippingAmount"))
        sums = {
            "subtotal": money(subtotal),
            "discountAmount": money(discount),
            "shippingAmount": money(shipping),
            "taxAmount": money(tax),
            "total": money(subtotal - discount + shipping + tax),
        }
        buyer = {**dict.fromkeys(OPTIONAL_BUYER), "id": None, **sent.get("customer", {})}
        order = {
            "id": number,
            "orderNumber": f"WEB-{number}",
            "status": "Pending",
            "placedAt": self._system.clock.text(),
            "version": 1,
            "currency": "USD",
            **dict.fromkeys(OPTIONAL),
            **sums,
            **sent,
            "customer": buyer,
            "items": items,
        }
        return {**order, "payments": [self._payment(one, order) for one in sent.get("payments", [{"gateway": "Stripe"}])]}

    def _payment(self, sent: Mapping[str, Any], order: Record) -> Record:
        self._payments += 1
        on_account = sent["gateway"] == "Invoice"
        usual = {
            "paymentId": FIRST_PAYMENT + self._payments - 1,
            "transactionId": None if on_account else f"pi_demo{self._payments}",
            "status": "Pending" if on_account else "Captured",
            "amount": order["total"],
            "refundedAmount": 0,
            "capturedAt": None if on_account else order["placedAt"],
        }
        return {**usual, **sent}

    def _store(self, order: Record) -> Record:
        if self._system.faults.strikes("guest-orders") and order["customer"].get("email"):
            order["customer"] = {**order["customer"], "id": None, "email": order["customer"]["email"].swapcase()}
        elif order["customer"]["id"] is None:
            known = self._customers.records.find("email", str(order["customer"].get("email", "")).lower())
            if known and not order["customer"].pop("guest", False):
                order["customer"] |= {"id": known[0]["id"], "erpCustomerNumber": known[0]["erpCustomerNumber"]}
        order["customer"].pop("guest", None)
        self._seen.before_change(self.records, order["id"])
        self.records.add(order, self._system.new_instant(self.records))
        if not self._order.holds(order):
            self._unsound.add(order["id"])
        for line in order["items"]:
            self._stock.take(str(line.get("sku")), int(line.get("quantity", 0)))
        self._webhooks.publish("order.created", self._system.clock.text(), order)
        return order


def _select(filters: Mapping[str, Any]) -> Slice:
    names = {"orderNumber": "number", "status": "status"}
    return Slice(found=tuple((index, filters[name]) for name, index in names.items() if name in filters))
