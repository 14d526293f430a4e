"""The crosswalk: source key ↔ target key, what was last delivered, who is delivering now, and the intent of a write under way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS
from integration.ledger import lease, tables

ANY_SOURCE = "*"
"""A person is one customer of the target, whichever channel the order came by."""

MATCH = "customer match"
"""The entity of what a customer is known by beside the address, as a keyed hash; a row is there while somebody finds or makes it."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """One crosswalk row. `intent` is set while a write may be under way or unanswered; `resend_after` is the earliest time of
    another try."""

    id: int
    source_key: str
    target_key: str | None
    target_version: int | None
    delivered_version: str | None
    delivered_hash: str | None
    delivered: bytes | None
    agreed: str | None
    intent: str | None
    intent_at: datetime | None
    resend_after: datetime | None
    acknowledged_at: datetime | None


_COLUMNS = [tables.crosswalk.c[name] for name in Crossing.__dataclass_fields__]


def claim(
    connection: Connection, owner: str, seconds: float, source: str, target: str, entity: str, keys: Iterable[str]
) -> dict[str, Crossing]:
    """Take the rows of these keys, made where they are new; gives those that are ours now, by source key.

    A row in another's hands is left out. Nobody else delivers these keys before `seconds` have passed.
    """
    c = tables.crosswalk.c
    wanted = sorted(set(keys))
    moment = clock.now()
    new = [
        {"source": source, "target": target, "entity": entity, "source_key": key, "created_at": moment, "updated_at": moment}
        for key in wanted
    ]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(tables.crosswalk).on_conflict_do_nothing(), new)
    rows = connection.execute(
        select(*_COLUMNS, c.owner, c.claimed_until)
        .where(c.source == source, c.target == target, c.entity == entity, c.source_key.in_(wanted))
        .order_by(c.id)
        .with_for_update(skip_locked=True)
    ).all()
    free = [row for row in rows if row.owner is None or row.claimed_until <= moment or lease.is_dead(row.owner)]
    if free:
        connection.execute(
            update(tables.crosswalk)
            .where(c.id.in_([row.id for row in free]))
            .values(owner=owner, claimed_until=lease.until(moment, seconds), updated_at=moment)
        )
    return {row.source_key: Crossing(*row[: len(_COLUMNS)]) for row in free}


def look_up(connection: Connection, source: str, target: str, entity: str, keys: Iterable[str]) -> dict[str, Crossing]:
    c = tables.crosswalk.c
    rows = connection.execute(
        select(*_COLUMNS).where(c.source == source, c.target == target, c.entity == entity, c.source_key.in_(sorted(set(keys))))
    )
    return {row[1]: Crossing(*row) for row in rows}


def bind(connection: Connection, source: str, target: str, entity: str, key: str, target_key: str) -> None:
    """Somebody else knows which record of the target it is."""
    moment = clock.now()
    row = {"source": source, "target": target, "entity": entity, "source_key": key, "target_key": target_key}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(tables.crosswalk)
        .values(**row, created_at=moment, updated_at=moment)
        .on_conflict_do_update(
            index_elements=["source", "target", "entity", "source_key"],
            set_={"target_key": target_key, "target_version": None, "delivered_hash": None, "updated_at": moment},
        )
    )


def intend(connection: Connection, intents: Sequence[tuple[Crossing, str]]) -> None:
    """Written before a request leaves: from here on it may have happened. A wait for an earlier answer that is over before this one has
    left says nothing of this one: whoever comes after a killed worker counts from here."""
    moment = clock.now()
    c = tables.crosswalk.c
    rows = [{"row_id": crossing.id, "intent": operation, "intent_at": moment} for crossing, operation in intents]
    if rows:
        still_waits = case((c.resend_after > moment + timedelta(seconds=SEND_WITHIN_SECONDS), c.resend_after))
        connection.execute(update(tables.crosswalk).where(c.id == bindparam("row_id")).values(resend_after=still_waits), rows)


def drop(connection: Connection, owner: str, ids: Sequence[int]) -> None:
    """Rows that are still ours and for which there is no more need."""
    c = tables.crosswalk.c
    if ids:
        connection.execute(delete(tables.crosswalk).where(c.id.in_(ids), c.owner == owner))


def record_changes(connection: Connection, owner: str, rows: Sequence[dict[str, Any]]) -> None:
    """Update rows that are still ours; each holds `id` and the columns to set. A row that was taken over meanwhile keeps what its
    new owner finds out."""
    c = tables.crosswalk.c
    moment = clock.now()
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        values = {("row_id" if name == "id" else name): value for name, value in row.items()} | {"updated_at": moment}
        groups.setdefault(tuple(sorted(values)), []).append(values)
    for members in groups.values():
        connection.execute(update(tables.crosswalk).where(c.id == bindparam("row_id"), c.owner == owner), members)


def acknowledge(connection: Connection, source: str, target: str, entity: str, keys: Sequence[str]) -> None:
    """The source has been told that these were taken over."""
    c = tables.crosswalk.c
    if keys:
        connection.execute(
            update(tables.crosswalk)
            .where(c.source == source, c.target == target, c.entity == entity, c.source_key.in_(keys))
            .values(acknowledged_at=clock.now())
        )


def agree(connection: Connection, source: str, target: str, entity: str, key: str, status: str) -> None:
    """Both sides of this record have the status now; whoever reads it next meets an echo, not a change."""
    c = tables.crosswalk.c
    connection.execute(
        update(tables.crosswalk)
        .where(c.source == source, c.target == target, c.entity == entity, c.source_key == key)
        .values(agreed=status)
    )


def of_targets(connection: Connection, target: str, entity: str, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Source connection and key by the target's key."""
    c = tables.crosswalk.c
    wanted = sorted(set(keys))
    rows = connection.execute(
        select(c.target_key, c.source, c.source_key).where(c.target == target, c.entity == entity, c.target_key.in_(wanted))
    )
    return {row.target_key: (row.source, row.source_key) for row in rows}


def release(connection: Connection, owner: str) -> None:
    """Give back whatever this piece of work still holds."""
    c = tables.crosswalk.c
    connection.execute(update(tables.crosswalk).where(c.owner == owner).values(owner=None, claimed_until=None))


def log(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What was sent and what came back, for the story of a record."""
    if rows:
        connection.execute(insert(tables.delivery), list(rows))
