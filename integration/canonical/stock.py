"""The canonical stock level: what a warehouse says of one SKU, and what a channel is to offer of it."""

from __future__ import annotations

from integration.schema import Instant, ReadSchema, Text, Whole

MOST = 10_000_000


class Stock(ReadSchema):
    """The units of a SKU. `available` is what may still be promised, below zero where more is promised than there is. The last three are
    written only: `sellable` units in a `distribution_center` of the channel, as true `as_of` the moment that the warehouse was asked."""

    source_key = Text(100, 1, required=True)
    """The record's key in the system that it was read from."""
    sku = Text(100, 1, required=True)
    """The code of the item."""
    on_hand = Whole(-MOST, MOST)
    """Units in the warehouse."""
    allocated = Whole(-MOST, MOST)
    """Units that are set apart for orders."""
    available = Whole(-MOST, MOST, required=True)
    """Units that may still be promised; below zero where more is promised than there is."""
    updated_at = Instant()
    """The last change there."""
    sellable = Whole(0, MOST)
    """Units to offer on the channel. Written only."""
    distribution_center = Text(40)
    """The channel's place of stock that the quantity is for. Written only."""
    as_of = Instant()
    """The moment at which the warehouse was asked. Written only."""
