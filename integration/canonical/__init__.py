"""The canonical entities, through which every mapping goes."""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema

from integration.canonical.address import Address
from integration.canonical.customer import Customer, customer_of
from integration.canonical.invoice import Invoice
from integration.canonical.money import Money
from integration.canonical.order import Line, Order
from integration.canonical.order_status import OrderStatus
from integration.canonical.payment import Payment
from integration.canonical.posted_payment import PostedPayment
from integration.canonical.price import Price
from integration.canonical.product import Product
from integration.canonical.returned import Return
from integration.canonical.shipment import Shipment
from integration.canonical.stock import Stock

CANONICAL: Mapping[str, Schema] = {
    "order": Order(),
    "customer": Customer(),
    "shipment": Shipment(),
    "order_status": OrderStatus(),
    "stock": Stock(),
    "product": Product(),
    "price": Price(),
    "invoice": Invoice(),
    "payment": PostedPayment(),
    "return": Return(),
}
"""The schema of each entity; an instance is reusable and safe to share between threads."""

__all__ = [
    "CANONICAL",
    "Address",
    "Customer",
    "Invoice",
    "Line",
    "Money",
    "Order",
    "OrderStatus",
    "Payment",
    "PostedPayment",
    "Price",
    "Product",
    "Return",
    "Shipment",
    "Stock",
    "customer_of",
]
