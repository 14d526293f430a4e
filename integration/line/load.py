"""Load: every record of a batch to the target; each claimed, intended, sent, written. What an entity needs besides, its own loader does.

Intents are written before a handful of requests leaves, outcomes as they come back; whatever a killed worker leaves in between is
looked up by its successor.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS, SharedBudget, Work, work
from integration.delivery import Failed, Outcome, Parcel, Skipped, deliver, differences, moved_members
from integration.errors import Limited, SyncError, Transient, Unauthorized, Unreachable
from integration.ledger import batches, crosswalk, lease, parts, records
from integration.ledger.batches import Batch, Stage
from integration.ledger.crosswalk import Crossing
from integration.ledger.database import outlasting_a_restart, read, write
from integration.ledger.records import VALIDATED, Record
from integration.ledger.vault import fingerprint
from integration.line.journey import House, Journey
from integration.line.outcomes import Writer
from integration.line.pump import Pump
from integration.line.unexpected import bug

LOOK_AGAIN_SECONDS = (1.0, 10.0)
"""How soon a record is looked at again that waits for another worker, and how soon at the latest."""

IN_TURN = "an earlier version of it was sent and not answered yet; that is found out first"


@dataclass(slots=True)
class Job:
    """A record on its way through load. `about` is what validate put beside the body; `crossing` is its crosswalk row as it was
    claimed, `before` what was written last."""

    record: Record
    body: dict[str, Any]
    about: dict[str, Any]
    hash: str
    crossing: Crossing | None = None
    before: dict[str, Any] | None = None

    @property
    def is_open(self) -> bool:
        """Whether an earlier request may have taken effect: then it is brought to its end, before anything newer is said."""
        return self.crossing is not None and self.crossing.intent is not None


@dataclass(frozen=True, slots=True)
class Answer:
    job: Any
    outcome: Outcome
    sent_at: datetime


class Loader:
    """One pass of a batch through load. `stopped` holds the failure that stopped the whole connection of the budget
    `resting`, if any did; `got_through` says whether anything was answered before."""

    def __init__(self, house: House, journey: Journey, batch: Batch) -> None:
        self._house, self._journey, self._batch, self._flow = house, journey, batch, journey.flow
        self._owner = lease.new_owner()
        self._writer = Writer(house, journey, batch, self._owner)
        self.stopped: SyncError | None = None
        self.got_through = False
        self.resting: SharedBudget = journey.target_budget
        self.bells: list[tuple[int, Stage]] = []

    def load(self, wanted: Sequence[Record]) -> None:
        """Deliver what is validated. Raises LostLease where another worker has the batch."""
        target = self._journey.target_budget
        token = work.set(Work(self._batch.lane))
        try:
            jobs = self._one_version_each([open_job(self._house, record) for record in wanted if record.state == VALIDATED])
            # What waited goes one after another, in the order in which it came.
            side_by_side = 1 if batches.RELEASE in self._batch.page else target.side_by_side()
            with Pump(side_by_side) as pump, target.expecting(len(jobs)):
                self.prepare(pump, jobs)
                pump.run(jobs, self._plan, self._send_job, self._write, self._is_stopped)
            work.set(Work(self._batch.lane))
            self.finish()
        finally:
            work.reset(token)
            self._release()

    # what an entity does in its own way -----------------------------------------------------------------------------------------

    def prepare(self, pump: Pump, jobs: Sequence[Job]) -> None:
        """Before anything is planned: bring what the records need into the target."""

    def crossing(self, job: Job, crossing: Crossing) -> Crossing:
        """The record's crosswalk row as this entity reads it."""
        return crossing

    def before(self, job: Job, crossing: Crossing) -> dict[str, Any]:
        """The members that the target holds as far as we know."""
        return self._house.vault.open(crossing.delivered) if crossing.delivered else {}

    def disagreed(self, job: Job) -> bool:
        """Whether the target may hold something else although this very content was delivered."""
        return False

    def missing(self, job: Job) -> SyncError | None:
        """What keeps a record that is new to the target from being sent."""
        return None

    def parcel(self, job: Job) -> Parcel:
        """What is to be in the target."""
        entity = self._flow.entity
        reference = str(job.body.get(self._journey.target.writable(entity).find_by, job.record.source_key))
        return Parcel(entity, reference, job.body, winners=self._flow.conflicts)

    def judged(self, job: Job, outcome: Outcome) -> Outcome:
        """What an answer means for this entity."""
        return outcome

    def finish(self) -> None:
        """After all was sent."""

    def overtaken(self, job: Job, status: str) -> Skipped | None:
        """What a page says of a status may be of a moment amid a write of our own, or before one: it is no decision of the source if the
        source says something else by now, and what it says now comes by itself. Raises what the source raises."""
        record = job.record
        try:
            present = self._journey.source.fetch_one(self._flow.entity, parts.whole_key(record.source_key))
        except SyncError:
            self.resting = self._journey.source_budget
            raise
        if present is None or present.version == record.version:
            return None
        if present.version < record.version:
            raise Transient(f"{record.source_key} is shown by {self._flow.source} as it was before; it is tried again")
        now = self._journey.read(present.body)["status"]
        return None if now == status else Skipped(f"is {now} in {self._flow.source} by now, which follows")

    # the way of all ---------------------------------------------------------------------------------------------------------------

    @outlasting_a_restart
    def _release(self) -> None:
        with write(self._house.engine) as connection:
            crosswalk.release(connection, self._owner)

    def _is_stopped(self) -> bool:
        return self.stopped is not None

    def _one_version_each(self, jobs: list[Job]) -> list[Job]:
        """Of several versions of one source record in a batch the newest; the oldest first where an answer is still open, see `_behind`."""
        versions: dict[str, list[Job]] = {}
        for job in sorted(jobs, key=lambda job: job.record.version):
            versions.setdefault(job.record.source_key, []).append(job)
        several = [key for key, found in versions.items() if len(found) > 1]
        if not several:
            return jobs
        flow = self._flow
        with read(self._house.engine) as connection:
            known = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, several)
        for key in several:
            row = known.get(key)
            if row is None or row.intent is None:
                *older, kept = versions[key]
                for job in older:
                    self._writer.superseded(job.record)
            else:
                kept, *newer = versions[key]
                for job in newer:
                    self._writer.later(job.record, look_again(job.record), IN_TURN, spend=False)
            versions[key] = [kept]
        return [job for job in jobs if versions[job.record.source_key][0] is job]

    def _behind(self, connection: Connection, jobs: Sequence[Job], claims: Mapping[str, Crossing]) -> set[int]:
        """The records whose turn has not come. While the answer to an earlier version's request is open nobody knows what the target
        holds, and to a newer version that takes it back nothing would seem to be left to write."""
        open_keys = [key for key, claimed in claims.items() if claimed.intent is not None]
        oldest = records.oldest(connection, self._flow.name, open_keys, VALIDATED) if open_keys else {}
        return {job.record.id for job in jobs if job.record.version > oldest.get(job.record.source_key, job.record.version)}

    def _plan(self, jobs: Sequence[Job]) -> list[Job]:
        flow = self._flow
        ready: list[Job] = []
        with write(self._house.engine) as connection:
            claims = crosswalk.claim(
                connection,
                self._owner,
                batches.STAGE_SECONDS,
                flow.source,
                flow.target,
                flow.entity,
                [job.record.source_key for job in jobs],
            )
            behind = self._behind(connection, jobs, claims)
            for job in jobs:
                claimed = claims.get(job.record.source_key)
                if claimed is not None and job.record.id in behind:
                    self._writer.behind(job.record, claimed, look_again(job.record), IN_TURN)
                    continue
                if claimed is None:
                    self._writer.later(job.record, look_again(job.record), f"another worker delivers this {flow.entity}", spend=False)
                    continue
                job.crossing = self.crossing(job, claimed)
                if self._still_to_send(job, job.crossing):
                    ready.append(job)
            crosswalk.intend(
                connection, [(job.crossing, "create" if job.crossing.target_key is None else "update") for job in ready if job.crossing]
            )
            self._writer.flush(connection)
        self._send_soon()
        return ready

    def _send_soon(self) -> None:
        """What was just intended leaves soon or not at all; well within the claim."""
        work.set(Work(self._batch.lane, time.monotonic() + SEND_WITHIN_SECONDS))

    def _still_to_send(self, job: Job, crossing: Crossing) -> bool:
        """Whether a request is needed; if not, the record's end (or wait) is noted."""
        record = job.record
        if crossing.delivered_version is not None and record.version < crossing.delivered_version:
            self._writer.superseded(record)
            return False
        if crossing.target_key is not None:
            job.before = self.before(job, crossing)
            is_there = crossing.delivered_hash == job.hash and crossing.intent is None and not self.disagreed(job)
            if is_there or not self._moves(job):
                self._writer.unchanged(record, crossing, job.hash, job.about.get("note", ""))
                return False
            return True
        missing = self.missing(job)
        if missing is not None:
            self._writer.failed(record, missing)
        return missing is None

    def _moves(self, job: Job) -> bool:
        """Whether anything differs from what was written last."""
        parcel, before = self.parcel(job), job.before or {}
        return bool(differences(self._journey.target, parcel, before) or moved_members(self._journey.target, parcel, before))

    def _send_job(self, job: Job) -> Answer:
        answer = self._send(job, self.parcel(job), job.crossing, job.before)
        return Answer(job, self.judged(job, answer.outcome), answer.sent_at)

    def _send(self, job: Any, parcel: Parcel, crossing: Crossing | None, before: dict[str, Any] | None) -> Answer:
        assert crossing is not None
        sent_at = clock.now()
        try:
            outcome = deliver(self._journey.target, parcel, crossing, before)
        except Exception as error:  # noqa: BLE001 - put aside alone; its intent stays, so a replay looks it up first
            outcome = Failed(bug(error, "load"))
        if isinstance(outcome, Failed):
            self._notice(outcome.error)
        else:
            self.got_through = True
        return Answer(job, outcome, sent_at)

    def _notice(self, error: SyncError | None) -> None:
        """A failure that every other request would meet too stops the pass; the batch comes back when the connection does."""
        if isinstance(error, (Limited, Unauthorized, Unreachable)) and self.stopped is None:
            self.stopped = error

    def _write(self, answers: Sequence[Answer]) -> None:
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            for answer in answers:
                job = answer.job
                assert isinstance(job, Job) and job.crossing is not None
                self._writer.record(job.record, job.crossing, job.hash, job.about, answer.outcome, answer.sent_at)
            self._writer.flush(connection)


def look_again(record: Record) -> float:
    """In how many seconds a record is looked at again that waits for another worker: the longer it has waited, the more seldom."""
    soonest, latest = LOOK_AGAIN_SECONDS
    return min(latest, max(soonest, (clock.now() - record.extracted_at).total_seconds() / 4))


def open_job(house: House, record: Record) -> Job:
    """A validated record with its parcel opened."""
    assert record.parcel is not None
    parcel = house.vault.open(record.parcel)
    body = parcel.pop("body")
    return Job(record, body, parcel, fingerprint(body))
