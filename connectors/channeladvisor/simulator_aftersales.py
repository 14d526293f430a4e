"""Shipments, returns and payouts of the simulated ChannelAdvisor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.channeladvisor.simulator_orders import Orders, line_total
from connectors.simulation.answers import Answer, Command, ControlError, Flaw, Record, Refusal, Request
from connectors.simulation.money import amount, units
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.simulation.webhooks import Webhooks

FIRST_SHIPMENT = 12_000_341
FIRST_RETURN = 5_501
FIRST_PAYOUT_LINE = 880_001
COMMISSION = 15  # percent of the principal, where a payout is placed without fees


def _of_order(record: Record) -> list[int]:
    return [record["ChannelAdvisorOrderID"]]


class Shipments:
    def __init__(self, system: Simulator, orders: Orders) -> None:
        indexes = {"orderId": _of_order, "seller": lambda shipment: [shipment["SellerShipmentID"]]}
        self.records = Records(system.clock, "ShipmentID", "UpdatedDate", indexes)
        self._system = system
        self._orders = orders
        self.handlers: Mapping[str, Handler] = {
            "listShipments": lambda request: system.listing(request, self.records, by("orderId")),
            "createShipment": self._create,
        }

    def _create(self, request: Request) -> Answer:
        sent = {"ShippingClass": None, "TrackingNumber": None, "DistributionCenterID": 0, **request.body}
        order = self._orders.records.get(sent["ChannelAdvisorOrderID"])
        if order is None:
            raise Refusal(404, "NotFound", f"Order {sent['ChannelAdvisorOrderID']} does not exist.")
        # A repeat changes nothing, so it is told from a new shipment before the order's amounts are looked at.
        for stored in self.records.find("seller", sent["SellerShipmentID"]):
            if any(stored[name] != value for name, value in sent.items()):
                raise Refusal(409, "ShipmentConflict", "This SellerShipmentID was reported with another body.")
            return Answer(200, stored)
        lines = self._shipped_lines(order, sent["Items"])
        if order["OrderStatus"] == "Cancelled":
            raise Refusal(409, "OrderCancelled", "The order is Cancelled.")
        if order["OrderStatus"] == "OnHold":
            raise Refusal(409, "InvalidStatusTransition", "The order is OnHold.")
        shipment = {"ShipmentID": FIRST_SHIPMENT + len(self.records), **sent, "MarketplaceShippingStatus": "Pending"}
        shipment["CreatedDate"] = self._system.clock.text()
        self.records.add(shipment, self._system.new_instant(self.records))
        done = all(line["QuantityShipped"] >= line["Quantity"] for line in lines)
        status = "Shipped" if done else "Pending" if order["OrderStatus"] == "New" else order["OrderStatus"]
        fulfillment = "Shipped" if done else "PartiallyShipped"
        self._orders.set(order, {"Items": lines, "OrderStatus": status, "FulfillmentStatus": fulfillment})
        return Answer(201, shipment)

    def _shipped_lines(self, order: Record, items: list[Record]) -> list[Record]:
        """The order's lines with the units of a shipment on them; a Refusal where they are not the order's."""
        lines = {line["OrderItemID"]: line for line in order["Items"]}
        seen = set()
        for place, item in enumerate(items):
            line = lines.get(item["OrderItemID"])
            if line is None or item["OrderItemID"] in seen:
                raise self._system.invalid(Flaw(f"Items[{place}].OrderItemID", "unknown_line", "One entry per line of this order."))
            if item["SKU"] != line["SKU"]:
                raise self._system.invalid(Flaw(f"Items[{place}].SKU", "invalid_value", "Is not the SKU of that line."))
            left = line["Quantity"] - line["QuantityShipped"]
            if item["Quantity"] > left:
                flaw = Flaw(f"Items[{place}].Quantity", "out_of_range", f"At most {left}.")
                raise Refusal(400, "QuantityExceedsOrdered", f"Item {item['OrderItemID']} has {left} units left to ship.", [flaw])
            seen.add(item["OrderItemID"])
            lines[item["OrderItemID"]] = {**line, "QuantityShipped": line["QuantityShipped"] + item["Quantity"]}
        return list(lines.values())


class Returns:
    def __init__(self, system: Simulator, orders: Orders, webhooks: Webhooks) -> None:
        self.records = Records(system.clock, "ReturnID", "UpdatedDate", {"orderId": _of_order})
        self._system = system
        self._orders = orders
        self._webhooks = webhooks
        self._moves: Mapping[str, list[str]] = system.contract.document["x-status-transitions"]["ReturnStatus"]
        self._reasons = system.contract.schema("Return")["properties"]["Reason"]["enum"]
        self.handlers: Mapping[str, Handler] = {
            "listReturns": lambda request: system.listing(request, self.records, by("orderId")),
            "getReturn": lambda request: Answer(200, request.record),
            "changeReturnStatus": self._change,
        }

    def open(self, command: Command) -> Any:
        """Control plane: the buyer opens a return: `{"ChannelAdvisorOrderID", "Reason"?, "Items"?}`; all units where no Items are given."""
        body = command.body
        order = self._orders.records.get(body.get("ChannelAdvisorOrderID"))
        if order is None:
            raise ControlError("Send the ChannelAdvisorOrderID of an order that exists.")
        reason = body.get("Reason", "CustomerReturnedItem")
        if reason not in self._reasons:
            raise ControlError(f"Reason must be one of {', '.join(self._reasons)}.")
        lines = {line["OrderItemID"]: line for line in order["Items"]}
        items = body.get("Items") or [{name: line[name] for name in ("OrderItemID", "SKU", "Quantity")} for line in order["Items"]]
        if any(item.get("OrderItemID") not in lines for item in items) or any(
            not 1 <= item.get("Quantity", 0) <= lines[item["OrderItemID"]]["Quantity"] for item in items
        ):
            raise ControlError("Items must name lines of the order, each with a Quantity up to the ordered one.")
        record = {
            "ReturnID": FIRST_RETURN + len(self.records),
            "ChannelAdvisorOrderID": order["ChannelAdvisorOrderID"],
            "Status": "Requested",
            "Reason": reason,
            "Items": [{"SKU": lines[item["OrderItemID"]]["SKU"], **item} for item in items],
            "RefundAmount": "0.00",
            "Currency": order["Currency"],
            "SellerReturnID": None,
            "RmaNumber": None,
            "Restock": None,
            "CreatedDate": self._system.clock.text(),
        }
        self.records.add(record, self._system.new_instant(self.records))
        data = {name: record[name] for name in ("ReturnID", "ChannelAdvisorOrderID", "UpdatedDate")}
        self._webhooks.publish("return.created", self._system.clock.text(), data)
        return record

    def _change(self, request: Request) -> Answer:
        sent = request.body
        record = self.records.get(sent["ReturnID"])
        if record is None:
            raise Refusal(404, "NotFound", f"Return {sent['ReturnID']} does not exist.")
        paid = self._paid(record)
        if "RefundAmount" in sent and units(sent["RefundAmount"]) > paid:
            flaw = Flaw("RefundAmount", "out_of_range", f"At most {amount(paid)}.")
            raise Refusal(400, "RefundExceedsPaid", "The refund is above what was paid for the items.", [flaw])
        if sent["Status"] == record["Status"]:
            return Answer(200, record)
        if sent["Status"] not in self._moves[record["Status"]]:
            raise Refusal(409, "InvalidStatusTransition", f"A return cannot go from {record['Status']} to {sent['Status']}.")
        self.records.change(record, {name: value for name, value in sent.items() if name != "ReturnID"})
        return Answer(200, record)

    def _paid(self, record: Record) -> int:
        """Cents paid for the returned units: their share of what each line cost, tax and shipping included."""
        lines = {line["OrderItemID"]: line for line in self._orders.records[record["ChannelAdvisorOrderID"]]["Items"]}
        returned = [(lines[item["OrderItemID"]], item["Quantity"]) for item in record["Items"]]
        return sum(line_total(line) * count // line["Quantity"] for line, count in returned)


class Payouts:
    def __init__(self, system: Simulator, orders: Orders) -> None:
        indexes = {"orderId": _of_order, "settlementId": lambda line: [line["SettlementID"]]}
        self.records = Records(system.clock, "PayoutLineID", "UpdatedDate", indexes)
        self._system = system
        self._orders = orders
        self.handlers: Mapping[str, Handler] = {
            "listPayouts": lambda request: system.listing(request, self.records, by("orderId", "settlementId")),
        }

    def pay(self, command: Command) -> Any:
        """Control plane: settle orders: `{"SettlementID", "Orders": [id, …], "SettlementTotal"?, "SettlementLineCount"?, "DepositDate"?}`.

        A line has the order's own amounts and a commission. Total and count larger than the lines placed mean that more will come.
        """
        body = command.body
        numbers, settlement = body.get("Orders"), body.get("SettlementID")
        orders = [self._orders.records.get(number) for number in numbers] if isinstance(numbers, list) else []
        if not orders or None in orders or not isinstance(settlement, str) or not 1 <= len(settlement) <= 40:
            raise ControlError('Send {"SettlementID": a text, "Orders": [ids of orders that exist]}.')
        amounts = [_settled(order) for order in orders if order is not None]
        total = body.get("SettlementTotal", amount(sum(units(each["NetAmount"]) for each in amounts)))
        lines = []
        for order, each in zip(orders, amounts, strict=True):
            assert order is not None
            line = {"PayoutLineID": FIRST_PAYOUT_LINE + len(self.records), "SettlementID": settlement}
            line |= {name: order[name] for name in ("SiteName", "ChannelAdvisorOrderID", "OrderID", "Currency")} | each
            line |= {"DepositDate": body.get("DepositDate", self._system.clock.text()), "SettlementTotal": total}
            line["SettlementLineCount"] = body.get("SettlementLineCount", len(orders))
            lines.append(self.records.add(line, self._system.new_instant(self.records)))
        return {"payouts": lines}


def _settled(order: Record) -> dict[str, str]:
    lines = order["Items"]
    principal = sum(line["Quantity"] * units(line["UnitPrice"]) - units(line["DiscountAmount"]) for line in lines)
    tax, shipping = (sum(units(line[name]) for line in lines) for name in ("TaxAmount", "ShippingAmount"))
    cents = {"Principal": principal, "Tax": tax, "Shipping": shipping, "CommissionFee": -(principal * COMMISSION // 100), "Refund": 0}
    return {name: amount(value) for name, value in {**cents, "NetAmount": sum(cents.values())}.items()}
