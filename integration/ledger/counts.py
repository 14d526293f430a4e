"""What waits, what is late and what needs a person, counted for metrics and `status`.

Each count reads what is open, through a partial index, and never the records that are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from integration import clock
from integration.ledger import tables
from integration.ledger.batches import Stage
from integration.ledger.database import read


@dataclass(frozen=True, slots=True)
class Counts:
    """`dead_letters` by flow and cause; `holds` (records that wait for their time) by flow; `batches_due` by stage.

    By flow in seconds: `lag`, the age of the oldest record that is not through, and `cursor_age`, how long ago the last look for
    something new began. A flow without any is left out.
    """

    dead_letters: Mapping[tuple[str, str], int]
    holds: Mapping[str, int]
    lag: Mapping[str, float]
    cursor_age: Mapping[str, float]
    batches_due: Mapping[Stage, int]


def count(engine: Engine) -> Counts:
    moment = clock.now()
    with read(engine) as connection:
        return Counts(
            _dead_letters(connection),
            _holds(connection, moment),
            _lag(connection, moment),
            _cursor_age(connection, moment),
            _batches_due(connection, moment),
        )


def _dead_letters(connection: Connection) -> dict[tuple[str, str], int]:
    d = tables.dead_letter.c
    rows = connection.execute(select(d.flow, d.cause, func.count()).where(d.state == "open").group_by(d.flow, d.cause))
    return {(flow, cause): number for flow, cause, number in rows}


def _holds(connection: Connection, moment: datetime) -> dict[str, int]:
    r = tables.record.c
    waiting = select(r.flow, func.count()).where(r.finished_at.is_(None), r.due_at > moment).group_by(r.flow)
    return dict(connection.execute(waiting).all())


def _lag(connection: Connection, moment: datetime) -> dict[str, float]:
    r = tables.record.c
    oldest = select(r.flow, func.min(r.extracted_at)).where(r.finished_at.is_(None)).group_by(r.flow)
    return {flow: (moment - since).total_seconds() for flow, since in connection.execute(oldest) if since is not None}


def _cursor_age(connection: Connection, moment: datetime) -> dict[str, float]:
    c = tables.cursor.c
    return {flow: (moment - at).total_seconds() for flow, at in connection.execute(select(c.flow, c.updated_at))}


def _batches_due(connection: Connection, moment: datetime) -> dict[Stage, int]:
    b = tables.batch.c
    due = select(b.stage, func.count()).where(b.state == "open", b.due_at <= moment).group_by(b.stage)
    return dict(connection.execute(due).all())
