"""Which line of the target's order stands for which line of the source's, so that what ships there can be told here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import tables
from integration.ledger.parts import whole_key
from integration.settings.model import Flow


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A line of the order `order_key` at its source; `source_sku` is the code it was sold under there, `sku` the one it is booked under."""

    order_key: str
    line_key: str
    line_number: int
    source_sku: str
    sku: str
    units: int


def rows(flow: Flow, order_key: str, target_key: str, lines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a booked order; `lines` in the order in which they were sent, as validate describes them."""
    return [
        {"source": flow.source, "target": flow.target, "target_key": target_key, "order_key": order_key, "line_number": number, **line}
        for number, line in enumerate(lines, start=1)
    ]


def keep(connection: Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Lines never change after booking, so what is there already stays."""
    if lines:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.order_line).on_conflict_do_nothing(), list(lines))


def of_orders(connection: Connection, source: str, target: str, target_keys: Iterable[str]) -> dict[tuple[str, int], OrderLine]:
    """By the target's order and line number."""
    o = tables.order_line.c
    found = connection.execute(
        select(o.target_key, o.order_key, o.line_key, o.line_number, o.source_sku, o.sku, o.units).where(
            o.source == source, o.target == target, o.target_key.in_(sorted(set(target_keys)))
        )
    )
    return {(row[0], row.line_number): OrderLine(*row[1:]) for row in found}


def sold(connection: Connection, source: str, target: str, order_keys: Iterable[str]) -> dict[str, Counter[str]]:
    """Units by line of these orders as they are booked, by the order of which a key may be the rest."""
    o = tables.order_line.c
    found: dict[str, Counter[str]] = {}
    wanted = select(o.order_key, o.line_key, o.units).where(
        o.source == source, o.target == target, o.order_key.in_(sorted(set(order_keys)))
    )
    for row in connection.execute(wanted):
        found.setdefault(whole_key(row.order_key), Counter())[row.line_key] += row.units
    return found
