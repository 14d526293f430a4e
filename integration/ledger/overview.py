"""What `status` shows beside the counts: where records are on the line, what was booked lately, which backfills are open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read
from integration.ledger.records import BOOKED, EXTRACTED, HELD, TRANSFORMED, VALIDATED

STAGE_OF = {EXTRACTED: "transform", TRANSFORMED: "validate", VALIDATED: "load", BOOKED: "acknowledge"}
"""What a record in this state is in front of."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill that is being read, or was stopped and can be taken up."""

    run_id: int
    flow: str
    state: str
    since: datetime
    until: datetime
    place: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """By flow: `in_flight` counts records by stage, `booked_hour` and `booked_day` those booked since, `overdue` is for how many
    seconds the oldest batch has been due that nobody took, `last_read` when the last look for something new began."""

    in_flight: Mapping[str, Mapping[str, int]]
    booked_hour: Mapping[str, int]
    booked_day: Mapping[str, int]
    overdue: Mapping[str, float]
    last_read: Mapping[str, datetime]
    backfills: tuple[Backfill, ...]


def overview(engine: Engine, flows: Collection[str]) -> Overview:
    moment = clock.now()
    with read(engine) as connection:
        return Overview(
            _in_flight(connection),
            _booked(connection, flows, moment - timedelta(hours=1)),
            _booked(connection, flows, moment - timedelta(days=1)),
            _overdue(connection, moment),
            dict(connection.execute(select(tables.cursor.c.flow, tables.cursor.c.updated_at)).all()),
            _backfills(connection),
        )


def _in_flight(connection: Connection) -> dict[str, dict[str, int]]:
    r = tables.record.c
    on_its_way = select(r.flow, r.state, func.count()).where(r.finished_at.is_(None), r.state != HELD).group_by(r.flow, r.state)
    flows: dict[str, dict[str, int]] = {}
    for flow, state, count in connection.execute(on_its_way):
        flows.setdefault(flow, {})[STAGE_OF[state]] = count
    return flows


def _booked(connection: Connection, flows: Iterable[str], since: datetime) -> dict[str, int]:
    # One flow at a time: asked for all at once, SQLite would go through every record to sort them by flow.
    r = tables.record.c
    booked = select(func.count()).where(r.booked_at > since)
    return {flow: connection.execute(booked.where(r.flow == flow)).scalar_one() for flow in flows}


def _overdue(connection: Connection, moment: datetime) -> dict[str, float]:
    b = tables.batch.c
    oldest = select(b.flow, func.min(b.due_at)).where(b.state == "open", b.owner.is_(None), b.lane != "backfill", b.due_at <= moment)
    return {flow: (moment - due).total_seconds() for flow, due in connection.execute(oldest.group_by(b.flow))}


def _backfills(connection: Connection) -> tuple[Backfill, ...]:
    r = tables.run.c
    columns = [r[name] if name != "run_id" else r.id for name in Backfill.__dataclass_fields__]
    unfinished = select(*columns).where(r.kind == "backfill", r.state.in_(("open", "stopped"))).order_by(r.id)
    return tuple(Backfill(*row) for row in connection.execute(unfinished))
