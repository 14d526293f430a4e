"""The canonical payment: money that a buyer has given, or has promised to give, for an order."""

from __future__ import annotations

from integration.canonical.money import Money
from integration.schema import Instant, ReadSchema, Text

STATES = ("pending", "authorized", "captured", "refunded", "failed")


class Payment(ReadSchema):
    """`gateway` is who handles it, in the source's own word; `reference` the gateway's number. Of `amount` `refunded_amount` was given
    back; what was captured less that is what the merchant has."""

    source_key = Text(64, 1, required=True)
    gateway = Text(50, 1, required=True)
    reference = Text(100)
    state = Text(20, among=STATES, required=True)
    amount = Money(required=True)
    refunded_amount = Money()
    captured_at = Instant()


class BookedPayment(ReadSchema):
    """The one payment of an order that is written where it is booked."""

    gateway = Text(50, 1, required=True)
    reference = Text(100)
