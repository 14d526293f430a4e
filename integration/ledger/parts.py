"""Orders that are booked in two parts: what stock covered when they were booked, and the rest, which has a key of its own.

The first part keeps the order's key. Once its units are fixed they stay, for no booked line changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import batches, tables
from integration.ledger.records import EXTRACTED, Record
from integration.settings.model import Flow

REST = "/2"
"""Ends the key and the number of a rest, so that the target tells the two apart."""

PART = "part"
"""The kind of a run that brings a rest along."""

Units = Mapping[str, int]
"""Units of the first part by line of the order; a line that is not here is in the rest."""


def rest_key(order_key: str) -> str:
    return order_key + REST


def whole_key(key: str) -> str:
    """The order that a key would be the rest of."""
    return key.removesuffix(REST)


def fix(connection: Connection, flow: Flow, order_key: str, lines: Iterable[tuple[str, str, int]]) -> Units:
    """Keep the first part of an order as (line, source SKU, units), unless somebody else just has; gives what holds."""
    key = {"source": flow.source, "target": flow.target, "order_key": order_key}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = [{**key, "line_key": line, "sku": sku, "units": units} for line, sku, units in lines]
    if not of_orders(connection, flow.source, flow.target, [order_key]):
        connection.execute(dialect.insert(tables.first_part).on_conflict_do_nothing(), new)
    return of_orders(connection, flow.source, flow.target, [order_key])[order_key]


def of_orders(connection: Connection, source: str, target: str, order_keys: Iterable[str]) -> Mapping[str, Units]:
    """The first parts of those of these orders that are booked in parts."""
    f = tables.first_part.c
    rows = connection.execute(
        select(f.order_key, f.line_key, f.units).where(f.source == source, f.target == target, f.order_key.in_(sorted(set(order_keys))))
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.order_key, {})[row.line_key] = row.units
    return found


def orders_of(connection: Connection, source: str, target: str, keys: Iterable[str]) -> dict[str, str]:
    """The order of each key that is an order's rest."""
    rests = {key: whole_key(key) for key in keys if key.endswith(REST)}
    known = of_orders(connection, source, target, rests.values()) if rests else {}
    return {key: order for key, order in rests.items() if order in known}


def units_by_sku(connection: Connection, source: str, order_keys: Collection[str]) -> dict[str, Counter[str]]:
    """The first parts of a channel's orders by the channel's SKUs."""
    f = tables.first_part.c
    rows = connection.execute(select(f.order_key, f.sku, f.units).where(f.source == source, f.order_key.in_(sorted(order_keys))))
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.order_key, Counter())[row.sku] += row.units
    return found


def branch(connection: Connection, record: Record) -> None:
    """Let the rest of a record's order go down the line as a record of its own, in the same version."""
    r = tables.record.c
    key = rest_key(record.source_key)
    if connection.execute(select(r.id).where(r.flow == record.flow, r.source_key == key, r.version == record.version)).first():
        return
    subject = connection.execute(select(r.subject).where(r.id == record.id)).scalar_one()
    _, batch_id = batches.start_run(connection, record.flow, PART, "live", {}, stage="transform", size=1, rung=False)
    connection.execute(
        insert(tables.record).values(
            batch_id=batch_id,
            flow=record.flow,
            source_key=key,
            version=record.version,
            subject=subject,
            state=EXTRACTED,
            raw=record.raw,
            edited=record.edited,
            attempts=0,
            kills=0,
            extracted_at=clock.now(),
        )
    )
