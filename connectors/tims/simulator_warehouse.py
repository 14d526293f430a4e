"""The warehouse of the simulated TIMS: allocates stock to orders, oldest first, and ships them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.simulation.answers import Answer, Command, ControlError, Record
from connectors.simulation.instants import to_ms
from connectors.simulation.records import Records
from connectors.simulation.simulator import Handler, Simulator, by
from connectors.simulation.webhooks import Webhooks
from connectors.tims.simulator_orders import SalesOrders, remaining
from connectors.tims.simulator_stock import Stock
from connectors.tims.simulator_writes import post

TRACKING_SECONDS = 5


class Warehouse:
    """An order that stock did not cover waits by SKU, so that only a SKU that has grown brings it up again."""

    def __init__(self, system: Simulator, orders: SalesOrders, stock: Stock, webhooks: Webhooks) -> None:
        indexes = {
            "salesOrderId": lambda shipment: [shipment["SalesOrderID"]],
            "externalOrderId": lambda shipment: [shipment["ExternalOrderID"]],
        }
        self.shipments = Records(system.clock, "ShipmentID", "UpdatedAt", indexes)
        self._system = system
        self._orders = orders
        self._stock = stock
        self._webhooks = webhooks
        self._waiting: dict[str, set[str]] = {}
        self._untracked: list[tuple[int, Record, str | None]] = []
        self.handlers: Mapping[str, Handler] = {
            "listShipments": lambda request: system.listing(request, self.shipments, by("salesOrderId", "externalOrderId")),
            "getShipment": lambda request: Answer(200, request.record),
        }

    def allocate(self) -> None:
        """Move Open orders to Allocated where Available covers every line: oldest first, all lines or none."""
        ids, self._orders.fresh = self._orders.fresh, set()
        for sku in self._stock.grown:
            ids |= self._waiting.pop(sku, set())
        self._stock.grown.clear()
        for order in sorted((self._orders.records[each] for each in ids), key=_age):
            if order["OrderStatus"] == "Open":
                self._allocate(order)

    def _allocate(self, order: Record) -> bool:
        wanted = remaining(order)
        short = [sku for sku, count in wanted.items() if self._stock.quantities[sku]["Available"] < count]
        if short and not self._system.faults.strikes("negative-available"):
            for sku in short:
                self._waiting.setdefault(sku, set()).add(order["SalesOrderID"])
            return False
        self._orders.set(order, {"OrderStatus": "Allocated"})
        return True

    def ship(self, command: Command) -> Any:
        """Control plane: `{"SalesOrderID", "Carrier"?, "Service"?, "TrackingNumber"?, "ShipDate"?, "Lines"?}`.

        A line is `{"LineNumber", "Quantity"}`; without Lines all that is left is shipped.
        """
        body = command.body
        order = self._orders.records.get(body.get("SalesOrderID"))
        if order is None:
            raise ControlError("Send the SalesOrderID of a sales order that exists.")
        if order["OrderStatus"] != "Allocated" and not (order["OrderStatus"] == "Open" and self._allocate(order)):
            raise ControlError(f"{order['SalesOrderID']} is {order['OrderStatus']}; only an Allocated order ships.")
        lines = self._lines(order, body.get("Lines"))
        late = self._system.faults.strikes("tracking-added-later")
        tracking = body.get("TrackingNumber", f"1Z999AA1{len(self.shipments) + 1:010d}")
        shipment = {
            "ShipmentID": f"SH-{len(self.shipments) + 1:07d}",
            "SalesOrderID": order["SalesOrderID"],
            "ExternalOrderID": order["ExternalOrderID"],
            "Carrier": body.get("Carrier", "UPS"),
            "Service": body.get("Service"),
            "TrackingNumber": None if late else tracking,
            "ShipDate": body.get("ShipDate", self._system.clock.text()),
            "Lines": lines,
        }
        post(self._system, self.shipments, shipment)
        if late:
            delay = TRACKING_SECONDS if late.delay is None else late.delay
            self._untracked.append((self._system.clock.now() + int(delay * 1000), shipment, tracking))
        shipped = {line["LineNumber"]: line["Quantity"] for line in lines}
        items = [{**item, "QuantityShipped": item["QuantityShipped"] + shipped.get(item["LineNumber"], 0)} for item in order["LineItems"]]
        for line in lines:
            self._stock.change(line["SKU"], on_hand=-line["Quantity"], allocated=-line["Quantity"])
        done = all(item["QuantityShipped"] == item["Quantity"] for item in items)
        self._orders.set(order, {"LineItems": items, "OrderStatus": "Fulfilled" if done else "Allocated"})
        self._webhooks.publish("shipment.created", shipment["CreatedAt"], shipment)
        return shipment

    def add_tracking(self) -> None:
        """Give shipments the tracking number that came later."""
        now = self._system.clock.now()
        for due, shipment, tracking in self._untracked:
            if due <= now:
                self.shipments.change(shipment, {"TrackingNumber": tracking})
        self._untracked = [each for each in self._untracked if each[0] > now]

    def _lines(self, order: Record, sent: Any) -> list[Record]:
        left = {item["LineNumber"]: item["Quantity"] - item["QuantityShipped"] for item in order["LineItems"]}
        skus = {item["LineNumber"]: item["SKU"] for item in order["LineItems"]}
        units = {number: count for number, count in left.items() if count}
        if sent is not None:
            units = {line.get("LineNumber"): line.get("Quantity", 0) for line in sent}
        if not units or not all(number in left and 1 <= count <= left[number] for number, count in units.items()):
            raise ControlError("Lines must name lines of the order, each with a Quantity up to what is left to ship.")
        return [{"LineNumber": number, "SKU": skus[number], "Quantity": count} for number, count in units.items()]


def _age(order: Record) -> tuple[int, str]:
    return to_ms(order["CreatedAt"]), order["SalesOrderID"]
