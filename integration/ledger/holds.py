"""Holds: records that wait on the side for something that is missing, each with a reason, what releases it, and a deadline.

A source record has one open hold at most, that of its newest version; it keeps its place in the queue when a newer version takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

from integration import clock
from integration.errors import FieldError, Held, Misconfigured
from integration.ledger import batches, records, tables
from integration.ledger.records import AFRESH, HELD, SKIPPED, SUPERSEDED, Aside, Record
from integration.settings.model import HoldTimes

OPEN, RELEASED, WAIVED, CANCELLED, EXPIRED = "open", "released", "waived", "cancelled", "expired"

RELEASE = "release"
"""The kind of a run that takes records off hold, and the member of its batches' pages that says so."""

BATCH = 100
FIRST_CHECK, LAST_CHECK = 2.0, 60.0
"""Seconds between two looks for what a hold waits for: soon at first, then a tenth of the time that it has waited."""


@dataclass(frozen=True, slots=True)
class Hold:
    """`awaits` is what must come; `since` is when the first version of the record began to wait."""

    id: int
    flow: str
    record_id: int
    source_key: str
    kind: str
    awaits: str
    reason: str
    fields: Sequence[Mapping[str, str]]
    state: str
    since: datetime
    deadline: datetime
    check_at: datetime
    closed_note: str | None


_COLUMNS = [tables.hold.c[name] for name in Hold.__dataclass_fields__]


def put(connection: Connection, times: HoldTimes, asides: Sequence[Aside]) -> None:
    """Put records on hold whose error is Held, or tell what else they wait for now."""
    moment = clock.now()
    for aside in asides:
        record, error = aside.record, aside.error
        assert isinstance(error, Held)
        standing = _standing(connection, record)
        if standing is not None and standing.version > record.version:
            _end(connection, record.id, "a newer version of it is on hold")
            continue
        since, deadline = moment, moment + timedelta(seconds=getattr(times, error.hold))
        if standing is not None:
            since = standing.since
            deadline = standing.deadline if standing.kind == error.hold else deadline
            if standing.record_id != record.id:
                _end(connection, standing.record_id, "a newer version of it is here")
                _close(connection, [standing.id], RELEASED, "a newer version of it is here")
        told = {
            "kind": error.hold,
            "awaits": error.awaits[:200],
            "reason": records.reason(error),
            "fields": [{"field": fault.field, "message": fault.message} for fault in error.fields],
            "since": since,
            "deadline": deadline,
            "check_at": next_check(since, moment),
        }
        h = tables.hold
        if standing is not None and standing.record_id == record.id:
            connection.execute(update(h).where(h.c.id == standing.id).values(**told))
        else:
            row = {"flow": record.flow, "record_id": record.id, "source_key": record.source_key, "state": OPEN, "created_at": moment}
            connection.execute(insert(h).values(**row, **told))
        records.change(connection, [{"id": record.id, "state": HELD, "due_at": None, "reason": told["reason"]}])


def passed(connection: Connection, through: Sequence[Record], note: str = "what it waited for has come") -> None:
    """These records wait no longer; what waited of older versions of them is over."""
    if not through:
        return
    h, r = tables.hold.c, tables.record.c
    newest = {record.source_key: record for record in sorted(through, key=lambda record: record.version)}
    rows = connection.execute(
        select(h.id, h.record_id, h.source_key, r.version)
        .join_from(tables.hold, tables.record, r.id == h.record_id)
        .where(h.state == OPEN, h.flow == through[0].flow, h.source_key.in_(sorted(newest)))
    ).all()
    for row in rows:
        ours = newest[row.source_key]
        if row.record_id == ours.id:
            _close(connection, [row.id], RELEASED, note)
        elif row.version < ours.version:
            _end(connection, row.record_id, "a newer version of it is here")
            _close(connection, [row.id], RELEASED, "a newer version of it is here")


def due(connection: Connection, moment: datetime, most: int = 2000) -> list[Hold]:
    """Open holds that are to be looked at, in order of arrival."""
    h, r = tables.hold.c, tables.record.c
    wanted = (
        select(*_COLUMNS)
        .join_from(tables.hold, tables.record, r.id == h.record_id)
        .where(h.state == OPEN, h.check_at <= moment, r.state == HELD)
        .order_by(h.since, h.id)
        .limit(most)
    )
    return [Hold(*row) for row in connection.execute(wanted)]


def next_check(since: datetime, moment: datetime) -> datetime:
    waited = (moment - since).total_seconds()
    return moment + timedelta(seconds=min(LAST_CHECK, max(FIRST_CHECK, waited / 10)))


def look_again(connection: Connection, wanted: Sequence[Hold], moment: datetime) -> None:
    rows = [{"hold_id": hold.id, "check_at": next_check(hold.since, moment)} for hold in wanted]
    if rows:
        connection.execute(update(tables.hold).where(tables.hold.c.id == bindparam("hold_id")), rows)


def send_on(
    connection: Connection, wanted: Sequence[Hold], *, waive: bool = False, change: Callable[[Hold, bytes], bytes] | None = None
) -> list[int]:
    """Send held records through the line once more, in order of arrival; their holds end when they pass. Gives the batches.

    `waive`: a person has decided that they go on without what they wait for. `change` makes the edited payload of a sealed one.
    """
    h, r = tables.hold.c, tables.record.c
    ids = [hold.record_id for hold in wanted]
    held = set(connection.execute(select(r.id).where(r.id.in_(ids), r.state == HELD).with_for_update()).scalars())
    made: list[int] = []
    page = {RELEASE: True}
    flows: dict[str, list[Hold]] = {}
    for hold in sorted(wanted, key=lambda hold: (hold.since, hold.id)):
        if hold.record_id in held:
            flows.setdefault(hold.flow, []).append(hold)
    for flow, theirs in flows.items():
        for start in range(0, len(theirs), BATCH):
            some = theirs[start : start + BATCH]
            if start == 0:
                _, batch_id = batches.start_run(connection, flow, RELEASE, "live", page, stage="transform", size=len(some))
            else:
                run_id = connection.execute(select(tables.batch.c.run_id).where(tables.batch.c.id == made[-1])).scalar_one()
                batch_id = batches.add_batch(connection, run_id, flow, "live", "transform", page, size=len(some))
            made.append(batch_id)
            records.change(connection, [{"id": hold.record_id, "batch_id": batch_id, **AFRESH} for hold in some])
            if change is not None:
                raws = {record.id: record.raw for record in records.by_ids(connection, [hold.record_id for hold in some])}
                edited = [{"id": hold.record_id, "raw": change(hold, raws[hold.record_id] or b""), "edited": True} for hold in some]
                records.change(connection, edited)
    if waive:
        moment = clock.now()
        connection.execute(
            update(tables.hold)
            .where(h.id.in_([hold.id for hold in wanted]), h.state == OPEN)
            .values(state=WAIVED, closed_at=moment, closed_note="released by a person")
        )
    return made


def expire(connection: Connection, wanted: Sequence[Hold]) -> None:
    """Nobody waits any longer: each becomes a dead letter that says what it waited for."""
    found = {record.id: record for record in records.by_ids(connection, [hold.record_id for hold in wanted]) if record.state == HELD}
    for hold in wanted:
        record = found.get(hold.record_id)
        if record is not None:
            fields = tuple(FieldError(one["field"], one["message"]) for one in hold.fields)
            waited = f"waited in vain since {clock.text(hold.since)}: {hold.reason}"
            records.set_aside(connection, "validate", [Aside(record, Held(waited, hold.kind, hold.awaits, fields))])
        _close(connection, [hold.id], EXPIRED, "its deadline has passed")


def waived(connection: Connection, record_ids: Collection[int]) -> set[tuple[int, str]]:
    """(record, kind) of what a person has let go on."""
    h = tables.hold.c
    rows = connection.execute(select(h.record_id, h.kind).where(h.record_id.in_(sorted(record_ids)), h.state == WAIVED))
    return {(row.record_id, row.kind) for row in rows}


def cancel(connection: Connection, wanted: Sequence[Hold], note: str) -> int:
    """End held records without delivering them; gives how many."""
    h, r = tables.hold.c, tables.record.c
    ids = [hold.record_id for hold in wanted]
    moment = clock.now()
    ended = connection.execute(
        update(tables.record).where(r.id.in_(ids), r.state == HELD).values(state=SKIPPED, finished_at=moment, reason=note)
    ).rowcount
    connection.execute(
        update(tables.hold)
        .where(h.id.in_([hold.id for hold in wanted]), h.state == OPEN)
        .values(state=CANCELLED, closed_at=moment, closed_note=note)
    )
    return ended


def listed(connection: Connection, *, flow: str | None = None, kind: str | None = None) -> list[Hold]:
    """Open holds in order of arrival."""
    h = tables.hold.c
    conditions: list[ColumnElement[bool]] = [h.state == OPEN]
    conditions += [h.flow == flow] if flow else []
    conditions += [h.kind == kind] if kind else []
    return [Hold(*row) for row in connection.execute(select(*_COLUMNS).where(*conditions).order_by(h.since, h.id))]


def get(connection: Connection, wanted: Collection[int]) -> list[Hold]:
    """Open holds by id. Raises Misconfigured for an id that no open hold has."""
    found = [hold for hold in listed(connection) if hold.id in set(wanted)]
    missing = sorted(set(wanted) - {hold.id for hold in found})
    if missing:
        names = ", ".join(map(str, missing))
        raise Misconfigured(f"there is no open hold {names}; `integration holds list --each` shows what there is")
    return found


def counted(connection: Connection) -> dict[tuple[str, str], int]:
    """Open holds by flow and kind."""
    h = tables.hold.c
    rows = connection.execute(select(h.flow, h.kind, func.count()).where(h.state == OPEN).group_by(h.flow, h.kind))
    return {(flow, kind): number for flow, kind, number in rows}


def _standing(connection: Connection, record: Record) -> Any:
    h, r = tables.hold.c, tables.record.c
    return connection.execute(
        select(h.id, h.record_id, h.kind, h.since, h.deadline, r.version)
        .join_from(tables.hold, tables.record, r.id == h.record_id)
        .where(h.state == OPEN, h.flow == record.flow, h.source_key == record.source_key)
    ).one_or_none()


def _end(connection: Connection, record_id: int, why: str) -> None:
    records.change(connection, [{"id": record_id, "state": SUPERSEDED, "finished_at": clock.now(), "due_at": None, "reason": why}])


def _close(connection: Connection, ids: Iterable[int], state: str, note: str) -> None:
    h = tables.hold.c
    connection.execute(update(tables.hold).where(h.id.in_(list(ids))).values(state=state, closed_at=clock.now(), closed_note=note))
