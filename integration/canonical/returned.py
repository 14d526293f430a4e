"""The canonical return: what a buyer sends back, and what they get for it."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.schema import Flag, Instant, Parts, ReadSchema, Text, Whole

STATUSES = ("requested", "approved", "received", "refunded", "rejected")


class ReturnLine(ReadSchema):
    """Units of one order line that come back."""

    source_line_key = Text(64, 1)
    """The line of the order where it was sold."""
    sku = Text(100, 1, required=True)
    """The code that it was sold under."""
    quantity = Whole(1, 1_000_000, required=True)
    """Units that come back."""


class Return(ReadSchema):
    """What a buyer sends back. `order_key` is the order's key in the system where the return was opened."""

    source_key = Text(64, 1, required=True)
    """The return's key in the system that it was read from."""
    order_key = Text(64, 1, required=True)
    """The key of the order there."""
    status = Text(20, among=STATUSES, required=True)
    """How far it has come."""
    reason = Text(100)
    """Why, in the words of the system that it was read from."""
    authorization_number = Text(50)
    """The number under which the buyer may send it (RMA)."""
    credit_number = Text(50)
    """The seller's own number of it, as of a credit memo."""
    currency = Text(3, pattern="[A-Z]{3}", shape="a currency code of three capital letters")
    """The currency of the refund, by ISO 4217."""
    refund_amount = Money()
    """What is given back in all, tax and shipping included."""
    restock = Flag()
    """Whether the units can be sold again."""
    created_at = Instant()
    """When it was opened."""
    updated_at = Instant()
    """The last change in the system that it was read from."""
    lines = Parts(ReturnLine, 1000, 1, required=True)
    """What comes back."""
