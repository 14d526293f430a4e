"""The canonical status of an order as the system that fulfils it tells it, on its way back to where the order was placed."""

from __future__ import annotations

from integration.canonical.order import STATUSES
from integration.schema import Instant, Parts, ReadSchema, Text, Whole


class LineStatus(ReadSchema):
    """How far one line has shipped."""

    line_number = Whole(1, 1000, required=True)
    """The line where the order is fulfilled."""
    sku = Text(100, 1, required=True)
    """The code of the item."""
    quantity = Whole(1, 1_000_000, required=True)
    """Units ordered."""
    quantity_shipped = Whole(0, 1_000_000, required=True)
    """Units that have left."""


class OrderStatus(ReadSchema):
    """How an order stands. `source_key` is the order's key where it is fulfilled, `order_reference` the number by which that system knows
    its origin."""

    source_key = Text(64, 1, required=True)
    """The order's key where it is fulfilled."""
    order_reference = Text(64, 1)
    """The number by which that system knows its origin."""
    status = Text(20, among=STATUSES, required=True)
    """How it stands."""
    reason = Text(200)
    """Why, as of a cancellation."""
    updated_at = Instant()
    """The last change there."""
    lines = Parts(LineStatus, 1000)
    """How far each line has shipped."""
