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
    """The line's key in the system where the order was placed."""
    sku = Text(100, 1, required=True)
    """The code of the item."""
    title = Text(500)
    """What the buyer read."""
    quantity = Whole(-1_000_000, 1_000_000, required=True)
    """Units ordered."""
    unit_price = Money(required=True)
    """The price of a unit, before discount and tax."""
    tax_amount = Money(required=True)
    """Tax of the whole line."""
    discount_amount = Money(required=True)
    """Discount of the whole line, as a positive amount."""
    shipping_amount = Money()
    """Shipping of the whole line, where it is told by line."""
    quantity_shipped = Whole(0, 1_000_000)
    """Units that have left already."""
    order_po_number = Text(50)
    """On the first line, the order's `po_number`: for a system that has room for it with a line alone. Written only."""
    order_notes = Text(2000)
    """On the first line, the order's `notes`, likewise. Written only."""


class Promotion(ReadSchema):
    """A promotion whose amounts are already inside the lines' discounts."""

    code = Text(100, 1, required=True)
    """The code of the promotion."""
    amount = Money(required=True)
    """What it took off the goods."""
    shipping_amount = Money()
    """What it took off the shipping."""


class Order(ReadSchema):
    """An order. `source_key` is the channel's key, `order_number` what the buyer sees, `po_number` a business buyer's own;
    `total_amount` is what the buyer owes in all. The last two are written only: what of that the merchant has, and how it came."""

    source_key = Text(64, 1, required=True)
    """The order's key in the system where it was placed."""
    order_number = Text(50, 1, required=True)
    """The number that the buyer sees."""
    seller_order_number = Text(50)
    """The number under which it is booked, as the channel was told."""
    channel = Text(100, 1, required=True)
    """The shop or marketplace where it was placed."""
    status = Text(20, among=STATUSES, required=True)
    """How it stands."""
    payment_status = Text(20, among=PAYMENT_STATUSES, required=True)
    """How far it is paid."""
    fulfillment_status = Text(20, among=FULFILLMENT_STATUSES)
    """How far it has shipped."""
    ordered_at = Instant(required=True)
    """When the buyer placed it."""
    created_at = Instant()
    """When the channel took it in."""
    updated_at = Instant()
    """The last change on the channel."""
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters", required=True)
    """The currency of every amount, by ISO 4217."""
    customer = Part(Buyer, required=True)
    """Who placed it."""
    shipping_address = Part(Address, required=True)
    """Where it goes."""
    billing_address = Part(Address)
    """Where the bill goes, if elsewhere."""
    shipping_method = Text(100)
    """The service that the buyer chose, in the channel's words."""
    payment_method = Text(50)
    """How the buyer pays, in the channel's words."""
    payments = Parts(Payment, 100)
    """The payments, where the channel tells each."""
    po_number = Text(50)
    """A business buyer's own order number."""
    notes = Text(2000)
    """What the buyer remarked."""
    shipping_amount = Money(required=True)
    """Shipping in all."""
    total_amount = Money(required=True)
    """What the buyer owes in all."""
    lines = Parts(Line, 1000, required=True)
    """What was ordered."""
    promotions = Parts(Promotion, 1000)
    """Promotions; their amounts are inside the lines' discounts already."""
    exported = Flag()
    """Whether the channel was told that the order is taken over."""
    deposit_amount = Money()
    """What of the total the merchant has. Written only."""
    payment = Part(BookedPayment)
    """The one payment that is written where the order is booked. Written only."""
