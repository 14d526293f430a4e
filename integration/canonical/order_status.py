"""The canonical status of an order as the system that fulfils it tells it, on its way back to where the order was placed."""

from __future__ import annotations

from integration.canonical.order import STATUSES
from integration.schema import Instant, Parts, ReadSchema, Text, Whole


class LineStatus(ReadSchema):
    line_number = Whole(1, 1000, required=True)
    sku = Text(100, 1, required=True)
    quantity = Whole(1, 1_000_000, required=True)
    quantity_shipped = Whole(0, 1_000_000, required=True)


class OrderStatus(ReadSchema):
    """`source_key` is the order's key where it is fulfilled, `order_reference` the number by which that system knows its origin."""

    source_key = Text(64, 1, required=True)
    order_reference = Text(64, 1)
    status = Text(20, among=STATUSES, required=True)
    reason = Text(200)
    updated_at = Instant()
    lines = Parts(LineStatus, 1000)
