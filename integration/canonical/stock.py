"""The canonical stock level: what a warehouse says of one SKU, and what a channel is to offer of it."""

from __future__ import annotations

from integration.schema import Instant, ReadSchema, Text, Whole

MOST = 10_000_000


class Stock(ReadSchema):
    """`available` is what may still be promised, below zero where more is promised than there is. The last three are written only:
    `sellable` units in a `distribution_center` of the channel, as true `as_of` the moment that the warehouse was asked."""

    source_key = Text(100, 1, required=True)
    sku = Text(100, 1, required=True)
    on_hand = Whole(-MOST, MOST)
    allocated = Whole(-MOST, MOST)
    available = Whole(-MOST, MOST, required=True)
    updated_at = Instant()
    sellable = Whole(0, MOST)
    distribution_center = Text(40)
    as_of = Instant()
