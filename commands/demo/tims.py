"""TIMS as the demo's ERP: what its warehouse does, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from commands.demo.sides import Booking, Books, Parcel, State
from connectors.simulation.remote import RemoteSimulator

STATUSES = {"Open": "pending", "Allocated": "pending", "OnHold": "on_hold", "Fulfilled": "shipped", "Cancelled": "cancelled"}
LABEL_SECONDS = 2
"""The label of a parcel is printed so long after it has left."""


class Tims:
    """TIMS allocates by itself what is in stock. At its `steady` rate orders cost some 5 requests a second, and as many all that is polled;
    it allows 10. Each active item that is ordered costs one look."""

    system = "tims"
    credentials: Mapping[str, str] = {"client_id": "demo-client", "client_secret": "demo-client-secret"}
    every = 2.0
    steady, brisk = 1.5, 4.0
    new_buyers = 0.35
    items = 40
    fields: Mapping[str, str] = {"postal_code": "ShippingAddress.PostalCode", "street": "ShippingAddress.Line1", "currency": "Currency"}
    owing: str | None = None
    wraps = False

    def open(self, simulator: RemoteSimulator) -> None:
        simulator.switch_faults(**{"tracking-added-later": {"delay": LABEL_SECONDS}})

    def count(self, simulator: RemoteSimulator, sku: str, units: int) -> None:
        simulator.count_stock(sku, units)

    def ship(self, simulator: RemoteSimulator, booking: str, first: int | None = None) -> None:
        simulator.ship(booking, None if first is None else [{"LineNumber": 1, "Quantity": first}])

    def books(self, state: State) -> Books:
        emails = {one["CustomerID"]: (one["Email"] or "").lower() for one in state["customers"]}
        parcels = [
            Parcel(one["ShipmentID"], one["ExternalOrderID"], one["TrackingNumber"], sum(line["Quantity"] for line in one["Lines"]))
            for one in state["shipments"]
        ]
        available = {one["SKU"]: one["Available"] for one in state["inventory"]}
        codes = {code: item["SKU"] for item in state["items"] for code in (item["SKU"], *item["Aliases"])}
        return Books([_booking(one, emails) for one in state["sales_orders"]], parcels, available, codes, [*emails.values()])


def _booking(one: State, emails: Mapping[str, str]) -> Booking:
    address = one["ShippingAddress"]
    return Booking(
        key=one["SalesOrderID"],
        reference=one["ExternalOrderID"],
        total=Decimal(one["TotalAmount"]),
        lines=tuple((line["SKU"], line["Quantity"]) for line in one["LineItems"]),
        status=STATUSES[one["OrderStatus"]],
        customer=frozenset({emails.get(one["CustomerID"], "")}),
        street=" ".join(address.get(name) or "" for name in ("Line1", "Line2")),
        postal_code=address["PostalCode"],
        apart=one["OrderStatus"] in ("Allocated", "Fulfilled"),
    )
