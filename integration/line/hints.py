"""Turns what webhooks hint at into reads: one read from the cursor takes any number of them, and a late record is fetched by its key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from integration import clock
from integration.ledger import batches, hints, tables
from integration.ledger.database import read, write
from integration.ledger.hints import Hint
from integration.line.extract import KEYS, lock_cursor, page_since
from integration.line.journey import House
from integration.settings import Flow

WEBHOOK = batches.WEBHOOK

MOST_KEYS = 50
"""Late records that one batch fetches."""


SHOWS_WITHIN = timedelta(seconds=20)
"""For so long after a webhook a system may still answer with the state before it; the contracts that say so speak of 5 seconds."""

READ_WITHIN = timedelta(seconds=2)
"""A read that a hint has asked for is usually over by then."""


def look_again(house: House) -> None:
    """Hints whose read did not bring what they are for wait for another: a webhook may come before its record shows."""
    moment = clock.now()
    missed: set[int] = set()
    with read(house.engine) as connection:
        taken = hints.recently_taken(connection, moment - SHOWS_WITHIN, moment - READ_WITHIN)
        for flow in house.settings.flows.values() if taken else ():
            theirs = [hint for hint in taken if (hint.connection, hint.entity) == (flow.source, flow.entity)]
            missed |= {hint.id for hint in theirs} - hints.shown(connection, flow.name, theirs)
    if missed:
        with write(house.engine) as connection:
            hints.give_back(connection, sorted(missed))


def take(house: House, connection_name: str | None = None) -> list[int]:
    """Begin a read for each flow that hints wait for, of one connection or of all; gives the batches. A flow that is being read takes
    its hints with the next read, so that nothing is missed that came during this one."""
    with read(house.engine) as connection:
        groups = hints.groups(connection, connection_name)
    made: list[int] = []
    for name, entity in groups:
        flows = [flow for flow in house.settings.flows.values() if (flow.source, flow.entity) == (name, entity)]
        with write(house.engine) as connection:
            for flow in flows:
                lock_cursor(connection, flow.name)
            if any(batches.still_reading(connection, flow.name, batches.FROM_CURSOR) for flow in flows):
                continue
            theirs = hints.waiting(connection, name, entity)
            for flow in flows:
                made += _begin(connection, flow, theirs)
            hints.take(connection, [hint.id for hint in theirs])
    return made


def _begin(connection: Connection, flow: Flow, theirs: Sequence[Hint]) -> list[int]:
    position: datetime | None = connection.execute(
        select(tables.cursor.c.position).where(tables.cursor.c.flow == flow.name)
    ).scalar_one_or_none()
    if position is None:  # the flow's first read brings it all
        return []
    known = hints.seen(connection, flow.name, theirs)
    news = [hint for hint in theirs if hint.id not in known]
    late = sorted({hint.key for hint in news if hint.key is not None and hint.changed_at is not None and hint.changed_at < position})
    made = []
    if any(hint.key not in late for hint in news):
        made.append(batches.start_run(connection, flow.name, WEBHOOK, "live", page_since(position), since=position)[1])
    for start in range(0, len(late), MOST_KEYS):
        page = {**page_since(None), KEYS: late[start : start + MOST_KEYS]}
        made.append(batches.start_run(connection, flow.name, WEBHOOK, "live", page)[1])
    return made
