"""Shipments of the simulated Clarity: reported once by their sender's number, and told to the customer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.clarity.simulator_orders import TAKES_SHIPMENTS, Orders
from connectors.clarity.simulator_writes import changed, conflict
from connectors.simulation.answers import Answer, Flaw, Record, Refusal, Request
from connectors.simulation.records import Records, Slice
from connectors.simulation.simulator import Handler, Simulator

FIRST_SHIPMENT = 8801
OPTIONAL = ("service", "trackingNumber", "trackingUrl")


class Shipments:
    """`mails` are the numbers of the shipments of which a customer was told, each as often as it happened."""

    def __init__(self, system: Simulator, orders: Orders) -> None:
        indexes = {"external": lambda shipment: [shipment["externalShipmentId"]], "order": lambda shipment: [shipment["orderId"]]}
        self.records = Records(system.clock, "id", "updatedAt", indexes)
        self.mails: list[str] = []
        self._system = system
        self._orders = orders
        self.handlers: Mapping[str, Handler] = {
            "listShipments": lambda request: system.listing(request, self.records, _select),
            "createShipment": self._create,
            "getShipment": lambda request: Answer(200, request.record),
            "updateShipment": self._update,
        }

    def _create(self, request: Request) -> Answer:
        sent = request.body
        order = self._orders.records.get(sent["orderId"])
        if order is None:
            raise Refusal(404, "not_found", f"Order {sent['orderId']} does not exist.")
        flaws = list(_wrong_lines(order, sent))
        if flaws:
            raise self._system.invalid(*flaws)
        for twin in self.records.find("external", sent["externalShipmentId"]):
            raise conflict("duplicate_shipment", f"{sent['externalShipmentId']} exists.", existingId=twin["id"])
        if order["status"] not in TAKES_SHIPMENTS:
            raise conflict("invalid_status_transition", f"The order is {order['status']}.")
        lines = {line["lineId"]: line for line in order["items"]}
        for item in sent["items"]:
            line = lines[item["lineId"]]
            if item["quantity"] > line["quantity"] - line["quantityShipped"]:
                raise conflict("quantity_exceeds_ordered", f"Line {item['lineId']} has fewer units left.")
        record = {
            "id": FIRST_SHIPMENT + len(self.records),
            **dict.fromkeys(OPTIONAL),
            "notifyCustomer": True,
            **sent,
            "status": "Created",
            "notificationSentAt": None,
            "createdAt": self._system.clock.text(),
        }
        self._mail(record)
        self.records.add(record, self._system.new_instant(self.records))
        self._orders.ship(order, {item["lineId"]: item["quantity"] for item in sent["items"]})
        return Answer(201, record)

    def _update(self, request: Request) -> Answer:
        record, changes = request.record, changed(request.record, request.body)
        if record["status"] == "Cancelled" and "status" in changes:
            raise conflict("invalid_status_transition", "A shipment that is Cancelled stays so.")
        if not changes:
            return Answer(200, record)
        self.records.change(record, changes)
        if changes.get("trackingNumber"):
            self._mail(record)
        if changes.get("status") == "Cancelled":
            self._orders.ship(self._orders.records[record["orderId"]], {item["lineId"]: -item["quantity"] for item in record["items"]})
        return Answer(200, record)

    def _mail(self, record: Record) -> None:
        if record["notifyCustomer"] in (True, None):
            record["notificationSentAt"] = self._system.clock.text()
            self.mails.append(record["externalShipmentId"])


def _wrong_lines(order: Record, sent: Record) -> Iterator[Flaw]:
    skus: dict[int, Any] = {line["lineId"]: line["sku"] for line in order["items"]}
    twice = Counter(item["lineId"] for item in sent["items"])
    for place, item in enumerate(sent["items"]):
        if skus.get(item["lineId"]) != item["sku"]:
            yield Flaw(f"items[{place}].sku", "invalid_value", "Is not the sku of that line.")
        elif twice[item["lineId"]] > 1:
            yield Flaw(f"items[{place}].lineId", "invalid_value", "Comes twice.")


def _select(filters: Mapping[str, Any]) -> Slice:
    names = {"externalShipmentId": "external", "orderId": "order"}
    return Slice(found=tuple((index, filters[name]) for name, index in names.items() if name in filters))
