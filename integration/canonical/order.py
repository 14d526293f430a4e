"""The canonical order: one shape for what every channel sells and every ERP books."""

from __future__ import annotations

from integration.canonical.address import Address
from integration.canonical.customer import Buyer
from integration.canonical.money import Money
from integration.canonical.payment import BookedPayment, Payment
from integration.schema import Flag, Instant, Part, Parts, ReadSchema, Text, Whole

STATUSES = ("new", "pending", "on_hold", "shipped", "cancelled")
PAYMENT_STATUSES = ("unpaid", "partially_paid", "paid", "refunded")
FULFILLMENT_STATUSES = ("unshipped", "pending", "partially_shipped", "shipped", "cancelled", "third_party")


class Line(ReadSchema):
    """One line. `tax_amount`, `discount_amount` (positive) and `shipping_amount` are for the whole line, `unit_price` is before them."""

    source_line_key = Text(64, 1, required=True)
    sku = Text(100, 1, required=True)
    title = Text(500)
    quantity = Whole(-1_000_000, 1_000_000, required=True)
    unit_price = Money(required=True)
    tax_amount = Money(required=True)
    discount_amount = Money(required=True)
    shipping_amount = Money()
    quantity_shipped = Whole(0, 1_000_000)


class Promotion(ReadSchema):
    """A promotion whose amounts are already inside the lines' discounts."""

    code = Text(100, 1, required=True)
    amount = Money(required=True)
    shipping_amount = Money()


class Order(ReadSchema):
    """An order. `source_key` is the channel's key, `order_number` what the buyer sees, `po_number` a business buyer's own;
    `total_amount` is what the buyer owes in all. The last two are written only: what of that the merchant has, and how it came."""

    source_key = Text(64, 1, required=True)
    order_number = Text(50, 1, required=True)
    seller_order_number = Text(50)
    channel = Text(100, 1, required=True)
    status = Text(20, among=STATUSES, required=True)
    payment_status = Text(20, among=PAYMENT_STATUSES, required=True)
    fulfillment_status = Text(20, among=FULFILLMENT_STATUSES)
    ordered_at = Instant(required=True)
    created_at = Instant()
    updated_at = Instant()
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    customer = Part(Buyer, required=True)
    shipping_address = Part(Address, required=True)
    billing_address = Part(Address)
    shipping_method = Text(100)
    payment_method = Text(50)
    payments = Parts(Payment, 100)
    po_number = Text(50)
    notes = Text(2000)
    shipping_amount = Money(required=True)
    total_amount = Money(required=True)
    lines = Parts(Line, 1000, required=True)
    promotions = Parts(Promotion, 1000)
    exported = Flag()
    deposit_amount = Money()
    payment = Part(BookedPayment)
