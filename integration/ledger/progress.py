"""How far a backfill is, counted cheaply: batches that are closed are counted once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from integration import clock
from integration.ledger import lease, tables
from integration.ledger.database import read
from integration.ledger.records import BOOKED, DEAD, DONE, ENDS, HELD, SKIPPED, SUPERSEDED, UNCHANGED

OUTCOMES = ("created", "found", "updated", "unchanged", "skipped", "held", "dead")
"""What becomes of a record: made in the target, found there, changed there, left alone, not wanted there, on hold until something comes,
put aside for a person."""

DUE_AFTER = timedelta(seconds=5)
"""A batch that has been due so long should have been taken."""

TICK_AFTER = timedelta(seconds=15)
"""A flow that has looked so recently shows that workers are there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`read`: the part of the time from `since` to `until` that was read, 0 to 1. `done` counts records by OUTCOMES, `known` all of them.

    `waits`: why nothing moves at the moment, where all that is left waits. `abandoned`: nobody takes what is due.
    """

    state: str
    since: datetime
    until: datetime
    place: datetime
    known: int
    done: Counter[str]
    open_batches: int
    waits: str | None
    abandoned: bool

    @property
    def read(self) -> float:
        return (self.place - self.since) / (self.until - self.since)

    @property
    def finished(self) -> bool:
        """Nothing more will come of it by itself."""
        return self.state != "open" and not self.open_batches

    @property
    def part(self) -> float:
        """How much of the whole is done, 0 to 1, as far as can be known before all is read."""
        return self.read * (self.done.total() / self.known if self.known else 1.0)


@dataclass
class Watch:
    """Follows one run."""

    engine: Engine
    run_id: int
    _counted: set[int] = field(default_factory=set)
    _done: Counter[str] = field(default_factory=Counter)

    def look(self) -> Progress:
        b, r = tables.batch.c, tables.run.c
        moment = clock.now()
        with read(self.engine) as connection:
            run = connection.execute(select(tables.run).where(r.id == self.run_id)).one()
            rows = connection.execute(
                select(b.id, b.stage, b.state, b.due_at, b.owner, b.lease_until, b.note).where(b.run_id == self.run_id)
            ).all()
            under_way = [row for row in rows if row.state == "open"]
            closed = [row.id for row in rows if row.state != "open" and row.id not in self._counted]
            self._done += _outcomes(connection, closed)
            self._counted.update(closed)
            present = _outcomes(connection, [row.id for row in under_way])
            busy = any(row.owner is not None and row.lease_until > moment and not lease.is_dead(row.owner) for row in under_way)
            waiting = [row for row in under_way if row.due_at > moment]
            overdue = bool(under_way) and not busy and all(row.due_at < moment - DUE_AFTER for row in under_way)
            abandoned = overdue and not _anybody_at_work(connection, moment)
        all_wait = bool(waiting) and len(waiting) == len(under_way) and not busy
        left = present.pop("")
        done = self._done + present
        return Progress(
            state=run.state,
            since=run.since,
            until=run.until,
            place=run.place,
            known=done.total() + left,
            done=done,
            open_batches=len(under_way),
            # A page waits for room because of the batches before it; what they wait for says more.
            waits=min(waiting, key=lambda row: (row.stage == "extract", row.due_at)).note if all_wait else None,
            abandoned=abandoned,
        )


def _outcomes(connection: Connection, batch_ids: list[int]) -> Counter[str]:
    """Records of the batches by outcome; those on their way are under the empty word."""
    r, d = tables.record, tables.delivery
    counts: Counter[str] = Counter({"": 0})
    for start in range(0, len(batch_ids), 500):
        some = batch_ids[start : start + 500]
        rows = connection.execute(
            select(r.c.state, d.c.operation, func.count())
            .join_from(r, d, (d.c.record_id == r.c.id) & (d.c.outcome == "ok"), isouter=True)
            .where(r.c.batch_id.in_(some))
            .group_by(r.c.state, d.c.operation)
        )
        for state, operation, count in rows:
            counts[_outcome(state, operation)] += count
        of_pages = select(func.count()).where(
            tables.dead_letter.c.state == "open", tables.dead_letter.c.record_id.is_(None), tables.dead_letter.c.batch_id.in_(some)
        )
        counts["dead"] += connection.execute(of_pages).scalar_one()
    return counts


def _outcome(state: str, operation: str | None) -> str:
    if state == DEAD:
        return "dead"
    if state == HELD:
        return "held"
    if state in (SKIPPED, SUPERSEDED):
        return "skipped"
    if state == UNCHANGED or (state in (BOOKED, DONE) and operation is None):
        return "unchanged"
    return operation.rpartition(" ")[2] if state in ENDS and operation is not None else ""


def _anybody_at_work(connection: Connection, moment: datetime) -> bool:
    """Whether ticks come or any batch is in a worker's hands: then low priority is all that keeps a backfill waiting."""
    b = tables.batch.c
    owners = connection.execute(select(b.owner).where(b.state == "open", b.owner.is_not(None), b.lease_until > moment)).scalars()
    if any(not lease.is_dead(owner) for owner in owners):
        return True
    last_tick = connection.execute(select(func.max(tables.cursor.c.updated_at))).scalar_one()
    return last_tick is not None and last_tick > moment - TICK_AFTER
