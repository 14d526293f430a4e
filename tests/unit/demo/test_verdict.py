"""The verdict of a demo: silent where all is well, and one sentence for each thing that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.clarity import Clarity
from commands.demo.orders import Placing
from commands.demo.sage100 import Sage100
from commands.demo.sale import Address, Line, Person, Sale
from commands.demo.tims import Tims
from commands.demo.verdict import complaints
from integration.ledger.holds import Hold
from integration.ledger.letters import Letter

GUEST = "guests@orders.invalid"


ADDRESS = Address("Ana", "Ruiz", "1 Orchard Lane", None, "Austin", "TX", "78701")


def sale(email: str | None) -> Sale:
    return Sale(
        number=1,
        site=ChannelAdvisor.sites[0],
        ordered_at=datetime(2026, 3, 2, tzinfo=UTC),
        buyer=Person("Ana", "Ruiz", email, None),
        ship_to=ADDRESS,
        bill_to=None,
        lines=(Line("LAMP-001", "Lamp", 2, Decimal("24.00")),),
        shipping=Decimal("6.20"),
        method=None,
        promotion=None,
        paid="Cleared",
    )


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
            "1": Placing(sale("Ana@Buyer.Example"), lines),
            "2": Placing(sale(None), lines),
            "3": Placing(sale("ana@buyer.example"), lines, statuses=("cancelled",), later="cancelled"),
            "4": Placing(sale("ana@buyer.example"), lines, later=replace(ADDRESS, postal_code="2138")),
            "5": Placing(sale("ana@buyer.example"), lines, "dead", "total_amount", ()),
            "6": Placing(sale("ana@buyer.example"), lines, "skipped", statuses=()),
            "7": Placing(sale("ana@buyer.example"), lines, "held", "lines[0].sku", ()),
            "8": Placing(sale("ana@buyer.example"), lines, "too late", "status", ("shipped",)),
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
        self.told = [{"SellerShipmentID": "SH-1", "ChannelAdvisorOrderID": 1, "TrackingNumber": "1Z", "Items": [{"Quantity": 2}]}]
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
            "ShippingAddress": {"PostalCode": "78701", "Line1": "1 Orchard Lane", "Line2": None},
        }

    def complaints(self) -> list[str]:
        # The order that waits keeps its two units off the channel; the one of the bad total was taken back.
        over = {"3": "Cancelled", "5": "Cancelled", "6": "Cancelled", "8": "Cancelled"}
        line = {"SKU": "AMZ-1", "Quantity": 2, "QuantityShipped": 0}
        orders = [
            {
                "ChannelAdvisorOrderID": int(key),
                "OrderID": f"113-{key}",
                "Exported": key in self.exported,
                "OrderStatus": over.get(key, "Pending"),
                "Items": [line],
            }
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
        storefront, books = ChannelAdvisor().storefront(channel), Tims().books(erp)
        return complaints(self.placed, storefront, books, self.letters, self.holds, self.stats, GUEST)


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
        (lambda world: world.sales_orders[1].update(CustomerID="C-000001"), "order 2 is booked on another customer as SO-0000002"),
        (lambda world: world.sales_orders[2].update(OrderStatus="Open"), "order 3 must be cancelled, and is pending as SO-0000003"),
        (
            lambda world: world.sales_orders[3]["ShippingAddress"].update(PostalCode="78701"),
            "order 4 goes to another postal code as SO-0000004",
        ),
        (lambda world: world.exported.remove("1"), "order 1 is booked, but the shop was not told"),
        (lambda world: world.letters.append(letter(3, "1", "x")), "order 1 is a dead letter: x: is wrong"),
        (lambda world: world.holds.append(hold(2, "1", "x")), "order 1 waits: x: is missing"),
        (lambda world: world.holds.clear(), "order 7 must wait for lines[0].sku, and does not"),
        (
            lambda world: world.holds.__setitem__(0, hold(1, "7", "x")),
            "order 7 must wait for lines[0].sku, and waits for this: x: is missing",
        ),
        (lambda world: world.letters.pop(), "order 8 must be a dead letter that names status, and is none"),
        (lambda world: world.told.clear(), "shipment SH-1 is not in the shop"),
        (lambda world: world.told[0].update(TrackingNumber=None), "shipment SH-1 has another tracking number in the shop"),
        (lambda world: world.told[0].update(Items=[{"Quantity": 1}]), "shipment SH-1 has other units in the shop"),
        (lambda world: world.told.append({**world.told[0], "SellerShipmentID": "SH-9"}), "shipment SH-9 is in the shop alone"),
        (lambda world: setattr(world, "shown", 9), "the shop shows 9 of LAMP-001, and 8 may be sold"),
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


def test_a_street_that_lost_a_word_is_told() -> None:
    world = World()
    world.placed["1"] = replace(world.placed["1"], street="1 Orchard Lane Rear")
    assert world.complaints() == ["order 1 has lost a part of its street as SO-0000001"]


class SecondWorld:
    """The same of the second pair: a good order that has shipped, and one on hold for a buyer known by name and ZIP code alone."""

    def __init__(self) -> None:
        lines = (("LAMP-001", 2),)
        self.placed = {
            "100246": Placing(sale("ana@buyer.example"), lines, statuses=("shipped",)),
            "100247": Placing(sale("ana@work.example"), lines, statuses=("on_hold",)),
        }
        line = {"sku": "WEB-LAMP", "quantity": 2, "quantityShipped": 0}
        common = {"status": "Processing", "items": [line]}
        shipped = {"status": "Shipped", "items": [{**line, "quantityShipped": 2}]}
        self.orders = [
            {"id": 100246, "orderNumber": "WEB-100246", "erpOrderNumber": "0000001", **shipped},
            {"id": 100247, "orderNumber": "WEB-100247", "erpOrderNumber": "0000002", **common},
        ]
        self.told = [{"externalShipmentId": "0100001", "orderId": 100246, "trackingNumber": "1Z", "items": [{"quantity": 2}]}]
        self.sales_orders = [self.sales_order(1, "O", 2), self.sales_order(2, "H", 0)]
        self.shipment: dict[str, Any] = {"InvoiceNo": "0100001", "CustomerPONo": "WEB-100246", "Tracking": [{"TrackingID": "1Z"}]}
        self.shown = 6

    def sales_order(self, number: int, status: str, shipped: int) -> dict[str, Any]:
        return {
            "SalesOrderNo": f"000000{number}",
            "CustomerPONo": f"WEB-{100245 + number}",
            "ARDivisionNo": "01",
            "CustomerNo": "0000001",
            "OrderStatus": status,
            "CancelReasonCode": "",
            "FreightAmt": 6.2,
            "SalesTaxAmt": 4,
            "DiscountAmt": 4,
            "ShipToAddress1": "1 Orchard",
            "ShipToAddress2": "Lane",
            "ShipToAddress3": "",
            "ShipToZipCode": "78701-1234",
            "Lines": [{"ItemCode": "LAMP-001", "QuantityOrdered": 2, "QuantityShipped": shipped, "ExtensionAmt": 48}],
        }

    def complaints(self) -> list[str]:
        shop = {"orders": self.orders, "shipments": self.told, "inventory": [{"sku": "LAMP-001", "totalQuantity": self.shown}]}
        quantities = {"QuantityOnSalesOrder": 2, "QuantityOnBackOrder": 0, "QuantityInShipping": 2}
        customer = {"ARDivisionNo": "01", "CustomerNo": "0000001", "CustomerName": "ANA  RUIZ", "ZipCode": "78701"}
        erp = {
            "sales_orders": self.sales_orders,
            "customers": [{**customer, "EmailAddress": "Ana@buyer.example"}],
            "shipments": [{**self.shipment, "Lines": [{"QuantityShipped": 2}]}],
            "items": [{"ItemCode": "LAMP-001", "ItemType": "1"}, {"ItemCode": "/FREIGHT", "ItemType": "3"}],
            "aliases": [{"AliasItemNo": "WEB-LAMP", "ItemCode": "LAMP-001"}],
            "inventory": [{"ItemCode": "LAMP-001", "QuantityOnHand": 10, **quantities}],
        }
        return complaints(self.placed, Clarity().storefront(shop), Sage100().books(erp), [], [], {}, GUEST)


def test_the_second_pair_that_went_well_gives_no_complaint() -> None:
    assert SecondWorld().complaints() == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda world: world.sales_orders[0].update(FreightAmt=6.3), "order 100246 costs 54.20, and 54.3 as 0000001"),
        (
            lambda world: world.sales_orders[1].update(OrderStatus="O"),
            "order 100247 must be on hold, and is pending as 0000002",
        ),
        (
            lambda world: world.sales_orders[1].update(OrderStatus="C", CancelReasonCode="CUST"),
            "order 100247 must be on hold, and is cancelled as 0000002",
        ),
        (lambda world: world.orders[1].update(erpOrderNumber=None), "order 100247 is booked, but the shop was not told"),
        (
            lambda world: world.shipment.update(Tracking=[{"TrackingID": "1Z2"}]),
            "shipment 0100001 has another tracking number in the shop",
        ),
        (lambda world: setattr(world, "shown", 8), "the shop shows 8 of LAMP-001, and 6 may be sold"),
        (
            lambda world: world.placed.update({"100247": Placing(sale(None), (("LAMP-001", 2),), statuses=("on_hold",))}),
            "order 100247 is booked on another customer as 0000002",
        ),
    ],
)
def test_what_went_wrong_with_the_second_pair_is_told(spoil: Callable[[SecondWorld], Any], sentence: str) -> None:
    world = SecondWorld()
    spoil(world)
    assert world.complaints()[:1] == [sentence]
