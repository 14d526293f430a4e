"""What waits, what is late and what needs a person, counted for metrics and `status`.

Each count reads what is open, through a partial index, and never the records that are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select

from integration import clock
from integration.ledger import hints, tables
from integration.ledger.batches import Stage
from integration.ledger.database import read
from integration.ledger.overview import STAGE_OF
from integration.ledger.records import HELD


@dataclass(frozen=True, slots=True)
class Counts:
    """`dead_letters` by flow and cause; `holds` by flow and kind; `waiting` (records that wait for their time) by flow; `batches_due` by
    stage; `passed` (records so far) by flow, stage and lane; `alerts` that are open by kind; `stock_due` (SKUs to be published) by flow.

    In seconds, without what is on hold: `lag`, the age of the oldest record that is not through, by flow, and `stage_lag` by flow and
    the stage it is in front of; `cursor_age` by flow, how long ago the last look for something new began; `webhook_age` by connection,
    the age of the oldest webhook that nobody took. What has none is left out.
    """

    dead_letters: Mapping[tuple[str, str], int]
    holds: Mapping[tuple[str, str], int]
    waiting: Mapping[str, int]
    lag: Mapping[str, float]
    stage_lag: Mapping[tuple[str, str], float]
    cursor_age: Mapping[str, float]
    webhook_age: Mapping[str, float]
    batches_due: Mapping[Stage, int]
    passed: Mapping[tuple[str, str, str], int]
    alerts: Mapping[str, int]
    stock_due: Mapping[str, int]


def count(engine: Engine) -> Counts:
    moment = clock.now()
    with read(engine) as connection:
        stage_lag = _stage_lag(connection, moment)
        return Counts(
            dead_letters=_dead_letters(connection),
            holds=_holds(connection),
            waiting=_waiting(connection, moment),
            lag={flow: max(age for (name, _), age in stage_lag.items() if name == flow) for flow, _ in stage_lag},
            stage_lag=stage_lag,
            cursor_age=_cursor_age(connection, moment),
            webhook_age=_webhook_age(connection, moment),
            batches_due=_batches_due(connection, moment),
            passed=_passed(connection),
            alerts=_alerts(connection),
            stock_due=_stock_due(connection, moment),
        )


def _dead_letters(connection: Connection) -> dict[tuple[str, str], int]:
    d = tables.dead_letter.c
    rows = connection.execute(select(d.flow, d.cause, func.count()).where(d.state == "open").group_by(d.flow, d.cause))
    return {(flow, cause): number for flow, cause, number in rows}


def _holds(connection: Connection) -> dict[tuple[str, str], int]:
    h = tables.hold.c
    rows = connection.execute(select(h.flow, h.kind, func.count()).where(h.state == "open").group_by(h.flow, h.kind))
    return {(flow, kind): number for flow, kind, number in rows}


def _waiting(connection: Connection, moment: datetime) -> dict[str, int]:
    r = tables.record.c
    waiting = select(r.flow, func.count()).where(r.finished_at.is_(None), r.due_at > moment).group_by(r.flow)
    return dict(connection.execute(waiting).all())


def _stage_lag(connection: Connection, moment: datetime) -> dict[tuple[str, str], float]:
    r = tables.record.c
    oldest = select(r.flow, r.state, func.min(r.extracted_at)).where(r.finished_at.is_(None), r.state != HELD).group_by(r.flow, r.state)
    return {(flow, STAGE_OF[state]): (moment - since).total_seconds() for flow, state, since in connection.execute(oldest)}


def _cursor_age(connection: Connection, moment: datetime) -> dict[str, float]:
    c = tables.cursor.c
    return {flow: (moment - at).total_seconds() for flow, at in connection.execute(select(c.flow, c.updated_at))}


def _webhook_age(connection: Connection, moment: datetime) -> dict[str, float]:
    oldest: dict[str, float] = {}
    for (name, _), at in hints.oldest_waiting(connection).items():
        oldest[name] = max(oldest.get(name, 0.0), (moment - at).total_seconds())
    return oldest


def _batches_due(connection: Connection, moment: datetime) -> dict[Stage, int]:
    b = tables.batch.c
    due = select(b.stage, func.count()).where(b.state == "open", b.due_at <= moment).group_by(b.stage)
    return dict(connection.execute(due).all())


def _passed(connection: Connection) -> dict[tuple[str, str, str], int]:
    rows = connection.execute(select(tables.stage_count))
    return {(row.flow, row.stage, row.lane): row.records for row in rows}


def _alerts(connection: Connection) -> dict[str, int]:
    a = tables.alert.c
    rows = select(a.kind, func.count()).where(a.state == "open", a.cleared_at.is_(None)).group_by(a.kind)
    return dict(connection.execute(rows).all())


def _stock_due(connection: Connection, moment: datetime) -> dict[str, int]:
    s = tables.stock.c
    return dict(connection.execute(select(s.flow, func.count()).where(s.due_at <= moment).group_by(s.flow)).all())
