"""The customers of a batch's orders in the target: each found or made once, and changed by an order where the flow says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from integration import clock
from integration.delivery import Delivered, Failed, Parcel, differences
from integration.dispute import same
from integration.errors import Refused, SyncError, Transient, VersionConflict
from integration.ledger import batches, crosswalk
from integration.ledger.crosswalk import ANY_SOURCE, MATCH, Crossing
from integration.ledger.database import read, write
from integration.ledger.vault import fingerprint
from integration.line.customer import customer_parcel
from integration.line.journey import House, Journey
from integration.line.load import Answer, Job
from integration.line.outcomes import Writer
from integration.line.pump import Pump
from integration.ports import Body

CONTACT = "contact"
"""The group of members of a target's customer that an order may change."""


@dataclass(slots=True)
class CustomerJob:
    """A customer to be found, made or changed; `version` is that of the order which tells it, `guest` one that the flow has invented.
    `matches` are the claims on all else by which the target may know it."""

    key: str
    find: str
    body: dict[str, Any]
    version: str
    guest: bool
    crossing: Crossing | None = None
    matches: Sequence[Crossing] = ()


class Customers:
    """Those of one pass through load. The callables are the loader's own."""

    def __init__(
        self,
        house: House,
        journey: Journey,
        owner: str,
        writer: Writer,
        send: Callable[[CustomerJob, Parcel, Crossing | None, dict[str, Any] | None], Answer],
        send_soon: Callable[[], None],
        notice: Callable[[SyncError | None], None],
    ) -> None:
        self._house, self._journey, self._owner, self._writer = house, journey, owner, writer
        self._send, self._send_soon, self._notice = send, send_soon, notice
        self._found: dict[str, str | SyncError] = {}

    def key_of(self, job: Job) -> str | SyncError | None:
        """The customer's key in the target, the failure that its orders share, or None while somebody else looks for it."""
        customer = job.about["customer"]
        return str(customer["target_key"]) if "target_key" in customer else self._found.get(customer["key"])

    def find(self, pump: Pump, jobs: Sequence[Job], stopped: Callable[[], bool]) -> None:
        by_age = sorted(jobs, key=lambda job: job.record.version)
        told = {job.about["customer"]["key"]: job for job in by_age if "key" in job.about["customer"]}
        wanted = {key: _customer_job(job) for key, job in told.items()}
        with read(self._house.engine) as connection:
            known = crosswalk.look_up(connection, ANY_SOURCE, self._journey.flow.target, "customer", wanted)
        self._found = {key: crossing.target_key for key, crossing in known.items() if crossing.target_key is not None}
        missing = [one for key, one in wanted.items() if key not in self._found]
        with self._journey.target_budget.expecting(2 * len(missing)):
            pump.run(missing, self._plan, self._look, self._write, stopped)
        if self._journey.flow.customers != "never":
            self._bring_up_to_date(pump, told, stopped)

    def _claim(self, keys: Sequence[str]) -> dict[str, Crossing]:
        with write(self._house.engine) as connection:
            return crosswalk.claim(connection, self._owner, batches.STAGE_SECONDS, ANY_SOURCE, self._journey.flow.target, "customer", keys)

    def _plan(self, jobs: Sequence[CustomerJob]) -> list[CustomerJob]:
        claims = self._claim([job.key for job in jobs])
        # Somebody may have found one between our look and our claim.
        self._found |= {key: crossing.target_key for key, crossing in claims.items() if crossing.target_key is not None}
        ready = [job for job in jobs if job.key in claims and job.key not in self._found]
        for job in ready:
            job.crossing = claims[job.key]
        with write(self._house.engine) as connection:
            ready = self._alone(connection, ready)
            crosswalk.intend(connection, [(claims[job.key], "create") for job in ready])
            crosswalk.intend(connection, [(match, "create") for job in ready for match in job.matches])
        self._send_soon()
        return ready

    def _alone(self, connection: Connection, jobs: Sequence[CustomerJob]) -> list[CustomerJob]:
        """Those that nobody else finds or makes now: one person may order under two addresses at once. What an earlier order has sent of
        such a person and was not answered may still take effect, and is waited for as if it were ours."""
        keys = {job.key: self._matches(job) for job in jobs}
        wanted = {key for theirs in keys.values() for key in theirs}
        if not wanted:
            return list(jobs)
        target = self._journey.flow.target
        claims = crosswalk.claim(connection, self._owner, batches.STAGE_SECONDS, ANY_SOURCE, target, MATCH, wanted)
        alone = []
        for job in jobs:
            if all(key in claims for key in keys[job.key]):
                job.matches = [claims.pop(key) for key in keys[job.key]]
                job.crossing = _last_intent(job)
                alone.append(job)
        return alone

    def _matches(self, job: CustomerJob) -> list[str]:
        """Keyed hashes of what the target may know this customer by, beside the address."""
        ways = () if job.guest else self._journey.target.writable("customer").matches
        known = [[str(job.body.get(name) or "") for name in way] for way in ways]
        return [
            self._house.vault.index("\n".join([*way, *values]).casefold()) for way, values in zip(ways, known, strict=True) if all(values)
        ]

    def _look(self, job: CustomerJob) -> Answer:
        return self._send(job, customer_parcel(job.find, job.body, guest=job.guest), job.crossing, None)

    def _write(self, answers: Sequence[Answer]) -> None:
        with write(self._house.engine) as connection:
            for answer in answers:
                job = answer.job
                assert isinstance(job, CustomerJob) and job.crossing is not None
                content = fingerprint(job.body)
                key = self._writer.customer(job.crossing, job.matches, job.version, content, answer.outcome, answer.sent_at)
                self._found[job.key] = key
                self._notice(key if isinstance(key, SyncError) else None)
            self._writer.flush(connection)

    # changes of customers that the target knows ----------------------------------------------------------------------------------

    def _bring_up_to_date(self, pump: Pump, told: dict[str, Job], stopped: Callable[[], bool]) -> None:
        """Once for each content, and never from an order older than the last that told it."""
        jobs = [
            _customer_job(job)
            for key, job in told.items()
            if isinstance(self._found.get(key), str) and not job.about["customer"].get("guest")
        ]
        pump.run(jobs, self._plan_change, self._change, self._write_change, stopped)

    def _plan_change(self, jobs: Sequence[CustomerJob]) -> list[CustomerJob]:
        claims = self._claim([job.key for job in jobs])
        ready = []
        for job in jobs:
            job.crossing = claims.get(job.key)
            if job.crossing is None:
                continue
            newer = job.crossing.delivered_version is None or job.crossing.delivered_version < job.version
            if newer and job.crossing.delivered_hash != fingerprint(job.body):
                ready.append(job)
        # Until it is answered nobody knows what was told last, and an order that takes it back must not seem to say nothing new.
        unknown = [{"id": job.crossing.id, "delivered_hash": None} for job in ready if job.crossing is not None]
        with write(self._house.engine) as connection:
            crosswalk.record_changes(connection, self._owner, unknown)
        self._send_soon()
        return ready

    def _change(self, job: CustomerJob) -> Answer:
        assert job.crossing is not None and job.crossing.target_key is not None
        sent_at = clock.now()
        target, parcel = self._journey.target, Parcel("customer", job.find, job.body)
        try:
            remote = target.get("customer", job.crossing.target_key)
            for _ in range(2):
                if remote is None:
                    raise Refused(f"{job.crossing.target_key} is no longer in the target")
                changes = self._wanted(remote.body, differences(target, parcel, remote.body))
                if not changes:
                    return Answer(job, Delivered("unchanged", remote, {}), sent_at)
                try:
                    return Answer(job, Delivered("updated", target.update("customer", remote.key, changes, remote.version), {}), sent_at)
                except VersionConflict as conflict:
                    remote = target.remote("customer", conflict.current) if conflict.current else target.get("customer", remote.key)
            raise Transient(f"{job.crossing.target_key} changes too fast to be written; the next order tells it again")
        except SyncError as error:
            return Answer(job, Failed(error), sent_at)

    def _wanted(self, present: Body, changes: dict[str, Any]) -> dict[str, Any]:
        """Of what differs, the contact members that the flow lets an order change; nothing there is ever made empty."""
        writable = self._journey.target.writable("customer")
        contact, fill = writable.groups.get(CONTACT, ()), self._journey.flow.customers == "fill"
        wanted = {name: value for name, value in changes.items() if name in contact and value and not (fill and present.get(name))}
        merged = {name: _merged(present.get(name) or [], wanted[name], by) for name, by in writable.merged.items() if name in wanted}
        return {name: value for name, value in (wanted | merged).items() if not same(value, present.get(name))}

    def _write_change(self, answers: Sequence[Answer]) -> None:
        with write(self._house.engine) as connection:
            for answer in answers:
                job = answer.job
                assert isinstance(job, CustomerJob) and job.crossing is not None
                self._writer.customer_change(job.crossing, job.version, fingerprint(job.body), answer.outcome, answer.sent_at)
                self._notice(answer.outcome.error if isinstance(answer.outcome, Failed) else None)
            self._writer.flush(connection)


def _customer_job(job: Job) -> CustomerJob:
    customer = job.about["customer"]
    return CustomerJob(customer["key"], customer["find"], customer["body"], job.record.version, bool(customer.get("guest")))


def _last_intent(job: CustomerJob) -> Crossing:
    """The customer's row, with the latest of the intents that may still take effect."""
    assert job.crossing is not None
    known = [one for one in (job.crossing, *job.matches) if one.intent is not None and one.intent_at is not None]
    last = max(known, key=lambda one: one.intent_at or clock.now(), default=job.crossing)
    return replace(job.crossing, intent=last.intent, intent_at=last.intent_at, resend_after=last.resend_after)


def _merged(there: Sequence[Body], ours: Sequence[Body], by: str) -> list[Body]:
    """The list there with ours in it: each in the place of the first of its kind, unless it is there already."""
    merged = list(there)
    for one in ours:
        if any(same(one, each) for each in merged):
            continue
        place = next((place for place, each in enumerate(merged) if each.get(by) == one.get(by)), len(merged))
        merged[place : place + 1] = [one]
    return merged
