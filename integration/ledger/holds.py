"""Holds: records that wait on the side for something that is missing, each with a reason, what releases it, and a deadline.

A source record has one open hold at most, that of its newest version; it keeps its place in the queue when a newer version takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, bindparam, insert, select, update

from integration import clock
from integration.errors import FieldError, Held, Misconfigured
from integration.ledger import batches, records, tables
from integration.ledger.database import read, write
from integration.ledger.records import AFRESH, HELD, SKIPPED, SUPERSEDED, Aside, Record
from integration.settings.model import HoldTimes

OPEN, RELEASED, WAIVED, CANCELLED, EXPIRED = "open", "released", "waived", "cancelled", "expired"

NEWER = "a newer version of it is here"

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
        if _is_outdated(connection, record):
            _end(connection, record.id)
            if standing is not None and standing.record_id == record.id:
                _close(connection, [standing.id], RELEASED, NEWER)
            continue
        since, deadline = moment, moment + timedelta(seconds=getattr(times, error.hold))
        if standing is not None:
            since = standing.since
            deadline = standing.deadline if standing.kind == error.hold else deadline
            if standing.record_id != record.id:
                _end(connection, standing.record_id)
                _close(connection, [standing.id], RELEASED, NEWER)
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


def passed(connection: Connection, ended: Sequence[Record]) -> None:
    """These records wait no longer: they are through, or dead. What waited of older versions of them is over."""
    if not ended:
        return
    h, r = tables.hold.c, tables.record.c
    newest = {record.source_key: record for record in sorted(ended, key=lambda record: record.version)}
    rows = connection.execute(
        select(h.id, h.record_id, h.source_key, r.version)
        .join_from(tables.hold, tables.record, r.id == h.record_id)
        .where(h.state == OPEN, h.flow == ended[0].flow, h.source_key.in_(sorted(newest)))
    ).all()
    for row in rows:
        ours = newest[row.source_key]
        if row.record_id == ours.id:
            _close(connection, [row.id], RELEASED, "it waits no longer")
        elif row.version < ours.version:
            _end(connection, row.record_id)
            _close(connection, [row.id], RELEASED, NEWER)


def take_due(engine: Engine, moment: datetime, most: int = 2000) -> list[Hold]:
    """Open holds that are to be looked at, in order of arrival. The time of their next look is set at once, so that of several who
    come by one looks."""
    h, r = tables.hold.c, tables.record.c
    wanted = (
        select(*_COLUMNS)
        .join_from(tables.hold, tables.record, r.id == h.record_id)
        .where(h.state == OPEN, h.check_at <= moment, r.state == HELD)
        .order_by(h.since, h.id)
    )
    with read(engine) as connection:
        if connection.execute(wanted.limit(1)).first() is None:
            return []
    with write(engine) as connection:
        locked = wanted.limit(most).with_for_update(of=tables.hold, skip_locked=True)
        due = [Hold(*row) for row in connection.execute(locked)]
        rows = [{"hold_id": hold.id, "check_at": next_check(hold.since, moment)} for hold in due]
        if rows:
            connection.execute(update(tables.hold).where(h.id == bindparam("hold_id")), rows)
    return due


def next_check(since: datetime, moment: datetime) -> datetime:
    waited = (moment - since).total_seconds()
    return moment + timedelta(seconds=min(LAST_CHECK, max(FIRST_CHECK, waited / 10)))


def send_on(
    connection: Connection, wanted: Sequence[Hold], *, waive: bool = False, change: Callable[[Hold, bytes | None], bytes] | None = None
) -> list[int]:
    """Send held records through the line once more, in order of arrival; their holds end when they are through. Gives the batches.

    `waive`: a person has decided that they go on without what they wait for. `change` makes the edited payload of a sealed one.
    """
    made: list[int] = []
    still = _still_held(connection, wanted)
    groups: dict[tuple[str, bool], list[Hold]] = {}
    by_hand = _by_hand(connection, still)
    for hold in sorted(still, key=lambda hold: (hold.since, hold.id)):
        groups.setdefault((hold.flow, hold.id in by_hand), []).append(hold)
    for (flow, a_person_sent_it), theirs in groups.items():
        page = {batches.RELEASE: True} | ({batches.REPLAY: True} if a_person_sent_it else {})
        run_id: int | None = None
        for start in range(0, len(theirs), BATCH):
            some = theirs[start : start + BATCH]
            if run_id is None:
                run_id, batch_id = batches.start_run(
                    connection, flow, batches.RELEASE, "live", page, stage="transform", size=len(some), rung=False
                )
            else:
                batch_id = batches.add_batch(connection, run_id, flow, "live", "transform", page, size=len(some), rung=False)
            made.append(batch_id)
            records.change(connection, [{"id": hold.record_id, "batch_id": batch_id, **AFRESH} for hold in some])
            if change is not None:
                raws = {record.id: record.raw for record in records.by_ids(connection, [hold.record_id for hold in some])}
                edited = [{"id": hold.record_id, "raw": change(hold, raws[hold.record_id]), "edited": True} for hold in some]
                records.change(connection, edited)
    if waive:
        _close(connection, [hold.id for hold in still], WAIVED, "released by a person")
    return made


def expire(connection: Connection, wanted: Sequence[Hold]) -> None:
    """Nobody waits any longer: each becomes a dead letter that says what it waited for, and since when."""
    still = _still_held(connection, wanted)
    found = {record.id: record for record in records.by_ids(connection, [hold.record_id for hold in still])}
    for hold in still:
        waited = f"waited in vain since {clock.text(hold.since)}"
        faults = tuple(FieldError(one["field"], f"{one['message']}; {waited}") for one in hold.fields)
        error = Held(f"{hold.reason}; {waited}", hold.kind, hold.awaits, faults)
        records.set_aside(connection, "validate", [Aside(found[hold.record_id], error)])
    _close(connection, [hold.id for hold in still], EXPIRED, "its deadline has passed")


def waived(connection: Connection, record_ids: Collection[int]) -> set[tuple[int, str]]:
    """(record, kind) of what a person has let go on."""
    h = tables.hold.c
    rows = connection.execute(select(h.record_id, h.kind).where(h.record_id.in_(sorted(record_ids)), h.state == WAIVED))
    return {(row.record_id, row.kind) for row in rows}


def cancel(connection: Connection, wanted: Sequence[Hold], note: str) -> list[Hold]:
    """End held records without delivering them; gives those that were still held."""
    still = _still_held(connection, wanted)
    end = {"state": SKIPPED, "finished_at": clock.now(), "reason": note}
    records.change(connection, [{"id": hold.record_id, **end} for hold in still])
    _close(connection, [hold.id for hold in still], CANCELLED, note)
    return still


def listed(connection: Connection, *, flow: str | None = None, kind: str | None = None) -> list[Hold]:
    """What waits, in order of arrival."""
    h, r = tables.hold.c, tables.record.c
    conditions: list[ColumnElement[bool]] = [h.state == OPEN, r.state == HELD]
    conditions += [h.flow == flow] if flow else []
    conditions += [h.kind == kind] if kind else []
    wanted = select(*_COLUMNS).join_from(tables.hold, tables.record, r.id == h.record_id).where(*conditions).order_by(h.since, h.id)
    return [Hold(*row) for row in connection.execute(wanted)]


def get(connection: Connection, wanted: Collection[int]) -> list[Hold]:
    """Open holds by id. Raises Misconfigured for an id that no open hold has."""
    found = [hold for hold in listed(connection) if hold.id in set(wanted)]
    missing = sorted(set(wanted) - {hold.id for hold in found})
    if missing:
        names = ", ".join(map(str, missing))
        raise Misconfigured(f"there is no open hold {names}; `integration holds list --each` shows what there is")
    return found


def standing(connection: Connection, flow: str, keys: Collection[str] | None = None) -> list[Hold]:
    """Open holds of a flow in order of arrival, also of what has been sent on and is not through yet; of all source keys, or of these."""
    h = tables.hold.c
    conditions = [h.state == OPEN, h.flow == flow, *([h.source_key.in_(sorted(keys))] if keys is not None else [])]
    return [Hold(*row) for row in connection.execute(select(*_COLUMNS).where(*conditions).order_by(h.since, h.id))]


def _standing(connection: Connection, record: Record) -> Any:
    h = tables.hold.c
    return connection.execute(
        select(h.id, h.record_id, h.kind, h.since, h.deadline)
        .where(h.state == OPEN, h.flow == record.flow, h.source_key == record.source_key)
        .with_for_update()
    ).one_or_none()


def _is_outdated(connection: Connection, record: Record) -> bool:
    r = tables.record.c
    newer = select(r.id).where(r.flow == record.flow, r.source_key == record.source_key, r.version > record.version).limit(1)
    return connection.execute(newer).first() is not None


def _still_held(connection: Connection, wanted: Sequence[Hold]) -> list[Hold]:
    """Those whose records nobody else has taken off hold; they stay so until the transaction ends."""
    r = tables.record.c
    ids = sorted(hold.record_id for hold in wanted)
    held = set(connection.execute(select(r.id).where(r.id.in_(ids), r.state == HELD).order_by(r.id).with_for_update()).scalars())
    return [hold for hold in wanted if hold.record_id in held]


def _by_hand(connection: Connection, held: Sequence[Hold]) -> set[int]:
    """Those that a person has replayed or backfilled: the marks of others count no more after the hold than before it."""
    r, b = tables.record.c, tables.batch.c
    rows = connection.execute(
        select(r.id, b.lane, b.page).join(tables.batch, b.id == r.batch_id).where(r.id.in_([hold.record_id for hold in held]))
    )
    sent = {row.id for row in rows if row.lane == "backfill" or batches.REPLAY in row.page}
    return {hold.id for hold in held if hold.record_id in sent}


def _end(connection: Connection, record_id: int) -> None:
    records.change(connection, [{"id": record_id, "state": SUPERSEDED, "finished_at": clock.now(), "due_at": None, "reason": NEWER}])


def _close(connection: Connection, ids: Collection[int], state: str, note: str) -> None:
    if ids:
        h = tables.hold.c
        connection.execute(update(tables.hold).where(h.id.in_(ids)).values(state=state, closed_at=clock.now(), closed_note=note))
