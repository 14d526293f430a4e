"""The verdict of a demo: silent where all is well, and one sentence for each thing that is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from commands.demo.orders import Placing
from commands.demo.verdict import complaints
from integration.ledger.holds import Hold
from integration.ledger.letters import Letter

GUEST = "guests@orders.invalid"


def order(email: str | None) -> dict[str, Any]:
    return {"TotalAmount": "54.20", "CustomerInfo": {"Email": email}}


def letter(number: int, key: str, field: str) -> Letter:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    fields = [{"field": field, "message": "is wrong"}]
    return Letter(
        number, "orders", 1, 1, key, "v", None, "validate", "invalid", "invalid", f"{field}: is wrong", fields, "open", at, None, None
    )


def hold(number: int, key: str, field: str) -> Hold:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    fields = [{"field": field, "message": "is missing"}]
    return Hold(number, "orders", 1, key, "unknown_sku", "X", f"{field}: is missing", fields, "open", at, at, at, None)


class World:
    """A demo that went well: a good order, one of a guest, one cancelled later, one that moved, a bad one, one to be left out, one that
    waits, and one that was cancelled too late; a shipment, and stock."""

    def __init__(self) -> None:
        lines = (("LAMP-001", 2),)
        self.placed = {
            "1": Placing(order("Ana@Buyer.Example"), lines),
            "2": Placing(order(None), lines),
            "3": Placing(order("ana@buyer.example"), lines, statuses=("Cancelled",), later={"OrderStatus": "Cancelled"}),
            "4": Placing(order("ana@buyer.example"), lines, later={"ShippingAddress": {"PostalCode": "2138"}}),
            "5": Placing(order("ana@buyer.example"), lines, "dead", "total_amount", ()),
            "6": Placing(order("ana@buyer.example"), lines, "skipped", statuses=()),
            "7": Placing(order("ana@buyer.example"), lines, "held", "lines[0].sku", ()),
            "8": Placing(order("ana@buyer.example"), lines, "too late", "status", ("Fulfilled",)),
        }
        self.customers = [{"CustomerID": "C-000001", "Email": "ana@buyer.example"}, {"CustomerID": "C-000002", "Email": GUEST}]
        self.sales_orders = [self.sales_order(key) for key in ("1", "2", "3", "4", "8")]
        self.sales_orders[1]["CustomerID"] = "C-000002"
        self.sales_orders[2]["OrderStatus"] = "Cancelled"
        self.sales_orders[3]["ShippingAddress"]["PostalCode"] = "02138-0213"
        self.sales_orders[4]["OrderStatus"] = "Fulfilled"
        self.exported = {"1", "2", "3", "4", "8"}
        self.letters = [letter(1, "5", "total_amount"), letter(2, "8", "status")]
        self.holds = [hold(1, "7", "lines[0].sku")]
        shipment = {"ShipmentID": "SH-1", "ExternalOrderID": "1", "TrackingNumber": "1Z", "Lines": [{"Quantity": 2}]}
        self.shipments = [shipment, {**shipment, "ShipmentID": "SH-2", "ExternalOrderID": "8"}]
        self.told = [{"SellerShipmentID": "SH-1", "TrackingNumber": "1Z", "Items": [{"Quantity": 2}]}]
        self.shown = 8
        self.stats: dict[str, Any] = {"tims": {"refused": {"422": 3}, "contract_errors": []}}

    def sales_order(self, key: str) -> dict[str, Any]:
        return {
            "SalesOrderID": f"SO-000000{key}",
            "ExternalOrderID": key,
            "CustomerID": "C-000001",
            "TotalAmount": "54.20",
            "OrderStatus": "Allocated",
            "LineItems": [{"SKU": "LAMP-001", "Quantity": 2}],
            "ShippingAddress": {"PostalCode": "78701"},
        }

    def complaints(self) -> list[str]:
        # The order that waits keeps its two units off the channel; the one of the bad total was taken back.
        over = {"3": "Cancelled", "5": "Cancelled", "6": "Cancelled", "8": "Cancelled"}
        line = {"SKU": "AMZ-1", "Quantity": 2, "QuantityShipped": 0}
        orders = [
            {"ChannelAdvisorOrderID": int(key), "Exported": key in self.exported, "OrderStatus": over.get(key, "Pending"), "Items": [line]}
            for key in self.placed
        ]
        channel = {
            "orders": orders,
            "shipments": self.told,
            "inventory": [{"SKU": "LAMP-001", "TotalAvailableQuantity": self.shown}],
        }
        erp = {
            "sales_orders": self.sales_orders,
            "customers": self.customers,
            "shipments": self.shipments,
            "items": [{"SKU": "LAMP-001", "Aliases": ["AMZ-1"]}],
            "inventory": [{"SKU": "LAMP-001", "Available": 10}],
        }
        return complaints(self.placed, channel, erp, self.letters, self.holds, self.stats, GUEST)


def test_a_demo_that_went_well_gives_no_complaint() -> None:
    assert World().complaints() == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda world: (world.sales_orders.pop(0), setattr(world, "shown", 6)), "order 1 is not booked"),
        (
            lambda world: world.sales_orders.append(world.sales_order("1") | {"SalesOrderID": "SO-0000009"}),
            "order 1 is booked 2 times: SO-0000001, SO-0000009",
        ),
        (lambda world: world.sales_orders[0].update(TotalAmount="54.21"), "order 1 costs 54.20, and 54.21 as SO-0000001"),
        (lambda world: world.sales_orders[0]["LineItems"][0].update(Quantity=1), "order 1 has other lines as SO-0000001"),
        (lambda world: world.sales_orders[1].update(CustomerID="C-000001"), "order 2 is booked on another customer, C-000001"),
        (lambda world: world.sales_orders[2].update(OrderStatus="Open"), "order 3 must be Cancelled, and is Open as SO-0000003"),
        (
            lambda world: world.sales_orders[3]["ShippingAddress"].update(PostalCode="78701"),
            "order 4 goes to the old address as SO-0000004",
        ),
        (lambda world: world.exported.remove("1"), "order 1 is booked, but the channel was not told"),
        (lambda world: world.letters.append(letter(3, "1", "x")), "order 1 is a dead letter: x: is wrong"),
        (lambda world: world.holds.append(hold(2, "1", "x")), "order 1 waits: x: is missing"),
        (lambda world: world.holds.clear(), "order 7 must wait for lines[0].sku, and does not"),
        (
            lambda world: world.holds.__setitem__(0, hold(1, "7", "x")),
            "order 7 must wait for lines[0].sku, and waits for this: x: is missing",
        ),
        (lambda world: world.letters.pop(), "order 8 must be a dead letter that names status, and is none"),
        (lambda world: world.told.clear(), "shipment SH-1 is not on the channel"),
        (lambda world: world.told[0].update(TrackingNumber=None), "shipment SH-1 has another tracking number on the channel"),
        (lambda world: world.told[0].update(Items=[{"Quantity": 1}]), "shipment SH-1 has other units on the channel"),
        (lambda world: world.told.append({"SellerShipmentID": "SH-9"}), "shipment SH-9 is on the channel alone"),
        (lambda world: setattr(world, "shown", 9), "the channel shows 9 of LAMP-001, and 8 may be sold"),
        (lambda world: world.letters.pop(0), "order 5 must be a dead letter that names total_amount, and is none"),
        (
            lambda world: world.letters.__setitem__(0, letter(1, "5", "status")),
            "order 5 must be a dead letter that names total_amount, and this one says: status: is wrong",
        ),
        (lambda world: world.letters.append(letter(2, "5", "total_amount")), "order 5 has 2 dead letters"),
        (lambda world: world.sales_orders.append(world.sales_order("5")), "order 5 must not be booked, and is SO-0000005"),
        (lambda world: world.letters.append(letter(2, "6", "x")), "order 6 must just be left out, and is a dead letter: x: is wrong"),
        (lambda world: world.sales_orders.append(world.sales_order("6")), "order 6 must not be booked, and is SO-0000006"),
        (lambda world: world.sales_orders.append(world.sales_order("9")), "SO-0000009 is of no order that was placed"),
        (lambda world: world.letters.append(letter(2, "batch 3", "x")), "dead letter 2 is of no order that was placed: x: is wrong"),
        (lambda world: world.stats["tims"]["refused"].update({"429": 2}), "tims refused 2 requests, because its limit was not kept"),
        (lambda world: world.stats["tims"]["contract_errors"].append("GET /x"), "tims answered against its contract: GET /x"),
    ],
)
def test_what_went_wrong_is_told(spoil: Callable[[World], Any], sentence: str) -> None:
    world = World()
    spoil(world)
    assert world.complaints() == [sentence]
