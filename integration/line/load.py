"""Load: the customers, then the orders, then the word to the source that they were taken over; each claimed, intended, sent, written.

Intents are written before a handful of requests leaves, outcomes as they come back; whatever a killed worker leaves in between is
looked up by its successor.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS, Work, work
from integration.delivery import Failed, Outcome, Parcel, deliver, differences, moved_members
from integration.errors import Limited, Refused, SyncError, Unauthorized, Unreachable
from integration.ledger import batches, crosswalk, lease, records
from integration.ledger.batches import Batch
from integration.ledger.crosswalk import ANY_SOURCE, Crossing
from integration.ledger.database import outlasting_a_restart, read, write
from integration.ledger.records import BOOKED, DONE, VALIDATED, Record
from integration.ledger.vault import fingerprint
from integration.line.backoff import backoff
from integration.line.journey import House, Journey
from integration.line.outcomes import Writer
from integration.line.pump import Pump
from integration.line.unexpected import bug

LOOK_AGAIN_SECONDS = 1.0
"""How soon a record is looked at again that waits for another worker, or for an answer that never came."""


@dataclass(slots=True)
class Job:
    """A record on its way through load. `crossing` is its crosswalk row as it was claimed, `before` what was written last."""

    record: Record
    body: dict[str, Any]
    status: str
    exported: bool
    customer: dict[str, Any]
    skus: list[str]
    hash: str
    crossing: Crossing | None = None
    before: dict[str, Any] | None = None


@dataclass(slots=True)
class CustomerJob:
    key: str
    find: str
    body: dict[str, Any]
    crossing: Crossing | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    job: Job | CustomerJob
    outcome: Outcome
    sent_at: datetime


class Loader:
    """One pass of a batch through load. `stopped` holds the failure that stopped the whole connection of the budget
    `resting`, if any did; `got_through` says whether anything was answered before."""

    def __init__(self, house: House, journey: Journey, batch: Batch) -> None:
        self._house, self._journey, self._batch, self._flow = house, journey, batch, journey.flow
        self._owner = lease.new_owner()
        self._writer = Writer(house, journey, batch, self._owner)
        self._customers: dict[str, str | SyncError] = {}
        self.stopped: SyncError | None = None
        self.got_through = False
        self.resting = journey.target_budget

    def load(self, wanted: Sequence[Record]) -> None:
        """Deliver what is validated and acknowledge what is booked. Raises LostLease where another worker has the batch."""
        target, source = self._journey.target_budget, self._journey.source_budget
        token = work.set(Work(self._batch.lane))
        try:
            jobs = self._newest([open_job(self._house, record) for record in wanted if record.state == VALIDATED])
            with Pump(target.side_by_side()) as pump, target.expecting(len(jobs)):
                self._find_customers(pump, jobs)
                pump.run(jobs, self._plan_orders, self._send_order, self._write_orders, self._is_stopped)
            work.set(Work(self._batch.lane))
            with Pump(source.side_by_side()) as pump:
                self._acknowledge(pump)
        finally:
            work.reset(token)
            self._release()

    @outlasting_a_restart
    def _release(self) -> None:
        with write(self._house.engine) as connection:
            crosswalk.release(connection, self._owner)

    def _is_stopped(self) -> bool:
        return self.stopped is not None

    def _newest(self, jobs: list[Job]) -> list[Job]:
        """Of several versions of one source record in a batch only the newest is delivered."""
        newest: dict[str, Job] = {}
        for job in sorted(jobs, key=lambda job: job.record.version):
            older = newest.get(job.record.source_key)
            if older is not None:
                self._writer.superseded(older.record)
            newest[job.record.source_key] = job
        return list(newest.values())

    # customers -------------------------------------------------------------------------------------------------------------------

    def _find_customers(self, pump: Pump, jobs: Sequence[Job]) -> None:
        wanted = {job.customer["key"]: CustomerJob(**job.customer) for job in jobs if "key" in job.customer}
        with read(self._house.engine) as connection:
            known = crosswalk.look_up(connection, ANY_SOURCE, self._flow.target, "customer", wanted)
        self._customers = {key: crossing.target_key for key, crossing in known.items() if crossing.target_key is not None}
        missing = [one for key, one in wanted.items() if key not in self._customers]
        with self._journey.target_budget.expecting(2 * len(missing)):
            pump.run(missing, self._plan_customers, self._send_customer, self._write_customers, self._is_stopped)

    def _plan_customers(self, jobs: Sequence[CustomerJob]) -> list[CustomerJob]:
        with write(self._house.engine) as connection:
            claims = crosswalk.claim(
                connection, self._owner, batches.LEASE_SECONDS, ANY_SOURCE, self._flow.target, "customer", [job.key for job in jobs]
            )
            # Somebody may have found one between our look and our claim.
            self._customers |= {key: crossing.target_key for key, crossing in claims.items() if crossing.target_key is not None}
            ready = [job for job in jobs if job.key in claims and job.key not in self._customers]
            for job in ready:
                job.crossing = claims[job.key]
            crosswalk.intend(connection, [(claims[job.key], "create") for job in ready])
        self._send_soon()
        return ready

    def _send_customer(self, job: CustomerJob) -> Answer:
        return self._send(job, Parcel("customer", job.find, job.body, look_first=True, leave_found=True), job.crossing, None)

    def _write_customers(self, answers: Sequence[Answer]) -> None:
        with write(self._house.engine) as connection:
            for answer in answers:
                assert isinstance(answer.job, CustomerJob) and answer.job.crossing is not None
                key = self._writer.customer(answer.job.key, answer.job.crossing, answer.outcome, answer.sent_at)
                self._customers[answer.job.key] = key
                self._notice(key if isinstance(key, SyncError) else None)
            self._writer.flush(connection)

    # orders ----------------------------------------------------------------------------------------------------------------------

    def _plan_orders(self, jobs: Sequence[Job]) -> list[Job]:
        flow = self._flow
        ready: list[Job] = []
        with write(self._house.engine) as connection:
            claims = crosswalk.claim(
                connection,
                self._owner,
                batches.LEASE_SECONDS,
                flow.source,
                flow.target,
                flow.entity,
                [job.record.source_key for job in jobs],
            )
            for job in jobs:
                job.crossing = claims.get(job.record.source_key)
                if job.crossing is None:
                    self._writer.later(job.record, LOOK_AGAIN_SECONDS, "another worker delivers this order", spend=False)
                elif self._still_to_send(job, job.crossing):
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
            job.before = self._house.vault.open(crossing.delivered) if crossing.delivered else {}
            if (crossing.delivered_hash == job.hash and crossing.intent is None) or not self._moves(job):
                self._writer.unchanged(record, crossing, job.hash)
                return False
            return True
        customer = self._customer_of(job)
        if isinstance(customer, SyncError):
            self._writer.failed(record, customer)
            return False
        if customer is None:
            self._writer.later(record, LOOK_AGAIN_SECONDS, "the customer of this order is still being found", spend=False)
            return False
        return True

    def _moves(self, job: Job) -> bool:
        """Whether anything differs from what was written last."""
        parcel, before = self._parcel(job, ""), job.before or {}
        return bool(differences(self._journey.target, parcel, before) or moved_members(self._journey.target, parcel, before))

    def _customer_of(self, job: Job) -> str | SyncError | None:
        if "target_key" in job.customer:
            return str(job.customer["target_key"])
        return self._customers.get(job.customer["key"])

    def _send_order(self, job: Job) -> Answer:
        customer = self._customer_of(job)
        return self._send(job, self._parcel(job, customer if isinstance(customer, str) else ""), job.crossing, job.before)

    def _parcel(self, job: Job, customer: str) -> Parcel:
        # A person who replays or backfills wants it booked.
        return order_parcel(self._journey, job, customer, by_hand=self._batch.lane == "backfill" or batches.REPLAY in self._batch.page)

    def _send(self, job: Job | CustomerJob, parcel: Parcel, crossing: Crossing | None, before: dict[str, Any] | None) -> Answer:
        assert crossing is not None
        sent_at = clock.now()
        if self.stopped is not None:
            return Answer(job, Failed(self.stopped), sent_at)
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

    def _write_orders(self, answers: Sequence[Answer]) -> None:
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            for answer in answers:
                job = answer.job
                assert isinstance(job, Job) and job.crossing is not None
                self._writer.order(job.record, job.crossing, job.hash, job.skus, answer.outcome, answer.sent_at)
            self._writer.flush(connection)

    # the word to the source -----------------------------------------------------------------------------------------------------

    def _acknowledge(self, pump: Pump) -> None:
        with read(self._house.engine) as connection:
            if batches.first_read_under_way(connection, self._flow.name):
                return
            booked = records.of_batch(connection, self._batch.id, [BOOKED], due=clock.now())
            known = (
                crosswalk.look_up(
                    connection, self._flow.source, self._flow.target, self._flow.entity, [record.source_key for record in booked]
                )
                if booked
                else {}
            )
        told = [record for record in booked if known[record.source_key].acknowledged_at is not None]
        if told:
            with write(self._house.engine) as connection:
                records.change(
                    connection, [{"id": record.id, "state": DONE, "finished_at": clock.now(), "due_at": None} for record in told]
                )
        todo = [record for record in booked if known[record.source_key].acknowledged_at is None]
        with self._journey.source_budget.expecting(len(todo)):
            pump.run(todo, lambda handful: handful, self._tell, self._write_told, self._is_stopped)

    def _tell(self, record: Record) -> tuple[Record, SyncError | None]:
        try:
            self._journey.source.acknowledge(self._flow.entity, record.source_key)
        except Refused as error:
            return record, error
        except SyncError as error:
            self.resting = self._journey.source_budget
            self._notice(error)
            return record, error
        self.got_through = True
        return record, None

    def _write_told(self, answers: Sequence[tuple[Record, SyncError | None]]) -> None:
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            for record, error in answers:
                if error is None or isinstance(error, Refused):
                    self._writer.acknowledged(record, error)
                else:
                    self._writer.later(
                        record,
                        backoff(record.attempts + 1),
                        f"booked, but the source could not be told: {error}",
                        spend=not isinstance(error, (Limited, Unauthorized, Unreachable)),
                    )
            self._writer.flush(connection)


def open_job(house: House, record: Record) -> Job:
    """A validated record with its parcel opened."""
    assert record.parcel is not None
    parcel = house.vault.open(record.parcel)
    content = fingerprint(parcel["body"])
    return Job(record, parcel["body"], parcel["status"], parcel["exported"], parcel["customer"], parcel["skus"], content)


def order_parcel(journey: Journey, job: Job, customer: str, *, by_hand: bool) -> Parcel:
    """What is to be in the target, for the target's key of its customer. `by_hand`: a mark that others set does not keep it from being
    booked, but is reason enough to look first."""
    body = {name: (customer if value == {"$key_of": "customer"} else value) for name, value in job.body.items()}
    first, why = "book", ""
    if job.status == "cancelled":
        first, why = "skip", "cancelled in the source before it was booked"
    elif job.status == "shipped":
        first = "refuse"
        why = (
            "was shipped on the channel before it was booked; booked now it would ship again. Dismiss it, or replay it with another status"
        )
    elif job.exported and not by_hand:
        first, why = "skip", "was marked as taken over by somebody else; a backfill of its window books it all the same"
    entity = journey.flow.entity
    reference = str(body.get(journey.target.writable(entity).find_by, job.record.source_key))
    return Parcel(entity, reference, body, look_first=job.exported or by_hand, first=first, why=why)
