"""The canonical payment: money that a buyer has given, or has promised to give, for an order."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.schema import Instant, ReadSchema, Text

STATES = ("pending", "authorized", "captured", "refunded", "failed")


class Payment(ReadSchema):
    """A payment of an order. `gateway` is who handles it, in the source's own word; `reference` the gateway's number. Of `amount`
    `refunded_amount` was given back; what was captured less that is what the merchant has."""

    source_key = Text(64, 1, required=True)
    """The payment's key in the system that it was read from."""
    gateway = Text(50, 1, required=True)
    """Who handles it, in the source's own word, as in Stripe."""
    reference = Text(100)
    """The gateway's number of it."""
    state = Text(20, among=STATES, required=True)
    """How far it is: only what is captured is money that the merchant has."""
    amount = Money(required=True)
    """What was paid or promised."""
    refunded_amount = Money()
    """What of it was given back."""
    captured_at = Instant()
    """When the merchant got it."""


class BookedPayment(ReadSchema):
    """The one payment of an order that is written where it is booked."""

    gateway = Text(50, 1, required=True)
    """Who handled it, in the source's own word."""
    reference = Text(100)
    """The gateway's number of it."""
