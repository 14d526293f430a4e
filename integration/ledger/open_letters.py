"""The open dead letters for whoever shows them elsewhere: cheap to ask whether anything has changed, and what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from integration.ledger import tables
from integration.ledger.database import read

AT_ONCE = 500
"""Ids named in one statement; every database takes so many."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """How many are open, the sum of their ids and the highest of them; two inventories differ where the open letters do."""

    count: int
    total: int
    highest: int


@dataclass(frozen=True, slots=True)
class OpenLetter:
    id: int
    flow: str
    source_key: str
    reason: str
    created_at: datetime


def inventory(engine: Engine) -> Inventory:
    d = tables.dead_letter.c
    figures = select(func.count(), func.coalesce(func.sum(d.id), 0), func.coalesce(func.max(d.id), 0))
    with read(engine) as connection:
        count, total, highest = connection.execute(figures.where(d.state == "open")).one()
    return Inventory(count, int(total), highest)


def open_letters(engine: Engine, after: int = 0) -> list[OpenLetter]:
    """Those with an id above `after`, the oldest first."""
    d = tables.dead_letter.c
    columns = select(d.id, d.flow, d.source_key, d.reason, d.created_at)
    with read(engine) as connection:
        return [OpenLetter(*row) for row in connection.execute(columns.where(d.state == "open", d.id > after).order_by(d.id))]


def states(engine: Engine, ids: Collection[int]) -> dict[int, str]:
    """What became of these letters; one that was never in this ledger is left out."""
    d = tables.dead_letter.c
    wanted = sorted(ids)
    found: dict[int, str] = {}
    with read(engine) as connection:
        for start in range(0, len(wanted), AT_ONCE):
            rows = connection.execute(select(d.id, d.state).where(d.id.in_(wanted[start : start + AT_ONCE])))
            found |= dict(rows.all())
    return found
