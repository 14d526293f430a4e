"""The whole story of a source object: every version seen, what became of it at each stage, what was sent and answered, and what comes
next. It is told without opening a payload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from integration import clock
from integration.ledger import budgets, lease, tables
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.holds import WAIVED
from integration.ledger.parts import rest_key, whole_key
from integration.ledger.records import BOOKED, DEAD, EXTRACTED, HELD, TRANSFORMED, VALIDATED
from integration.settings.model import Flow

NEXT_STAGE = {EXTRACTED: "transform", TRANSFORMED: "validate", VALIDATED: "load", BOOKED: "load"}
LOST_BELL = timedelta(seconds=30)
"""A batch that was due so long ago and that nobody took: nobody is there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a flow calls one source object."""

    flow: str
    source_key: str


@dataclass(frozen=True, slots=True)
class Carried:
    """A record of a batch, in a line."""

    id: int
    source_key: str
    reference: str | None
    version: str
    state: str
    due_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """`what` is one word or two (seen, mapped, created …), `detail` a sentence; `bad` where it is a failure. `lasted` in seconds."""

    at: datetime
    what: str
    detail: str
    bad: bool = False
    lasted: float | None = None
    fields: Sequence[Mapping[str, str]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the object as the line keeps it; the payloads are sealed. `mapping`: the versions of the mappings it went through."""

    record_id: int
    version: str
    state: str
    mapping: str | None
    edited: bool
    raw: bytes | None = field(repr=False)
    canonical: bytes | None = field(repr=False)
    parcel: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Story:
    """`target_key` is None until it is booked; `letters` are the ids of open dead letters; `delivered` what was written last, sealed."""

    identity: Identity
    reference: str | None
    source: str | None
    target: str | None
    target_key: str | None
    state: str
    events: Sequence[Event]
    versions: Sequence[Version]
    letters: Sequence[int]
    following: str
    delivered: bytes | None = field(repr=False)


def identities(connection: Connection, wanted: str) -> list[Identity]:
    """Whom an id may mean: a source key, an order number, a key of the target, or `record 17`; all that fit, source keys first. With
    an order come its shipments and statuses, and with one of these its order and the others."""
    r, c, d = tables.record.c, tables.crosswalk.c, tables.dead_letter.c
    word, _, number = wanted.partition(" ")
    if word == "record" and number.strip().isdigit():
        return _family(connection, _identities(connection, select(r.flow, r.source_key).where(r.id == _whole(number))))
    searches = [
        select(r.flow, r.source_key).where(r.source_key == wanted),
        select(d.flow, d.source_key).where(d.source_key == wanted, d.state == "open"),
        select(r.flow, r.source_key).where(r.reference == wanted),
        select(r.flow, r.source_key)
        .join(tables.crosswalk, c.source_key == r.source_key)
        .where(c.target_key == wanted, c.source != ANY_SOURCE),
    ]
    if wanted.isdigit():
        searches.append(select(r.flow, r.source_key).where(r.id == _whole(wanted)))
    for search in searches:
        if found := _identities(connection, search):
            return _family(connection, found)
    return []


def _family(connection: Connection, found: Sequence[Identity]) -> list[Identity]:
    """Shipments and statuses have the source key of their order for a reference; an order may be booked in parts."""
    if not found:
        return []
    r = tables.record.c
    theirs = select(r.reference).where(or_(*(and_(r.flow == one.flow, r.source_key == one.source_key) for one in found)))
    parts = sorted({key for one in found for key in (rest_key(one.source_key), whole_key(one.source_key))})
    orders = _identities(connection, select(r.flow, r.source_key).where(or_(r.source_key.in_(theirs), r.source_key.in_(parts))))
    keys = sorted({one.source_key for one in (*orders, *found)})
    of_orders = _identities(connection, select(r.flow, r.source_key).where(r.reference.in_(keys)))
    return list(dict.fromkeys((*orders, *found, *of_orders)))


def of_batch(connection: Connection, batch_id: int) -> list[Carried]:
    """The records that a batch carries now."""
    r = tables.record.c
    wanted = select(*(r[name] for name in Carried.__dataclass_fields__)).where(r.batch_id == batch_id).order_by(r.id)
    return [Carried(*row) for row in connection.execute(wanted)]


def batch(connection: Connection, batch_id: int) -> Row[Any] | None:
    """A batch with its run's `kind`."""
    b, run = tables.batch, tables.run.c
    return connection.execute(select(b, run.kind).join(tables.run, run.id == b.c.run_id).where(b.c.id == batch_id)).one_or_none()


def tell(connection: Connection, identity: Identity, flows: Mapping[str, Flow]) -> Story:
    """The story of one object. `flows` are those configured: of one that is no more, what was delivered is not known."""
    r, d = tables.record.c, tables.dead_letter.c
    of_it = (r.flow == identity.flow, r.source_key == identity.source_key)
    records = connection.execute(select(tables.record).where(*of_it).order_by(r.version)).all()
    # By record, and by key what never became one; both have an index.
    recordless = and_(d.flow == identity.flow, d.source_key == identity.source_key, d.state == "open")
    theirs = or_(d.record_id.in_([row.id for row in records]), recordless)
    letters = connection.execute(select(tables.dead_letter).where(theirs).order_by(d.id)).all()
    flow = flows.get(identity.flow)
    crossing = _crossing(connection, flow, identity.source_key) if flow else None
    ids = {row.batch_id for row in (*records, *letters)}
    batches = {row.id: row for row in (batch(connection, one) for one in ids) if row is not None}
    events = [event for row in records for event in _travel(row, [one for one in letters if one.record_id == row.id], batches, flow)]
    events += [event for letter in letters for event in _letter(letter)]
    events += [event for hold in _holds(connection, [row.id for row in records]) for event in _hold(hold)]
    if crossing is not None:
        events += _deliveries(connection, crossing, {row.id: row.version for row in records})
        if crossing.acknowledged_at is not None:
            events.append(Event(crossing.acknowledged_at, "acknowledged", f"{crossing.source} was told that it is taken over"))
    newest = records[-1] if records else None
    unfinished = [row for row in records if row.finished_at is None]
    return Story(
        identity=identity,
        reference=next((row.reference for row in reversed(records) if row.reference), None),
        source=flow.source if flow else None,
        target=flow.target if flow else None,
        target_key=crossing.target_key if crossing is not None else None,
        state=newest.state if newest else DEAD,
        events=sorted(events, key=lambda event: event.at),
        versions=[_version(row) for row in records],
        letters=[letter.id for letter in letters if letter.state == "open"],
        following=_following(connection, flow, unfinished[-1] if unfinished else None, newest, letters, crossing, batches),
        delivered=crossing.delivered if crossing is not None else None,
    )


def _version(row: Row[Any]) -> Version:
    return Version(row.id, row.version, row.state, row.mapping, row.edited, row.raw, row.canonical, row.parcel)


def _whole(number: str) -> int:
    return min(int(number[:20]), 2**63 - 1)  # more than any database counts to


def _identities(connection: Connection, search: Any) -> list[Identity]:
    return [Identity(*row) for row in connection.execute(search.distinct().limit(20))]


def _crossing(connection: Connection, flow: Flow, key: str) -> Row[Any] | None:
    c = tables.crosswalk.c
    of_flow = (c.source == flow.source, c.target == flow.target, c.entity == flow.entity)
    return connection.execute(select(tables.crosswalk).where(*of_flow, c.source_key == key)).one_or_none()


def _travel(row: Row[Any], letters: Sequence[Row[Any]], batches: Mapping[int, Row[Any]], flow: Flow | None) -> Iterable[Event]:
    """What the line did with one version. A replay moves a record to another batch; its first one is known from its dead letter."""
    first = letters[0].batch_id if letters else row.batch_id
    origin = batches.get(first)
    by = f" by a {origin.kind}, run {origin.run_id}" if origin is not None else ""
    source = flow.source if flow else "the source"
    yield Event(row.extracted_at, "seen", f"version {row.version} was read from {source}{by}, batch {first}, record {row.id}")
    if row.transformed_at is not None:
        yield Event(row.transformed_at, "mapped", f"with mapping {row.mapping}")
    if row.validated_at is not None:
        yield Event(row.validated_at, "validated", "passed every rule and the target's schema")
    if row.finished_at is not None and row.state not in (DEAD, "done"):
        yield Event(row.finished_at, row.state, row.reason or "")
    elif row.finished_at is not None and row.state == "done" and row.reason:
        yield Event(row.finished_at, "note", row.reason)


def _letter(letter: Row[Any]) -> Iterable[Event]:
    why = letter.kind if letter.fields else letter.reason
    yield Event(letter.created_at, "put aside", f"in {letter.stage}, dead letter {letter.id}: {why}", bad=True, fields=letter.fields)
    if letter.closed_at is not None:
        yield Event(letter.closed_at, letter.state, f"dead letter {letter.id}: {letter.closed_note or 'without a note'}")


def _holds(connection: Connection, record_ids: Sequence[int]) -> Sequence[Row[Any]]:
    h = tables.hold.c
    return connection.execute(select(tables.hold).where(h.record_id.in_(record_ids)).order_by(h.id)).all()


def _hold(hold: Row[Any]) -> Iterable[Event]:
    yield Event(hold.created_at, "held", f"hold {hold.id}, {_words(hold)}: {hold.reason}")
    if hold.closed_at is not None:
        yield Event(hold.closed_at, "waived" if hold.state == WAIVED else f"hold {hold.state}", f"hold {hold.id}: {hold.closed_note}")


def _words(hold: Row[Any]) -> str:
    return f"{hold.kind.replace('_', ' ')}, waits for {hold.awaits}"


def _deliveries(connection: Connection, crossing: Row[Any], versions: Mapping[int, str]) -> Iterable[Event]:
    d = tables.delivery.c
    for row in connection.execute(select(tables.delivery).where(d.crosswalk_id == crossing.id).order_by(d.id)).all():
        lasted = (row.answered_at - row.sent_at).total_seconds() if row.answered_at else None
        version = f", version {versions[row.record_id]}" if row.record_id in versions else ""
        what = row.operation.rpartition(" ")[2]
        if row.outcome == "ok":
            note = f"; {row.message}" if row.message else ""
            yield Event(row.sent_at, what, f"{row.target_key} in {crossing.target}{version}{note}", lasted=lasted)
        else:
            yield Event(row.sent_at, "sent", f"{row.outcome}{version}: {row.message}", bad=True, lasted=lasted)


def _following(
    connection: Connection,
    flow: Flow | None,
    unfinished: Row[Any] | None,
    newest: Row[Any] | None,
    letters: Sequence[Row[Any]],
    crossing: Row[Any] | None,
    batches: Mapping[int, Row[Any]],
) -> str:
    """What happens next, in one sentence."""
    if unfinished is not None:
        return _wait(connection, flow, unfinished, batches.get(unfinished.batch_id))
    still_open = [letter.id for letter in letters if letter.state == "open"]
    if still_open:
        return f"nothing by itself: dead letter {still_open[-1]} needs a person"
    if crossing is not None and crossing.target_key is not None:
        return f"nothing: it is in {crossing.target} as {crossing.target_key}; a newer version would be delivered there"
    return f"nothing: it was {newest.state}; a newer version would be looked at again" if newest is not None else "nothing"


def _wait(connection: Connection, flow: Flow | None, record: Row[Any], carrier: Row[Any] | None) -> str:
    moment = clock.now()
    if record.state == HELD:
        return _held(connection, record, moment)
    stage = NEXT_STAGE[record.state]
    step = "the word to the source that it was taken over" if record.state == BOOKED else stage
    if flow is not None and (rest := _resting(connection, flow.source if record.state == BOOKED else flow.target)):
        return rest
    if record.due_at is not None and record.due_at > moment:
        return f"{step}, due again in {_seconds(record.due_at - moment)}, because {record.reason}"
    if carrier is None or carrier.state != "open":
        return f"{step}, but its batch {record.batch_id} is closed; report this"
    if carrier.owner is not None and carrier.lease_until > moment and not lease.is_dead(carrier.owner):
        return f"{step}; a worker is at batch {carrier.id} now"
    if carrier.due_at > moment:
        return f"{step} with batch {carrier.id}, due again in {_seconds(carrier.due_at - moment)}, because {carrier.note}"
    if moment - carrier.due_at > LOST_BELL:
        return f"{step} with batch {carrier.id}, which has been due for {_seconds(moment - carrier.due_at)}: no worker takes it"
    return f"{step} with batch {carrier.id}, which is due now"


def _held(connection: Connection, record: Row[Any], moment: datetime) -> str:
    h = tables.hold.c
    hold = connection.execute(select(tables.hold).where(h.record_id == record.id, h.state == "open")).one()
    end = "is sent without it" if hold.kind == "tracking" else "becomes a dead letter"
    left, looked = _seconds(max(hold.deadline - moment, timedelta())), _seconds(max(hold.check_at - moment, timedelta()))
    return (
        f"on hold since {clock.text(hold.since)}, {_words(hold)}; goes on by itself when that is there (looked at again in {looked}), "
        f"and {end} in {left}; `integration holds` shows, releases and cancels it"
    )


def _resting(connection: Connection, name: str) -> str | None:
    pause = budgets.pauses(connection).get(name)
    return f"{name} rests for {_seconds(timedelta(seconds=pause.left))} more, because {pause.reason}" if pause is not None else None


def _seconds(span: timedelta) -> str:
    seconds = span.total_seconds()
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 60 / 24:.0f} days"
