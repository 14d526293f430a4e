"""Runs and batches: what is due at which stage, who works on it, and what is rung next.

A batch row is also the doorbell's memory: whatever Redis forgets, `due` finds again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import lease, tables
from integration.ledger.database import outlasting_a_restart, read, write
from integration.ledger.records import ENDS, HELD

Stage = Literal["extract", "transform", "validate", "load"]
STAGES: tuple[Stage, ...] = ("extract", "transform", "validate", "load")
Lane = Literal["live", "retries", "backfill", "reconcile"]
LANES: tuple[Lane, ...] = ("live", "retries", "backfill", "reconcile")

WEBHOOK = "webhook"
"""The kind of a run that a webhook has asked for."""

GIVING_WAY: tuple[Lane, ...] = ("backfill", "reconcile")
"""Lanes that work on one batch at a time at the stages that one worker serves, so that its other processes are free for live work."""

TOGETHER: tuple[tuple[Stage, ...], ...] = (("extract", "transform", "validate"), ("load",))

TURN_NOTE = "waits for its turn behind a batch of a backfill or a reconciliation"
TURN_LOCK = 7_215_309
"""Any number that nobody else locks in this database."""

TURN_SECONDS = 1.0
"""How soon a batch of these lanes asks again whether it is its turn."""

TICKS = ("first read", "tick", "look back")
POLLS = (*TICKS, WEBHOOK)
"""Kinds of runs that read what is new: by the clock, and all."""

FROM_CURSOR = ("first read", "tick", WEBHOOK)
"""Those that end soon; a look back reads for longer what was there before."""

REPLAY = "replay"
"""The kind of a run by which a person sends records once more, and the member of its batches' pages that says so."""

RELEASE = "release"
"""The same of a run that takes records off hold."""

LEASE_SECONDS = 30.0
"""Who works on a batch renews its lease every few seconds, see `Heartbeat`. A worker that dies is noticed at once on its own host and
after this elsewhere; one that stands still, after this."""

STAGE_SECONDS = 120.0
"""No stage takes longer: it hands its batch back before, or its process is ended. What it holds besides the batch it holds for so long."""

RING_AGAIN_SECONDS = 10.0
"""A doorbell that was not answered for so long is taken for lost; a second one does no harm."""

RING_AFTER_DEATH_SECONDS = 1.0
"""The same for a batch whose worker is known to be gone."""

AHEAD_SECONDS = 5.0
"""By how much the clocks of hosts may differ; what was written later than that from now was written by a clock that was ahead."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that this process has claimed. `attempts` counts the claims of its present stage, `losses` the workers that died at it."""

    id: int
    run_id: int
    flow: str
    lane: Lane
    stage: Stage
    page: dict[str, Any]
    size: int
    attempts: int
    losses: int
    owner: str

    @property
    def careful(self) -> bool:
        """Once a batch has lost a worker its records are handled a few at a time, so that the one that kills is told from the others."""
        return self.losses > 0


class LostLease(Exception):
    """Another worker has taken the batch over; what was done is rolled back, it will be done there."""


def start_run(
    connection: Connection,
    flow: str,
    kind: str,
    lane: Lane,
    page: dict[str, Any],
    *,
    stage: Stage = "extract",
    since: datetime | None = None,
    until: datetime | None = None,
    size: int = 0,
    note: str | None = None,
    rung: bool = True,
) -> tuple[int, int]:
    """A run with its first batch; gives the ids of both. Where the caller rings no bell (`rung` False) the sweeper does at once."""
    moment = clock.now()
    run = insert(tables.run).values(
        flow=flow, kind=kind, lane=lane, state="open", since=since, until=until, place=since, started_at=moment, note=note
    )
    run_id = connection.execute(run.returning(tables.run.c.id)).scalar_one()
    return run_id, add_batch(connection, run_id, flow, lane, stage, page, size=size, rung=rung)


def add_batch(
    connection: Connection, run_id: int, flow: str, lane: Lane, stage: Stage, page: dict[str, Any], *, size: int = 0, rung: bool = True
) -> int:
    moment = clock.now()
    row = insert(tables.batch).values(
        run_id=run_id,
        flow=flow,
        lane=lane,
        stage=stage,
        state="open",
        page=page,
        size=size,
        due_at=moment,
        put_at=moment,
        rung_at=moment if rung else None,
        created_at=moment,
    )
    return int(connection.execute(row.returning(tables.batch.c.id)).scalar_one())


def claim(engine: Engine, batch_id: int, stage: Stage) -> Batch | None:
    """Take a batch for its stage; None where it is done, elsewhere, not due or in another's hands."""
    b = tables.batch.c
    owner = lease.new_owner()
    moment = clock.now()
    with write(engine) as connection:
        row = connection.execute(select(tables.batch).where(b.id == batch_id).with_for_update()).one_or_none()
        if row is None or row.state != "open" or row.stage != stage or row.due_at > moment:
            return None
        if row.owner is not None and row.lease_until > moment and not lease.is_dead(row.owner):
            return None
        if row.lane in GIVING_WAY and _another_has_the_turn(connection, row, moment):
            later = moment + timedelta(seconds=TURN_SECONDS)
            connection.execute(
                update(tables.batch).where(b.id == batch_id).values(due_at=later, put_at=moment, rung_at=None, note=TURN_NOTE)
            )
            return None
        losses = row.losses + (row.owner is not None and not lease.lives(row.owner))
        connection.execute(
            update(tables.batch)
            .where(b.id == batch_id)
            .values(owner=owner, lease_until=lease.until(moment, LEASE_SECONDS), attempts=b.attempts + 1, losses=losses)
        )
    return Batch(row.id, row.run_id, row.flow, row.lane, row.stage, row.page, row.size, row.attempts + 1, losses, owner)


def _another_has_the_turn(connection: Connection, row: Any, moment: datetime) -> bool:
    """Whether another batch of a lane that gives way is being worked on, at a stage of the same worker."""
    b = tables.batch.c
    stages = next(together for together in TOGETHER if row.stage in together)
    if connection.dialect.name == "postgresql":  # or two at the same moment would not see each other
        connection.execute(select(func.pg_advisory_xact_lock(TURN_LOCK, TOGETHER.index(stages))))
    owners = connection.execute(
        select(b.owner).where(
            b.state == "open", b.stage.in_(stages), b.lane.in_(GIVING_WAY), b.id != row.id, b.owner.is_not(None), b.lease_until > moment
        )
    ).scalars()
    return any(not lease.is_dead(owner) for owner in owners)


def renew(engine: Engine, held: Collection[Batch]) -> None:
    """Hold these for another lease, as far as nobody else has taken them over."""
    b = tables.batch.c
    for batch in held:
        with write(engine) as connection:
            until = lease.until(clock.now(), LEASE_SECONDS)
            connection.execute(update(tables.batch).where(b.id == batch.id, b.owner == batch.owner).values(lease_until=until))


def hold(connection: Connection, batch: Batch) -> None:
    """Hold a batch for another lease; LostLease where another has it."""
    _mine(connection, batch, lease_until=lease.until(clock.now(), LEASE_SECONDS))


def finish(connection: Connection, batch: Batch, following: Stage | None, *, size: int | None = None, note: str | None = None) -> None:
    """In the stage's own transaction: hand the batch to the `following` stage, due now, or close it."""
    moment = clock.now()
    values: dict[str, Any] = {"owner": None, "lease_until": None, "attempts": 0, "losses": 0, "note": note}
    if size is not None:
        values["size"] = size
    if following is None:
        values |= {"state": "done", "finished_at": moment}
    else:
        values |= {"stage": following, "due_at": moment, "put_at": moment, "rung_at": moment}
    _mine(connection, batch, **values)
    _count(connection, batch, size if size is not None else batch.size if following is None and note is None else 0)
    if following is None:
        close_run_if_done(connection, batch.run_id)


def _count(connection: Connection, batch: Batch, records: int) -> None:
    """How many records have passed the stage, for metrics; in the same transaction, so that none is counted twice."""
    if records:
        s = tables.stage_count.c
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        row = dialect.insert(tables.stage_count).values(flow=batch.flow, stage=batch.stage, lane=batch.lane, records=records)
        more = {"records": s.records + row.excluded.records}
        connection.execute(row.on_conflict_do_update(index_elements=["flow", "stage", "lane"], set_=more))


@outlasting_a_restart
def postpone(engine: Engine, batch: Batch, seconds: float, note: str, *, spend: bool) -> None:
    """Give a batch back until later. `spend` keeps the attempt counted; a wait that is nobody's fault does not."""
    moment = clock.now()
    with write(engine) as connection:
        _mine(
            connection,
            batch,
            owner=None,
            lease_until=None,
            due_at=moment + timedelta(seconds=seconds),
            put_at=moment,
            rung_at=None,
            note=note,
            attempts=batch.attempts if spend else batch.attempts - 1,
        )


def _mine(connection: Connection, batch: Batch, **values: Any) -> None:
    b = tables.batch.c
    if connection.execute(update(tables.batch).where(b.id == batch.id, b.owner == batch.owner).values(**values)).rowcount != 1:
        raise LostLease


def close_run_if_done(connection: Connection, run_id: int) -> None:
    """A run ends with its last batch; one that could not read up to its end is stopped, so that it can be taken up again."""
    b = tables.batch.c
    # Two batches that end at the same moment look one after the other, or each would still see the other at work.
    connection.execute(select(tables.run.c.id).where(tables.run.c.id == run_id).with_for_update()).all()
    still_open = exists().where(b.run_id == run_id, b.state == "open")
    connection.execute(
        update(tables.run)
        .where(tables.run.c.id == run_id, tables.run.c.state == "open", ~still_open)
        .values(state=case((tables.run.c.place < tables.run.c.until, "stopped"), else_="done"), finished_at=clock.now())
    )


def in_flight(connection: Connection, flow: str, lane: Lane) -> tuple[int, int]:
    """Batches of a flow between extract and their end: those with something to do, and all. Where what is left of a batch waits, each
    record for a time of its own, it travels no more, and must not keep others from it."""
    b, r = tables.batch.c, tables.record.c
    to_do = exists().where(r.batch_id == b.id, r.state.not_in((*ENDS, HELD)), r.due_at.is_(None))
    count = select(func.count(case((to_do, 1))), func.count()).where(
        b.state == "open", b.flow == flow, b.lane == lane, b.stage != "extract"
    )
    moving, every = connection.execute(count).one()
    return moving, every


def still_reading(connection: Connection, flow: str, kinds: Collection[str] = POLLS) -> bool:
    """Whether an earlier run of the flow, of these kinds, has pages left to read; another would only read them twice."""
    b, r = tables.batch.c, tables.run.c
    reading = select(b.id).join(tables.run, b.run_id == r.id)
    return (
        connection.execute(reading.where(b.state == "open", b.flow == flow, b.stage == "extract", r.kind.in_(kinds)).limit(1)).first()
        is not None
    )


def first_read_under_way(connection: Connection, flow: str) -> bool:
    """Whether pages of what was never taken over are still being read: marking one as taken over would shift the pages behind it."""
    b, r = tables.batch.c, tables.run.c
    reading = (
        select(b.id)
        .join(tables.run, b.run_id == r.id)
        .where(b.state == "open", b.flow == flow, b.stage == "extract", r.kind == "first read")
    )
    return connection.execute(reading.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Due:
    """A doorbell to ring. `again`: it failed lately, so that live work goes first."""

    batch_id: int
    flow: str
    lane: Lane
    stage: Stage
    size: int
    again: bool


def due(engine: Engine, limit: int = 500) -> list[Due]:
    """Batches that are due but whose bell was lost, or whose worker is gone; marks them as rung."""
    b = tables.batch.c
    moment = clock.now()
    with write(engine) as connection:
        _mend_times(connection, moment)
        owners = connection.execute(
            select(b.owner).where(b.state == "open", b.owner.is_not(None), b.lease_until >= moment).distinct()
        ).scalars()
        dead = [owner for owner in owners if lease.is_dead(owner)]
        silent = or_(
            b.rung_at.is_(None),
            b.rung_at < moment - timedelta(seconds=RING_AGAIN_SECONDS),
            and_(b.owner.is_not(None), b.rung_at < moment - timedelta(seconds=RING_AFTER_DEATH_SECONDS)),
        )
        free = lease.free(b.owner, b.lease_until, moment, dead)
        found = connection.execute(
            select(b.id, b.flow, b.lane, b.stage, b.size, b.attempts, b.owner, b.lease_until, b.rung_at, b.due_at)
            .where(b.state == "open", b.due_at <= moment, free, silent)
            .order_by(b.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        lost = moment - timedelta(seconds=RING_AGAIN_SECONDS)
        rows = [row for row in found if row.rung_at is None or row.rung_at < lost or not _rung_since_death(row)]
        if rows:
            connection.execute(update(tables.batch).where(b.id.in_([row.id for row in rows])).values(rung_at=moment))
    # What fails lets live work go first, but where that does not end it takes its turn: nothing waits for ever.
    return [Due(row.id, row.flow, row.lane, row.stage, row.size, row.attempts > 0 and row.due_at > lost) for row in rows]


def _mend_times(connection: Connection, moment: datetime) -> None:
    """A clock that was ahead and is right again has put off all work by as much: what it has put off is due, and what it rang for may
    be rung for again."""
    b = tables.batch.c
    ahead = moment + timedelta(seconds=AHEAD_SECONDS)
    due_now = {"due_at": moment, "put_at": moment, "rung_at": None}
    connection.execute(update(tables.batch).where(b.state == "open", b.put_at > ahead).values(due_now))
    connection.execute(update(tables.batch).where(b.state == "open", b.rung_at > ahead).values(rung_at=None))
    lease_now, longest = lease.until(moment, LEASE_SECONDS), lease.until(ahead, LEASE_SECONDS)
    connection.execute(update(tables.batch).where(b.state == "open", b.lease_until > longest).values(lease_until=lease_now))


def _rung_since_death(row: Any) -> bool:
    """Whether the bell of a batch whose worker is gone has been rung since that worker took it."""
    return bool(row.rung_at >= row.lease_until - timedelta(seconds=LEASE_SECONDS))


def bells(engine: Engine, ids: Collection[int]) -> list[Due]:
    """The doorbells of these batches at the stage that they are at now."""
    b = tables.batch.c
    with read(engine) as connection:
        rows = connection.execute(
            select(b.id, b.flow, b.lane, b.stage, b.size, b.attempts).where(b.id.in_(ids), b.state == "open").order_by(b.id)
        ).all()
    return [Due(row.id, row.flow, row.lane, row.stage, row.size, row.attempts > 0) for row in rows]


def forget_empty_runs(engine: Engine, older_than: timedelta) -> int:
    """Ticks that found nothing, and releases whose records have gone on in another run, leave no trace after a while; everything with a
    record stays."""
    r, b = tables.run.c, tables.batch.c
    before = clock.now() - older_than
    with write(engine) as connection:
        with_record = select(b.run_id).join(tables.record, tables.record.c.batch_id == b.id).where(b.run_id == r.id)
        empty = (
            connection.execute(
                select(r.id)
                .where(r.state == "done", r.kind.in_((*POLLS, RELEASE)), r.finished_at < before, ~with_record.exists())
                .order_by(r.id)
                .limit(1000)
            )
            .scalars()
            .all()
        )
        if empty:
            connection.execute(delete(tables.batch).where(b.run_id.in_(empty)))
            connection.execute(delete(tables.run).where(r.id.in_(empty)))
    return len(empty)


def open_batches(engine: Engine) -> int:
    with read(engine) as connection:
        return connection.execute(select(func.count()).where(tables.batch.c.state == "open")).scalar_one()
