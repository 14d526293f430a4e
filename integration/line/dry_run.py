"""What a backfill would do, record by record, without doing it: the same pages, mappings and rules, compared with what was delivered.

Nothing is written but the cache of SKUs and the API budget; the target is only asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from sqlalchemy import select, tuple_

from integration import clock
from integration.budget import Work, work
from integration.delivery import Parcel, differences, look_up, moved_members
from integration.errors import FieldError, Held, Limited, PageExpired, SyncError, Transient, Waiting
from integration.ledger import crosswalk, tables
from integration.ledger.crosswalk import Crossing
from integration.ledger.database import read
from integration.ledger.records import DEAD, ENDS, EXTRACTED, SKIPPED, Aside, Passed, Record, cause, reason
from integration.line.backfill import WINDOW
from integration.line.backoff import backoff
from integration.line.journey import House, Journey
from integration.line.load import open_job
from integration.line.orders import order_parcel
from integration.line.transform import transform
from integration.line.validate import validate
from integration.ports import PageRequest, SourceRecord

TRIES = 5
"""How often a call is repeated whose failure may pass."""

Effect = Literal["create", "change", "unchanged", "skip", "hold", "put aside", "under way"]
EFFECTS: tuple[Effect, ...] = ("create", "change", "unchanged", "skip", "hold", "put aside", "under way")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What would become of one record. `target_key` is None where it would be created; `members` are those that would be written anew;
    `why` and `fields` say why it would not be delivered, `cause` groups that."""

    key: str
    version: str
    reference: str | None
    effect: Effect
    target_key: str | None = None
    members: tuple[str, ...] = ()
    why: str = ""
    cause: str = ""
    fields: tuple[FieldError, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts of one page; everything created before `place` was read after it."""

    place: datetime
    verdicts: Sequence[Verdict]


def dry_run(house: House, flow: str, since: datetime, until: datetime) -> Iterator[Judged]:
    """Read what was created from `since` until before `until` and judge it. Waits for its turn in the backfill lane's share of the
    budget. Raises SyncError where a system cannot be asked at all."""
    journey = house.journey(flow)
    token = work.set(Work("backfill"))
    try:
        start = since
        while start < until:
            end = min(start + WINDOW, until)
            yield from _window(house, journey, start, end)
            start = end
    finally:
        work.reset(token)


def _window(house: House, journey: Journey, start: datetime, end: datetime) -> Iterator[Judged]:
    request = PageRequest(created=(start, end))
    while True:
        try:
            page = _patiently(lambda request=request: journey.source.fetch_page(journey.flow.entity, request))  # type: ignore[misc]
        except PageExpired:
            request = replace(request, token=None)  # what was judged already is judged once more, which changes no verdict
            continue
        verdicts = [*_judge(house, journey, page.records), *(_unreadable() for _ in page.unreadable)]
        yield Judged(start if page.next_token else end, verdicts)
        if page.next_token is None:
            return
        request = replace(request, token=page.next_token)


def _judge(house: House, journey: Journey, page: Sequence[SourceRecord]) -> Iterator[Verdict]:
    known = _known(house, journey.flow.name, page)
    yield from (_of_known(one, *known[one.key, one.version]) for one in page if (one.key, one.version) in known)
    fresh = [_record(house, journey, one) for one in page if (one.key, one.version) not in known]
    mapped, faulty = _split(transform(house, journey, fresh))
    checked, wrong = _split(_patiently(lambda: validate(house, journey, mapped)))
    yield from (_aside(one.record, one.error) for one in (*faulty, *wrong))
    flow = journey.flow
    with read(house.engine) as connection:
        keys = [record.source_key for record in checked]
        crossings = crosswalk.look_up(connection, flow.source, flow.target, flow.entity, keys) if keys else {}
    for record in checked:
        yield _compare(house, journey, record, crossings.get(record.source_key))


def _known(house: House, flow: str, page: Sequence[SourceRecord]) -> Mapping[tuple[str, str], tuple[str, str | None, str | None]]:
    """State, reference and reason of what the ledger has in this version; what was skipped would be looked at again."""
    r = tables.record.c
    wanted = [(one.key, one.version) for one in page]
    if not wanted:
        return {}
    with read(house.engine) as connection:
        rows = connection.execute(
            select(r.source_key, r.version, r.state, r.reference, r.reason).where(
                r.flow == flow, r.state != SKIPPED, tuple_(r.source_key, r.version).in_(wanted)
            )
        )
    return {(key, version): (state, reference, why) for key, version, state, reference, why in rows}


def _of_known(one: SourceRecord, state: str, reference: str | None, why: str | None) -> Verdict:
    if state == DEAD:
        return Verdict(one.key, one.version, reference, "put aside", why=f"is a dead letter already: {why}", cause="a dead letter already")
    if state in ENDS:
        return Verdict(one.key, one.version, reference, "unchanged", why="was delivered in this version")
    return Verdict(one.key, one.version, reference, "under way", why=f"is {state} already")


def _record(house: House, journey: Journey, one: SourceRecord) -> Record:
    raw = house.vault.seal(one.body)
    return Record(
        0, 0, journey.flow.name, one.key, one.version, None, EXTRACTED, raw, None, None, 0, 0, None, edited=False, extracted_at=clock.now()
    )


def _split(results: Sequence[Passed | Aside]) -> tuple[list[Record], list[Aside]]:
    passed = [_with(one) for one in results if isinstance(one, Passed)]
    return passed, [one for one in results if isinstance(one, Aside)]


def _with(one: Passed) -> Record:
    kept: dict[str, Any] = {name: value for name, value in one.values.items() if name in Record.__dataclass_fields__}
    return replace(one.record, **kept)


def _compare(house: House, journey: Journey, record: Record, crossing: Crossing | None) -> Verdict:
    job = open_job(house, record)
    parcel = order_parcel(journey, job, "", by_hand=True)
    if crossing is not None and crossing.target_key is not None:
        if crossing.delivered_version is not None and record.version < crossing.delivered_version:
            return _verdict(record, "skip", crossing.target_key, why="a newer version of it is in the target", cause="superseded")
        before = house.vault.open(crossing.delivered) if crossing.delivered else {}
        return _changes(journey, record, parcel, crossing.target_key, before)
    try:
        # Whose order it is, is not known here: its own reference must do.
        found = _patiently(lambda: look_up(journey.target, replace(parcel, by_reference_alone=True)))
    except SyncError as error:
        return _aside(record, error)
    if found is not None:
        return _changes(journey, record, parcel, found.remote.key, found.members)
    if parcel.first == "skip":
        return _verdict(record, "skip", None, why=parcel.why, cause=parcel.why)
    if parcel.first == "refuse":
        return _verdict(record, "put aside", None, why=parcel.why, cause=parcel.why)
    return _verdict(record, "create", None)


def _changes(journey: Journey, record: Record, parcel: Parcel, key: str, before: Mapping[str, Any]) -> Verdict:
    members = tuple(differences(journey.target, parcel, before))
    if moved := moved_members(journey.target, parcel, before):
        why = f"{', '.join(moved)} changed after booking, which {key} cannot take"
        return _verdict(record, "put aside", key, why=why, cause=f"conflict: {', '.join(moved)}")
    return _verdict(record, "change" if members else "unchanged", key, members=members)


def _verdict(
    record: Record, effect: Effect, target_key: str | None, *, members: tuple[str, ...] = (), why: str = "", cause: str = ""
) -> Verdict:
    return Verdict(record.source_key, record.version, record.reference, effect, target_key, members, why, cause)


def _aside(record: Record, error: SyncError) -> Verdict:
    effect: Effect = "hold" if isinstance(error, Held) else "put aside"
    return Verdict(record.source_key, record.version, record.reference, effect, why=reason(error), cause=cause(error), fields=error.fields)


def _unreadable() -> Verdict:
    why = "has no key or no time of change that can be read"
    return Verdict("unreadable", "", None, "put aside", why=why, cause="invalid: unreadable object")


def _patiently(call: Callable[[], T]) -> T:
    """Its answer, however long the budget makes it wait; a failure that may pass is met again a few times."""
    tries = 0
    while True:
        try:
            return call()
        except (Limited, Waiting) as error:
            time.sleep(min(error.retry_after, 60.0))
        except Transient as error:
            tries += 1
            if tries >= TRIES:
                raise
            time.sleep(max(backoff(tries), min(error.retry_after or 0.0, 60.0)))
