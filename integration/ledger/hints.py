"""Hints: what webhooks say may have changed. Each is taken once, by a read that brings whatever is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables

MOST = 1000
"""Hints that one look takes; the next look is never far."""


@dataclass(frozen=True, slots=True)
class Hint:
    id: int
    connection: str
    entity: str
    key: str | None
    changed_at: datetime | None


def keep(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """An event that came before changes nothing."""
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.hint).on_conflict_do_nothing(), list(rows))


def waiting(connection: Connection) -> list[Hint]:
    """The oldest first."""
    h = tables.hint.c
    columns = [h[name] for name in Hint.__dataclass_fields__]
    return [Hint(*row) for row in connection.execute(select(*columns).where(h.taken_at.is_(None)).order_by(h.id).limit(MOST))]


def seen(connection: Connection, flow: str, wanted: Sequence[Hint]) -> set[int]:
    """Hints whose record the ledger has in that version already."""
    r = tables.record.c
    versions = {(hint.key, clock.text(hint.changed_at)): hint.id for hint in wanted if hint.key is not None and hint.changed_at is not None}
    if not versions:
        return set()
    rows = connection.execute(select(r.source_key, r.version).where(r.flow == flow, tuple_(r.source_key, r.version).in_(list(versions))))
    known = {tuple(row) for row in rows}
    return {hint.id for hint in wanted if hint.changed_at is not None and (hint.key, clock.text(hint.changed_at)) in known}


def take(connection: Connection, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(update(tables.hint).where(tables.hint.c.id.in_(list(ids))).values(taken_at=clock.now()))


def oldest_waiting(connection: Connection) -> dict[str, datetime]:
    """By connection."""
    h = tables.hint.c
    rows = connection.execute(select(h.connection, func.min(h.received_at)).where(h.taken_at.is_(None)).group_by(h.connection))
    return dict(rows.all())


def forget_taken(connection: Connection, before: datetime) -> None:
    """Long after the last repetition of an event may come."""
    connection.execute(delete(tables.hint).where(tables.hint.c.taken_at < before))
