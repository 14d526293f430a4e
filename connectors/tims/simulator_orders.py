"""Sales orders of the simulated TIMS: created (twice where posted twice), changed within the rules, edited by staff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Request
from connectors.simulation.money import amount, units
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.tims.simulator_customers import Customers, wrong_address
from connectors.tims.simulator_stock import Stock
from connectors.tims.simulator_writes import changed, check_rules, check_version, post


class SalesOrders:
    """`fresh` are the ids of orders that became Open since the warehouse last looked."""

    def __init__(self, system: Simulator, customers: Customers, stock: Stock) -> None:
        indexes = {
            "externalOrderId": lambda order: [order["ExternalOrderID"]],
            "customerId": lambda order: [order["CustomerID"]],
        }
        self.records = Records(system.clock, "SalesOrderID", "UpdatedAt", indexes)
        self.fresh: set[str] = set()
        self._system = system
        self._customers = customers
        self._stock = stock
        self._moves: Mapping[str, list[str]] = system.contract.document["x-status-transitions"]["OrderStatus by clients"]
        self._methods = system.contract.document["x-master-data"]["ShippingMethod"]
        self._members = frozenset(system.contract.schema("SalesOrder")["properties"])
        self.handlers: Mapping[str, Handler] = {
            "listSalesOrders": lambda request: system.listing(request, self.records, by("externalOrderId", "customerId")),
            "createSalesOrder": self._create,
            "getSalesOrder": lambda request: Answer(200, request.record),
            "updateSalesOrder": self._update,
        }

    def set(self, order: Record, members: Record) -> None:
        """Change an order as anyone may: moves Version and UpdatedAt. Allocated reserves what is not shipped, leaving it frees that."""
        was = order["OrderStatus"]
        self.records.change(order, {"Version": order["Version"] + 1, **members})
        if (was == "Allocated") != (order["OrderStatus"] == "Allocated"):
            sign = -1 if was == "Allocated" else 1
            for sku, count in remaining(order).items():
                self._stock.change(sku, allocated=sign * count)
        if order["OrderStatus"] == "Open":
            self.fresh.add(order["SalesOrderID"])

    def held(self) -> list[list[str]]:
        """Of each order whose units are set apart or gone, the number by which its origin knows it, and its own."""
        return [
            [order["ExternalOrderID"], order["SalesOrderID"], order["OrderStatus"]]
            for order in self.records
            if order["OrderStatus"] in ("Allocated", "Fulfilled")
        ]

    def since(self, command: Command) -> Any:
        """Control plane: the orders behind the first so many, each with the number by which its origin knows it, and its own."""
        first = int(command.key) if command.key.isdecimal() else 0
        return {"booked": [[order["ExternalOrderID"], order["SalesOrderID"]] for order in islice(self.records, first, None)]}

    def edit(self, command: Command) -> Any:
        """Control plane: warehouse staff set members of an order; moves Version even where they set none."""
        body, key = command.body, command.key
        order = self.records.get(key)
        if order is None:
            raise ControlError(f"Sales order {key} does not exist.")
        unknown = sorted(set(body) - self._members)
        if unknown:
            raise ControlError(f"A sales order has no member {unknown[0]!r}.")
        self.set(order, body)
        return order

    def _create(self, request: Request) -> Answer:
        sent = {"PaymentStatus": "Unpaid", "ShippingAmount": "0.00", **request.body}
        customer = self._customers.records.get(sent["CustomerID"])
        flaws = [*self._wrong_customer(customer, sent), *self._wrong_lines(sent), *self._wrong_members(sent)]
        total = total_of(sent["LineItems"], sent["ShippingAmount"])
        if total != units(sent["TotalAmount"]):
            flaws.append(Flaw("TotalAmount", "total_mismatch", f"The order sums up to {amount(total)}."))
        check_rules(self._system, request.body, flaws)
        assert customer is not None  # or there were flaws
        order = self._store(sent, customer)
        if self._system.faults.strikes("duplicate-external-order", request.operation):
            self._store(sent, customer)
        return Answer(201, order)

    def _store(self, sent: Record, customer: Record) -> Record:
        limit, paid = customer.get("CreditLimit"), sent["PaymentStatus"] == "Paid"
        held = limit is not None and not paid and units(customer["Balance"]) + units(sent["TotalAmount"]) > units(limit)
        order = {
            "SalesOrderID": f"SO-{len(self.records) + 1:07d}",
            "OrderStatus": "OnHold" if held else "Open",
            "HoldReason": "credit_limit" if held else None,
            "CancelReason": None,
            "ShippingMethod": None,
            "BillingAddress": None,
            "SourceChannel": None,
            "Notes": None,
            **sent,
            "LineItems": [{"LineNumber": number, **line, "QuantityShipped": 0} for number, line in enumerate(sent["LineItems"], 1)],
            "Version": 1,
        }
        if not held:
            self.fresh.add(order["SalesOrderID"])
        return post(self._system, self.records, order)

    def _update(self, request: Request) -> Answer:
        check_version(self._system, self.records, request)
        order, wanted = request.record, {name: value for name, value in request.body.items() if name != "Version"}
        check_rules(self._system, wanted, [*self._wrong_members(wanted), *self._wrong_changes(order, wanted)])
        status = wanted.get("OrderStatus", order["OrderStatus"])
        if status != "Cancelled":
            wanted.pop("CancelReason", None)
        if status != order["OrderStatus"]:
            wanted["HoldReason"] = "manual" if status == "OnHold" else None
        changes = changed(order, wanted)
        if changes:
            self.set(order, changes)
        return Answer(200, order)

    def _wrong_changes(self, order: Record, wanted: Record) -> Iterator[Flaw]:
        shipped = any(line["QuantityShipped"] for line in order["LineItems"])
        status = wanted.get("OrderStatus", order["OrderStatus"])
        moves = [] if shipped else self._moves[order["OrderStatus"]]
        if status not in (order["OrderStatus"], *moves):
            yield Flaw("OrderStatus", "invalid_status_transition", f"Cannot go from {order['OrderStatus']} to {status} now.")
        if shipped or order["OrderStatus"] == "Cancelled":
            for name in ("ShippingMethod", "ShippingAddress"):
                if name in wanted and wanted[name] != order[name]:
                    yield Flaw(name, "not_changeable", "Cannot change once a unit has shipped or the order is Cancelled.")

    def _wrong_customer(self, customer: Record | None, sent: Record) -> Iterator[Flaw]:
        if customer is None:
            yield Flaw("CustomerID", "unknown_customer", f"No customer {sent['CustomerID']}.")
            return
        if customer["Status"] == "Inactive":
            yield Flaw("CustomerID", "inactive_customer", f"Customer {sent['CustomerID']} is Inactive.")
        if customer["Currency"] != sent["Currency"]:
            yield Flaw("Currency", "currency_mismatch", f"The customer's is {customer['Currency']}.")

    def _wrong_lines(self, sent: Record) -> Iterator[Flaw]:
        for place, line in enumerate(sent["LineItems"]):
            item = self._stock.items.get(line["SKU"])
            if item is None:
                yield Flaw(f"LineItems[{place}].SKU", "unknown_sku", f"No item {line['SKU']}.")
            elif item["Status"] != "Active":
                yield Flaw(f"LineItems[{place}].SKU", "inactive_item", f"Item {line['SKU']} is {item['Status']}.")

    def _wrong_members(self, sent: Record) -> Iterator[Flaw]:
        if sent.get("ShippingMethod") is not None and sent["ShippingMethod"] not in self._methods:
            yield Flaw("ShippingMethod", "invalid_value", f"Must be one of {', '.join(self._methods)}.")
        for name in ("ShippingAddress", "BillingAddress"):
            yield from wrong_address(sent.get(name), name)


def remaining(order: Record) -> Counter[str]:
    """Units by SKU that have not shipped."""
    units_left: Counter[str] = Counter()
    for line in order["LineItems"]:
        units_left[line["SKU"]] += line["Quantity"] - line["QuantityShipped"]
    return +units_left


def total_of(lines: list[Record], shipping: str) -> int:
    """Cents by the sum given at createSalesOrder: each line rounded half up to cents."""
    total = units(shipping)
    for line in lines:
        total += (line["Quantity"] * units(line["Price"]) + 50) // 100 + units(line["TaxAmount"]) - units(line["DiscountAmount"])
    return total
