"""Turns what webhooks hint at into reads: one read from the cursor takes any number of them, and a late record is fetched by its key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from integration.ledger import batches, hints, tables
from integration.ledger.database import read, write
from integration.ledger.hints import Hint
from integration.line.extract import KEYS, lock_cursor, page_since
from integration.line.journey import House
from integration.settings import Flow

WEBHOOK = batches.WEBHOOK

MOST_KEYS = 100
"""Late records that one batch fetches."""


def take(house: House) -> list[int]:
    """Begin a read for each flow that hints wait for; gives the batches. A flow that is being read takes its hints with the next
    read, so that nothing is missed that came during this one."""
    with read(house.engine) as connection:
        waiting = hints.waiting(connection)
    made: list[int] = []
    for (name, entity), theirs in _grouped(waiting).items():
        flows = [flow for flow in house.settings.flows.values() if (flow.source, flow.entity) == (name, entity)]
        with write(house.engine) as connection:
            begun = [_begin(connection, flow, theirs, made) for flow in flows]
            if all(begun):
                hints.take(connection, [hint.id for hint in theirs])
    return made


def _grouped(waiting: Sequence[Hint]) -> dict[tuple[str, str], list[Hint]]:
    groups: dict[tuple[str, str], list[Hint]] = {}
    for hint in waiting:
        groups.setdefault((hint.connection, hint.entity), []).append(hint)
    return groups


def _begin(connection: Connection, flow: Flow, theirs: Sequence[Hint], made: list[int]) -> bool:
    """Whether the hints are taken care of."""
    lock_cursor(connection, flow.name)
    position: datetime | None = connection.execute(
        select(tables.cursor.c.position).where(tables.cursor.c.flow == flow.name)
    ).scalar_one_or_none()
    if position is None:  # the flow's first read brings it all
        return True
    known = hints.seen(connection, flow.name, theirs)
    news = [hint for hint in theirs if hint.id not in known]
    late = sorted({hint.key for hint in news if hint.key is not None and hint.changed_at is not None and hint.changed_at < position})
    fresh = [hint for hint in news if hint.key not in late]
    if fresh and batches.still_reading(connection, flow.name):
        return False
    if fresh:
        made.append(batches.start_run(connection, flow.name, WEBHOOK, "live", page_since(position), since=position)[1])
    for start in range(0, len(late), MOST_KEYS):
        page = {**page_since(None), KEYS: late[start : start + MOST_KEYS]}
        made.append(batches.start_run(connection, flow.name, WEBHOOK, "live", page)[1])
    return True
