"""Hints: what webhooks say may have changed. Each is taken once, by a read that brings whatever is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables

MOST = 5000
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


def groups(connection: Connection, of: str | None = None) -> list[tuple[str, str]]:
    """Connections and entities that hints wait for; with `of` those of one connection."""
    h = tables.hint.c
    wanted = select(h.connection, h.entity).where(h.taken_at.is_(None)).distinct().order_by(h.connection, h.entity)
    return [(row.connection, row.entity) for row in connection.execute(wanted if of is None else wanted.where(h.connection == of))]


def waiting(connection: Connection, of: str, entity: str) -> list[Hint]:
    """The oldest first."""
    h = tables.hint.c
    columns = [h[name] for name in Hint.__dataclass_fields__]
    wanted = select(*columns).where(h.taken_at.is_(None), h.connection == of, h.entity == entity).order_by(h.id).limit(MOST)
    return [Hint(*row) for row in connection.execute(wanted)]


def seen(connection: Connection, flow: str, wanted: Sequence[Hint]) -> set[int]:
    """Hints whose record the ledger has in that version already, or in a later one: of what changed twice only the last is there. A version
    may say more than its instant (`line.stock_guard`); then the same instant alone proves nothing."""
    return {hint.id for hint, newest, version in _there(connection, flow, wanted) if newest == version or newest[: len(version)] > version}


def shown(connection: Connection, flow: str, wanted: Sequence[Hint]) -> set[int]:
    """Hints whose record was read as of that instant or later: the system shows by now what they told of."""
    return {hint.id for hint, newest, version in _there(connection, flow, wanted) if newest[: len(version)] >= version}


def _there(connection: Connection, flow: str, wanted: Sequence[Hint]) -> Iterator[tuple[Hint, str, str]]:
    """Hints with the newest version that the ledger has of their record, and the one that they are for."""
    r = tables.record.c
    keys = {hint.key for hint in wanted if hint.key is not None and hint.changed_at is not None}
    if not keys:
        return
    newest = select(r.source_key, func.max(r.version)).where(r.flow == flow, r.source_key.in_(sorted(keys))).group_by(r.source_key)
    there: dict[str, str] = dict(connection.execute(newest).all())
    for hint in wanted:
        if hint.changed_at is not None and hint.key in there:
            yield hint, there[hint.key], clock.text(hint.changed_at)


def take(connection: Connection, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(update(tables.hint).where(tables.hint.c.id.in_(list(ids))).values(taken_at=clock.now()))


def recently_taken(connection: Connection, received_since: datetime, taken_before: datetime) -> list[Hint]:
    """Those that say which version of which record they are for."""
    h = tables.hint.c
    columns = [h[name] for name in Hint.__dataclass_fields__]
    newest = select(func.max(h.id)).scalar_subquery()  # the table is long, and what is wanted is at its end
    wanted = select(*columns).where(h.id > newest - MOST, h.received_at >= received_since, h.taken_at < taken_before)
    return [Hint(*row) for row in connection.execute(wanted.where(h.key.is_not(None), h.changed_at.is_not(None)))]


def give_back(connection: Connection, ids: Sequence[int]) -> None:
    """They wait again."""
    if ids:
        connection.execute(update(tables.hint).where(tables.hint.c.id.in_(list(ids))).values(taken_at=None))


def oldest_waiting(connection: Connection) -> dict[tuple[str, str], datetime]:
    """By connection and entity."""
    h = tables.hint.c
    wanted = select(h.connection, h.entity, func.min(h.received_at)).where(h.taken_at.is_(None)).group_by(h.connection, h.entity)
    return {(name, entity): since for name, entity, since in connection.execute(wanted)}


def forget(connection: Connection, before: datetime) -> None:
    """No event is repeated for longer."""
    connection.execute(delete(tables.hint).where(tables.hint.c.received_at < before))
