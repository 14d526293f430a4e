"""Orders into the target: first their customers, then the orders, then the word to the source that they were taken over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integration import clock
from integration.budget import Work, work
from integration.delivery import Failed, Outcome, Parcel, Skipped
from integration.dispute import same
from integration.errors import Conflict, Held, Limited, Refused, SyncError, Unauthorized, Unreachable, Waiting
from integration.ledger import batches, crosswalk, letters, parts, records, shipped
from integration.ledger.batches import Batch
from integration.ledger.crosswalk import Crossing
from integration.ledger.database import read, write
from integration.ledger.records import BOOKED, DONE, Record
from integration.line.backoff import backoff
from integration.line.customers import Customers
from integration.line.journey import House, Journey
from integration.line.load import Answer, Job, Loader, look_again
from integration.line.pump import Pump
from integration.ports import NOT_NOW
from integration.schema import resolved


class OrderLoader(Loader):
    def __init__(self, house: House, journey: Journey, batch: Batch) -> None:
        super().__init__(house, journey, batch)
        self._customers = Customers(house, journey, self._owner, self._writer, self._send, self._send_soon, self._notice)

    def prepare(self, pump: Pump, jobs: Sequence[Job]) -> None:
        self._customers.find(pump, jobs, self._is_stopped)
        for job in jobs:
            shipped = job.about["status"] == "shipped"
            job.about["being_told"] = shipped and self._being_told(job)  # first: whatever ends meanwhile is told
            job.about["told"] = shipped and self._told(job)

    def _being_told(self, job: Job) -> bool:
        """Whether a shipment of the order may be at the source already, while its outcome is not written."""
        flow, key = self._flow, parts.whole_key(job.record.source_key)
        flows = self._house.settings.flows.values()
        back = [one.name for one in flows if (one.entity, one.source, one.target) == ("shipment", flow.target, flow.source)]
        with read(self._house.engine) as connection:
            return records.under_way(connection, back, key)

    def _told(self, job: Job) -> bool:
        """Whether the source has every line's units from shipments of the target: that it is shipped is then our own echo."""
        key = parts.whole_key(job.record.source_key)
        with read(self._house.engine) as connection:
            units = shipped.units(connection, self._flow.source, key, besides="")
        lines = job.about["lines"]
        return bool(lines) and all(units.get(line["line_key"], 0) >= line["units"] for line in lines)

    def missing(self, job: Job) -> SyncError | None:
        customer = self._customers.key_of(job)
        if customer is None:
            return Waiting("the customer of this order is still being found", look_again(job.record))
        if isinstance(customer, SyncError):
            return customer
        return None

    def crossing(self, job: Job, crossing: Crossing) -> Crossing:
        job.about["agreed"] = crossing.agreed
        return crossing

    def parcel(self, job: Job) -> Parcel:
        customer = self._customers.key_of(job)
        # A person who replays, backfills or repairs wants it booked; one who replays has decided that the source is right.
        replayed = batches.REPLAY in self._batch.page
        by_hand = replayed or self._batch.lane in batches.GIVING_WAY
        parcel = order_parcel(self._journey, job, customer if isinstance(customer, str) else "", by_hand=by_hand)
        if not replayed:
            return parcel
        return replace(parcel, winners={group: "source" if winner == "person" else winner for group, winner in parcel.winners.items()})

    def before(self, job: Job, crossing: Crossing) -> dict[str, Any]:
        """Of the status it counts what both sides agreed on last, for the target may have changed it and told the source."""
        before = super().before(job, crossing)
        if crossing.agreed is None or not self.disagreed(job) or job.record.canonical is None:
            return before
        opened = self._house.vault.open(job.record.canonical)["canonical"]
        agreed = self._journey.writing[self._flow.entity].to_body({**self._journey.canonical(opened), "status": crossing.agreed})
        status = self._journey.target.writable(self._flow.entity).groups.get("status", ())
        return before | {name: agreed.get(name) for name in status if name in before}

    def disagreed(self, job: Job) -> bool:
        return job.about["agreed"] not in (None, job.about["status"]) and not job.about["told"]

    def _send_job(self, job: Job) -> Answer:
        if job.about["being_told"] and not job.about["told"]:
            waiting = Waiting("a shipment of this order is just being told to its source", look_again(job.record))
            return Answer(job, Failed(waiting), clock.now())
        try:
            booked = job.crossing is not None and job.crossing.target_key is not None
            stale = self.overtaken(job, job.about["status"]) if booked and self.disagreed(job) and not job.is_open else None
        except SyncError as error:
            self._notice(error)
            return Answer(job, Failed(error), clock.now())
        return Answer(job, stale, clock.now()) if stale else super()._send_job(job)

    def judged(self, job: Job, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failed) and isinstance(outcome.error, Conflict):
            return self._as_decided(job, outcome)
        if not isinstance(outcome, Failed) or not isinstance(outcome.error, Refused):
            return outcome
        if self._journey.target.writable(self._flow.entity).meaning(outcome.error) != NOT_NOW:
            return outcome
        customer = str(self._customers.key_of(job))
        said = f"the customer {customer} may not order in the target, which has it inactive or on credit hold; settle it there"
        return Failed(Held(said, "credit", customer, outcome.error.fields), outcome.delivered)

    def _as_decided(self, job: Job, outcome: Failed) -> Outcome:
        """A conflict that a person has dismissed is not asked about again, until the source says something else in the matter."""
        with read(self._house.engine) as connection:
            sealed = letters.last_dismissed(connection, self._flow.name, job.record.source_key, Conflict.kind)
        if sealed is None:
            return outcome
        told, groups = self._house.vault.open(sealed)["body"], self._journey.target.writable(self._flow.entity).groups
        matters = {fault.field: groups.get(fault.field, (fault.field,)) for fault in outcome.error.fields}
        decided = [group for group, names in matters.items() if all(same(told.get(name), job.body.get(name)) for name in names)]
        if not decided:
            return outcome
        if job.crossing is None or (job.crossing.target_key is None and outcome.delivered is None):
            return Skipped("a person has decided not to book it as it is")
        parcel = self.parcel(job)
        parcel = replace(parcel, winners={**parcel.winners, **dict.fromkeys(decided, "target")}, settled=(*parcel.settled, *decided))
        return self._send(job, parcel, job.crossing, job.before).outcome

    def finish(self) -> None:
        with Pump(self._journey.source_budget.side_by_side()) as pump:
            self._acknowledge(pump)

    # the word to the source -----------------------------------------------------------------------------------------------------

    def _acknowledge(self, pump: Pump) -> None:
        flow = self._flow
        with read(self._house.engine) as connection:
            if batches.first_read_under_way(connection, flow.name):
                return
            booked = records.of_batch(connection, self._batch.id, [BOOKED], due=clock.now())
            keys = [record.source_key for record in booked]
            known = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, keys) if booked else {}
            rests = parts.orders_of(connection, flow.source, flow.target, keys)
        told = [record for record in booked if record.source_key in rests or known[record.source_key].acknowledged_at is not None]
        if told:
            with write(self._house.engine) as connection:
                records.change(
                    connection, [{"id": record.id, "state": DONE, "finished_at": clock.now(), "due_at": None} for record in told]
                )
        todo = [record for record in booked if record not in told]
        work.set(Work(self._batch.lane))
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


def order_parcel(journey: Journey, job: Job, customer: str, *, by_hand: bool) -> Parcel:
    """What is to be in the target, for the target's key of its customer. `by_hand`: a mark that others set does not keep it from being
    booked, but is reason enough to look first."""
    body = {name: resolved(value, "customer", customer) for name, value in job.body.items()}
    about = job.about
    first, why = "book", ""
    if about["status"] == "cancelled":
        first, why = "skip", "cancelled in the source before it was booked"
    elif about["status"] == "shipped":
        first = "refuse"
        why = (
            "was shipped on the channel before it was booked; booked now it would ship again. Dismiss it, or replay it with another status"
        )
    elif about["exported"] and not by_hand:
        first, why = "skip", "was marked as taken over by somebody else; a backfill of its window books it all the same"
    entity = journey.flow.entity
    writable = journey.target.writable(entity)
    return Parcel(
        entity,
        str(body.get(writable.find_by, job.record.source_key)),
        body,
        look_first=about["exported"] or by_hand,
        first=first,
        why=why,
        winners=journey.flow.conflicts,
        # Both sides have this status already: one of them told the other, and what comes back is our own echo.
        settled=writable.groups.get("status", ()) if about.get("agreed") == about["status"] or about.get("told") else (),
        told=f"{about['status']} in {journey.flow.source}",
    )
