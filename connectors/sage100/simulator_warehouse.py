"""The warehouse of the simulated Sage 100: ships open orders in one or more shipments, and adds tracking at once or later."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.sage100.simulator_orders import SalesOrders
from connectors.sage100.simulator_stock import Stock
from connectors.sage100.simulator_system import Sage
from connectors.sage100.simulator_writes import cents, dec, number
from connectors.simulation.answers import Answer, Command, ControlError, Record
from connectors.simulation.simulator import Handler

TRACKING_SECONDS = 5
FIRST_INVOICE = 100001


class Warehouse:
    def __init__(self, system: Sage, orders: SalesOrders, stock: Stock) -> None:
        self.shipments = system.table("InvoiceNo")
        self._system, self._orders, self._stock = system, orders, stock
        self._untracked: list[tuple[int, Record, list[Record]]] = []
        self._last_number = FIRST_INVOICE - 1
        self.handlers: Mapping[str, Handler] = {
            "listShipments": lambda request: system.page(request, self.shipments, "SalesOrderNo"),
            "getShipment": lambda request: Answer(200, request.record),
        }

    def number(self) -> str:
        """The next invoice number, of shipments and receivables entries alike."""
        self._last_number += 1
        return f"{self._last_number:07d}"

    def ship(self, command: Command) -> Any:
        """Control plane: `{"SalesOrderNo", "Lines"?: [{"LineKey", "QuantityShipped"}], "Tracking"?: [TrackingID…], "ShipVia"?}`.

        Without Lines all that is left is shipped. The shipment names every open line, those of which nothing leaves with 0.
        """
        body = command.body
        order = self._orders.table.get(body.get("SalesOrderNo"))
        if order is None:
            raise ControlError("Send the SalesOrderNo of a sales order that exists.")
        if order["OrderStatus"] != "O":
            raise ControlError(f"{order['SalesOrderNo']} is {order['OrderStatus']}; only an order in O ships.")
        left = {line["LineKey"]: dec(line["QuantityOrdered"]) - dec(line["QuantityShipped"]) for line in order["Lines"]}
        units = {key: count for key, count in left.items() if count > 0}
        if body.get("Lines") is not None:
            named = {line.get("LineKey"): dec(line.get("QuantityShipped")) for line in body["Lines"]}
            units = {key: named.get(key, Decimal(0)) for key in units}
            if not set(named) <= set(units) or not any(units.values()) or any(not 0 <= units[key] <= left[key] for key in units):
                raise ControlError("Lines must name open lines of the order, each with a QuantityShipped up to what is left.")
        if not units:
            raise ControlError(f"{order['SalesOrderNo']} has nothing left to ship.")
        return self._ship(order, units, body)

    def _ship(self, order: Record, units: Mapping[str, Decimal], body: Record) -> Record:
        invoice = self.number()
        lines = []
        for place, line in enumerate((line for line in order["Lines"] if line["LineKey"] in units), start=1):
            count = units[line["LineKey"]]
            self._move(line, count)
            share = 1 - dec(line["LineDiscountPercent"]) / 100
            lines.append(
                {
                    "LineKey": f"{place:06d}",
                    "OrderLineKey": line["LineKey"],
                    "ItemCode": line["ItemCode"],
                    "QuantityOrdered": line["QuantityOrdered"],
                    "QuantityShipped": number(count),
                    "QuantityBackordered": number(dec(line["QuantityOrdered"]) - dec(line["QuantityShipped"])),
                    "UnitPrice": line["UnitPrice"],
                    "ExtensionAmt": number(cents(count * dec(line["UnitPrice"]) * share)),
                }
            )
        first = not self.shipments.where(SalesOrderNo=order["SalesOrderNo"])
        ids = body.get("Tracking", [f"1Z999AA1{int(invoice):010d}"])
        tracking = [
            {"PackageNo": f"{place:04d}", "TrackingID": one, "StarshipShipVia": "", "Weight": 1, "FreightAmt": 0, "Comment": ""}
            for place, one in enumerate(ids, start=1)
        ]
        late = self._system.faults.strikes("tracking-added-later")
        shipment = {
            "InvoiceNo": invoice,
            **{name: order[name] for name in ("SalesOrderNo", "ARDivisionNo", "CustomerNo", "CustomerPONo")},
            "ShipDate": body.get("ShipDate", self._system.clock.today()),
            "ShipVia": body.get("ShipVia", order["ShipVia"]),
            "WarehouseCode": order["WarehouseCode"],
            "FreightAmt": order["FreightAmt"] if first else 0,
            "Weight": len(tracking),
            "NumberofPackages": len(tracking),
            "Lines": lines,
            "Tracking": [] if late else tracking,
        }
        self.shipments.add(shipment)
        if late:
            delay = TRACKING_SECONDS if late.delay is None else late.delay
            self._untracked.append((self._system.clock.now() + int(delay * 1000), shipment, tracking))
        self._orders.table.change(order, {"CurrentInvoiceNo": invoice})
        return shipment

    def _move(self, line: Record, count: Decimal) -> None:
        """Units of an order line to those in shipping; first from what was reserved, then from the back order."""
        reserved = dec(line["QuantityOrdered"]) - dec(line["QuantityShipped"]) - dec(line["QuantityBackordered"])
        from_back = max(count - reserved, Decimal(0))
        line["QuantityShipped"] = number(dec(line["QuantityShipped"]) + count)
        line["QuantityBackordered"] = number(dec(line["QuantityBackordered"]) - from_back)
        if line["ItemType"] == "1":
            moves = {"QuantityOnSalesOrder": from_back - count, "QuantityOnBackOrder": -from_back, "QuantityInShipping": count}
            self._stock.change(line["ItemCode"], line["WarehouseCode"], **moves)

    def track(self, command: Command) -> Any:
        """Control plane: `{"InvoiceNo", "Tracking": [TrackingID…]}` gives a shipment its packages."""
        shipment = self.shipments.get(command.body.get("InvoiceNo"))
        ids = command.body.get("Tracking")
        if shipment is None or not isinstance(ids, list):
            raise ControlError('Send {"InvoiceNo": of a shipment that exists, "Tracking": ["1Z…"]}.')
        packages = [{"PackageNo": f"{place:04d}", "TrackingID": one} for place, one in enumerate(ids, start=1)]
        return self.shipments.change(shipment, {"Tracking": packages, "NumberofPackages": len(packages)})

    def add_tracking(self) -> None:
        """Give shipments the packages that came later."""
        now = self._system.clock.now()
        for due, shipment, tracking in self._untracked:
            if due <= now:
                self.shipments.change(shipment, {"Tracking": tracking})
        self._untracked = [each for each in self._untracked if each[0] > now]
