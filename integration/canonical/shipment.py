"""The canonical shipment: what left the warehouse of one order."""

from __future__ import annotations

from integration.schema import Instant, Parts, ReadSchema, Text, Whole


class ShipmentLine(ReadSchema):
    """Units of one order line. `line_number` is the source's, `target_line_key` is known once the order's lines are."""

    line_number = Whole(1, 1000, required=True)
    sku = Text(100, 1, required=True)
    quantity = Whole(1, 1_000_000, required=True)
    target_line_key = Text(64, 1)
    target_sku = Text(100, 1)


class Shipment(ReadSchema):
    """A shipment. `order_key` is the order's key where it shipped, `order_reference` the number by which that system knows its
    origin, `target_order_key` the key of the order that is told."""

    source_key = Text(64, 1, required=True)
    order_key = Text(64, 1, required=True)
    order_reference = Text(64, 1)
    target_order_key = Text(64, 1)
    carrier = Text(50, 1, required=True)
    service = Text(50)
    tracking_number = Text(50)
    shipped_at = Instant(required=True)
    updated_at = Instant()
    lines = Parts(ShipmentLine, 1000, 1, required=True)
