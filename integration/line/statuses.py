"""The status of orders back to the channel: what the fulfilling system decided, unless the channel has decided otherwise meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integration import clock
from integration.delivery import VERSION_TRIES, Delivered, Failed, Outcome, Parcel, Unanswered, differences, kept_members
from integration.dispute import STATUS
from integration.errors import Conflict, FieldError, Invalid, NoAnswer, Refused, SyncError, Transient, VersionConflict
from integration.ledger import crosswalk
from integration.ledger.crosswalk import Crossing
from integration.ledger.database import read
from integration.ledger.records import SKIPPED, Aside, Passed, Record
from integration.line.journey import Canonical, House, Journey
from integration.line.load import Answer, Job, Loader
from integration.line.origin import PASSING, Elsewhere, Origin, Origins, channel_status
from integration.line.pump import Pump
from integration.line.unexpected import bug
from integration.ports import TOO_LATE, Remote

STARTS, ENDED = ("new", "pending"), "cancelled"
"""The statuses with which an order starts, and the one that is for good."""

TOLD_AS = {"shipped": "pending"}
"""A channel learns what has shipped from the shipments; of the status it need only know that the order is not on hold."""


def validate(house: House, journey: Journey, records: Sequence[Record]) -> list[Passed | Aside]:
    """May raise what passes (PASSING) while it asks the channel for an order: then the whole batch waits."""
    opened = [house.vault.open(record.canonical)["canonical"] if record.canonical else {} for record in records]
    origins = Origins(house, journey, [{"order": one["source_key"], "reference": one.get("order_reference")} for one in opened])
    return [_one(house, journey, origins, record, one) for record, one in zip(records, opened, strict=True)]


def _one(house: House, journey: Journey, origins: Origins, record: Record, opened: dict[str, Any]) -> Passed | Aside:
    try:
        canonical = journey.canonical(opened)
        origin = origins.of(canonical["source_key"], canonical.get("order_reference"), lines=False)
        if origin.others:
            _speak_for_all(journey, origin, canonical)
        writing = journey.writing[journey.flow.entity]
        word = TOLD_AS.get(canonical["status"], canonical["status"])
        body = {name: value for name, value in writing.to_body({**canonical, "status": word}).items() if value is not None}
        if faults := writing.faults(body):
            raise Invalid("the status does not pass", tuple(faults))
    except Elsewhere as reason:
        return Passed(record, {"state": SKIPPED, "finished_at": clock.now(), "reason": str(reason)})
    except PASSING:
        raise
    except SyncError as error:
        return Aside(record, error)
    except Exception as error:  # noqa: BLE001 - one bad record never stops its batch
        return Aside(record, bug(error, "validate", record))
    parcel = {"body": body, "order_key": origin.order_key, "order_status": canonical["status"], "word": word}
    return Passed(record, {"parcel": house.vault.seal(parcel), "reference": origin.order_key})


def _speak_for_all(journey: Journey, origin: Origin, canonical: Canonical) -> None:
    """Of an order that is booked in parts only its cancellation is told, and only once every part is cancelled. Raises otherwise."""
    if canonical["status"] != ENDED:
        raise Elsewhere(f"the order {origin.order_key} is booked in parts, of which one is {canonical['status']}; its shipments are told")
    if origin.agreed == ENDED:
        return
    for other in origin.others:
        record = journey.source.fetch_one(journey.flow.entity, other) if other is not None else None
        if record is None or journey.read(record.body)["status"] != ENDED:
            name = other or f"the rest of {origin.order_key}, which is not booked yet"
            said = f"is cancelled in {journey.flow.source}, but not {name}; the channel cannot cancel the order {origin.order_key} in part"
            raise Conflict(f"{canonical['source_key']} {said}", (FieldError(STATUS, f"{said}; settle it, then dismiss this"),))


class StatusLoader(Loader):
    """Reads the channel's order before it writes to it: a status is only changed where nobody there has changed it since."""

    def prepare(self, pump: Pump, jobs: Sequence[Job]) -> None:
        flow = self._flow
        keys = [job.about["order_key"] for job in jobs]
        with read(self._house.engine) as connection:
            known = crosswalk.look_up(connection, flow.target, flow.source, "order", keys) if keys else {}
        for job in jobs:
            row = known.get(job.about["order_key"])
            job.about["agreed"] = (row.agreed if row else None) or "pending"

    def crossing(self, job: Job, crossing: Crossing) -> Crossing:
        return replace(crossing, target_key=job.about["order_key"])

    def disagreed(self, job: Job) -> bool:
        return job.about["agreed"] not in (job.about["word"], job.about["order_status"])

    def parcel(self, job: Job) -> Parcel:
        """The first word of an order is always told, though it says nothing new: it acknowledges the order."""
        writable = self._journey.target.writable(self._flow.entity)
        first = job.about["word"] in STARTS and not job.before
        settled = () if first or self.disagreed(job) else writable.groups[STATUS]
        return Parcel(self._flow.entity, job.about["order_key"], job.body, settled=settled)

    def _moves(self, job: Job) -> bool:
        return self.disagreed(job) or super()._moves(job)

    def _send_job(self, job: Job) -> Answer:
        sent_at = clock.now()
        try:
            stale = self.overtaken(job, job.about["order_status"]) if self.disagreed(job) and not job.is_open else None
            outcome = stale or self._bring_anew(job)
        except NoAnswer as error:  # the same status twice is the same as once
            outcome = Unanswered(error, clock.now(), sent=True)
        except SyncError as error:
            outcome = Failed(error)
        except Exception as error:  # noqa: BLE001 - put aside alone
            outcome = Failed(bug(error, "load", job.record))
        if isinstance(outcome, Failed):
            self._notice(outcome.error)
        else:
            self.got_through = True
        return Answer(job, outcome, sent_at)

    def _bring_anew(self, job: Job) -> Outcome:
        """As often as somebody on the channel saves the order between our look and our word."""
        for _ in range(VERSION_TRIES):
            try:
                return self._bring(job)
            except VersionConflict:
                continue
        raise Transient(f"the order {job.about['order_key']} changes too fast to be written; it is tried again")

    def _bring(self, job: Job) -> Outcome:
        target, parcel, key = self._journey.target, self.parcel(job), str(job.about["order_key"])
        present = target.get(parcel.entity, key)
        if present is None:
            raise Refused(f"the order {key} is no longer in {self._flow.target}; dismiss this")
        status, word, agreed = job.about["order_status"], job.about["word"], job.about["agreed"]
        there = channel_status(self._house, self._journey, present.body) or agreed
        note = ""
        # What the channel has shipped it knows from the shipments, also while the source has still to invoice it.
        settled = there == status != word or (there == "shipped" and word in STARTS)
        if not settled and there not in (word, status, agreed):  # changed there too, and that is on its way to here
            note = self._decide(job, present, there) if self.disagreed(job) else ""
            settled = bool(note) or not self.disagreed(job)
        if settled:
            parcel = replace(parcel, settled=target.writable(parcel.entity).groups[STATUS])
        changes = differences(target, parcel, present.body)
        try:
            if changes:
                present = target.update(parcel.entity, key, changes, present.version)
        except Refused as error:
            if target.writable(parcel.entity).meaning(error) != TOO_LATE:
                raise
            now = target.get(parcel.entity, key)
            if now is not None and channel_status(self._house, self._journey, now.body) != there:  # as when its shipment was told meanwhile
                raise VersionConflict(str(error), now.body) from None
            said = f"{self._said(job, present)}, which cannot be changed any more"
            if self._flow.conflicts[STATUS] != "target":
                raise Conflict(said, (FieldError(STATUS, f"{said}; settle it, then dismiss this"),)) from None
            note, changes = f"{said}; the flow lets {self._flow.target} win", {}
        if changes.keys() & set(target.writable(parcel.entity).groups[STATUS]):
            job.about["echo"] = (key, word)
        elif there in (word, status):
            job.about["echo"] = (key, there)
        return Delivered("updated" if changes else "found", present, kept_members(target, parcel), note)

    def _decide(self, job: Job, present: Remote, there: str) -> str:
        """Both sides have changed the status: a note where the channel wins, nothing where the source does; else a person's."""
        winner, said = self._flow.conflicts[STATUS], self._said(job, present)
        if there == ENDED:
            return f"{said}, which nothing can undo; it is on its way to {self._flow.source}"
        if winner == "source":
            return ""
        if winner == "person":
            raise Conflict(said, (FieldError(STATUS, f"{said}; settle it, then dismiss this"),))
        return f"{said}; the flow lets {self._flow.target} win"

    def _said(self, job: Job, present: Remote) -> str:
        state = self._journey.target.state_words(self._flow.entity, present.body)
        return (
            f"{job.record.source_key} is {job.about['order_status']} in {self._flow.source}, "
            f"but the order {job.about['order_key']} is {state} in {self._flow.target}"
        )
