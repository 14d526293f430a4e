"""The canonical shipment: what left the warehouse of one order."""

from __future__ import annotations

from integration.schema import Instant, Parts, ReadSchema, Text, Whole


class ShipmentLine(ReadSchema):
    """Units of one order line. `line_number` is the source's, `target_line_key` is known once the order's lines are."""

    line_number = Whole(1, 1000, required=True)
    """The line of the order where it is fulfilled."""
    sku = Text(100, 1, required=True)
    """The code of the item there."""
    quantity = Whole(1, 1_000_000, required=True)
    """Units in this shipment."""
    target_line_key = Text(64, 1)
    """The key of the line where the order was placed. Written only."""
    target_sku = Text(100, 1)
    """The code under which it was sold there. Written only."""


class Package(ReadSchema):
    """One of the packages of a shipment; what is inside which is not told."""

    tracking_number = Text(50, 1)
    """The carrier's number of this package."""


class Shipment(ReadSchema):
    """What has left at once. `order_key` is the order's key where it shipped, `order_reference` the number by which that system knows its
    origin, `target_order_key` the key of the order that is told."""

    source_key = Text(64, 1, required=True)
    """The shipment's key in the system that shipped it."""
    order_key = Text(64, 1, required=True)
    """The key of the order there."""
    order_reference = Text(64, 1)
    """The number by which that system knows the order's origin."""
    target_order_key = Text(64, 1)
    """The key of the order that is told. Written only."""
    carrier = Text(50, 1, required=True)
    """Who carries it."""
    service = Text(50)
    """The carrier's service."""
    tracking_number = Text(50)
    """The carrier's number, of the first package where there are several; it may come later."""
    packages = Parts(Package, 999)
    """Each with its number, where the system tells of packages."""
    shipped_at = Instant(required=True)
    """When it left."""
    updated_at = Instant()
    """The last change there."""
    lines = Parts(ShipmentLine, 1000, 1, required=True)
    """What is inside."""
