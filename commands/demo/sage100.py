"""Sage 100 as the demo's ERP: what its warehouse and its accounting do, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from commands.demo.people import known_as
from commands.demo.sides import Booking, Books, Parcel, State
from connectors.simulation.remote import RemoteSimulator

STATUSES = {"N": "pending", "O": "pending", "H": "on_hold", "C": "shipped"}
LABEL_SECONDS = 2
"""The label of a parcel is printed so long after it has left."""

WARNED = 0.1
"""The share of orders that Sage 100 stores with a warning: Result -1, which a careless client would send again."""


class Sage100:
    """It allows 120 requests a minute. What is polled takes one in five of them, and an order some four: its customer, its own, and the
    look at each item whose quantity in the shop is to be right."""

    system = "sage100"
    credentials: Mapping[str, str] = {"api_key": "demo-api-key", "user": "demo-user", "company": "ABC"}
    every = 8.0
    steady, brisk = 0.25, 0.35
    new_buyers = 0.2
    items = 20
    fields: Mapping[str, str] = {"postal_code": "shipping_address.postal_code", "street": "ShipToAddress1"}
    owing: str | None = "overdue@shoppers.example"
    wraps = True

    def open(self, simulator: RemoteSimulator) -> None:
        simulator.tell("customers", {"CustomerName": "Overdue Interiors", "EmailAddress": self.owing, "CreditHold": "Y"})
        warned = {"rate": WARNED, "operations": ["createSalesOrder"]}
        simulator.switch_faults(**{"tracking-added-later": {"delay": LABEL_SECONDS}, "warning-is-stored": warned})

    def count(self, simulator: RemoteSimulator, sku: str, units: int) -> None:
        simulator.tell("inventory", {"ItemCode": sku, "QuantityOnHand": units})

    def ship(self, simulator: RemoteSimulator, booking: str, first: int | None = None) -> None:
        lines = {} if first is None else {"Lines": [{"LineKey": "000001", "QuantityShipped": first}]}
        simulator.tell("ship", {"SalesOrderNo": booking, **lines})

    def books(self, state: State) -> Books:
        customers = {(one["ARDivisionNo"], one["CustomerNo"]): _known(one) for one in state["customers"]}
        goods = [one for one in state["items"] if one["ItemType"] == "1"]
        codes = {one["ItemCode"]: one["ItemCode"] for one in goods} | {one["AliasItemNo"]: one["ItemCode"] for one in state["aliases"]}
        return Books(
            [_booking(one, customers) for one in state["sales_orders"]],
            [_parcel(one) for one in state["shipments"]],
            {one["ItemCode"]: int(one["QuantityOnHand"]) - _committed(one) for one in state["inventory"]},
            codes,
            [(one["EmailAddress"] or "").lower() for one in state["customers"]],
        )


def _known(customer: State) -> frozenset[str]:
    return frozenset({(customer["EmailAddress"] or "").lower(), known_as(customer["CustomerName"], customer["ZipCode"])})


def _committed(stock: State) -> int:
    return sum(int(stock[name]) for name in ("QuantityOnSalesOrder", "QuantityOnBackOrder", "QuantityInShipping"))


def _parcel(one: State) -> Parcel:
    tracking = one["Tracking"][0]["TrackingID"] if one["Tracking"] else None
    return Parcel(one["InvoiceNo"], one["CustomerPONo"], tracking, sum(int(line["QuantityShipped"]) for line in one["Lines"]))


def _booking(one: State, customers: Mapping[tuple[str, str], frozenset[str]]) -> Booking:
    goods = sum((Decimal(str(line["ExtensionAmt"])) for line in one["Lines"]), Decimal(0))
    freight, tax, discount = (Decimal(str(one[name])) for name in ("FreightAmt", "SalesTaxAmt", "DiscountAmt"))
    status = "cancelled" if one["OrderStatus"] == "C" and one["CancelReasonCode"] else STATUSES[one["OrderStatus"]]
    if all(line["QuantityShipped"] == line["QuantityOrdered"] for line in one["Lines"]):
        status = "shipped"  # for Sage 100 it is open until it is invoiced
    return Booking(
        key=one["SalesOrderNo"],
        reference=one["CustomerPONo"],
        total=goods + freight + tax - discount,
        lines=tuple((line["ItemCode"], int(line["QuantityOrdered"])) for line in one["Lines"]),
        status=status,
        customer=customers[one["ARDivisionNo"], one["CustomerNo"]],
        street=" ".join(one[f"ShipToAddress{number}"] or "" for number in (1, 2, 3)),
        postal_code=one["ShipToZipCode"],
        apart=status != "cancelled",
    )
