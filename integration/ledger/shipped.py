"""Which units of which line of a channel's order have shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables


def rows(channel: str, shipment_key: str, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a shipment that the channel was told of; none of a record that is no shipment."""
    key = {"connection": channel, "shipment_key": shipment_key, "order_key": about.get("order_key"), "delivered_at": clock.now()}
    return [{**key, **line} for line in about.get("shipped", ())]


def keep(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """A shipment is told once, so its lines are kept once."""
    if lines:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.shipped_line).on_conflict_do_nothing(), list(lines))


def units(connection: Connection, channel: str, order_key: str, *, besides: str) -> dict[str, int]:
    """Units by line of the channel's order that shipments other than `besides` have told."""
    s = tables.shipped_line.c
    rows = connection.execute(
        select(s.line_key, func.sum(s.units))
        .where(s.connection == channel, s.order_key == order_key, s.shipment_key != besides)
        .group_by(s.line_key)
    )
    return {line_key: int(total) for line_key, total in rows}
