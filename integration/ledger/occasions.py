"""Occasions: moments at which a record is to be read again though nobody has changed it, as when a promotion begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import tables

MOST = 1000
"""Occasions that one look takes; the next look is never far."""


def keep(connection: Connection, flow: str, moments: Mapping[str, datetime | None]) -> None:
    """The next occasion of each of these records, by key; of one that has none the last is forgotten."""
    o = tables.occasion
    if not moments:
        return
    connection.execute(delete(o).where(o.c.flow == flow, o.c.source_key.in_(sorted(moments))))
    rows = [{"flow": flow, "source_key": key, "due_at": due} for key, due in moments.items() if due is not None]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(o).on_conflict_do_nothing(), rows)


def take(connection: Connection, flow: str, moment: datetime) -> list[str]:
    """Keys of the records whose occasion has come; each is given once."""
    o = tables.occasion
    due = select(o.c.source_key).where(o.c.flow == flow, o.c.due_at <= moment).order_by(o.c.due_at).limit(MOST)
    keys = list(connection.execute(due).scalars())
    if keys:
        connection.execute(delete(o).where(o.c.flow == flow, o.c.source_key.in_(keys), o.c.due_at <= moment))
    return keys
