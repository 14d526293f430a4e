"""Records: one version of one source object each, from the page that was read to the end of its journey.

States: extracted → transformed → validated → booked → done, or an end aside: unchanged, superseded, skipped, dead; held is a wait aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, tuple_, update

from integration import clock
from integration.errors import FieldError, SyncError
from integration.ledger import tables
from integration.ledger.vault import Vault, fingerprint
from integration.ports import Body, SourceRecord

log = structlog.get_logger()

EXTRACTED, TRANSFORMED, VALIDATED, BOOKED = "extracted", "transformed", "validated", "booked"
HELD = "held"
DONE, UNCHANGED, SUPERSEDED, SKIPPED, DEAD = "done", "unchanged", "superseded", "skipped", "dead"
ENDS = (DONE, UNCHANGED, SUPERSEDED, SKIPPED, DEAD)

Email = Callable[[Body], str | None]
"""Finds the e-mail address of the person whom a source record is about."""

AFRESH: dict[str, Any] = {
    "state": EXTRACTED,
    "attempts": 0,
    "kills": 0,
    "due_at": None,
    "reason": None,
    "transformed_at": None,
    "validated_at": None,
    "booked_at": None,
    "finished_at": None,
}
"""The columns of a record that begins its journey once more."""

KILLS_ALLOWED = 3
"""A record that was being handled when its worker died, this often, is not tried again: once in company, then alone."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a stage sees it; the payloads are opened on demand by the stage that needs them."""

    id: int
    batch_id: int
    flow: str
    source_key: str
    version: str
    reference: str | None
    state: str
    raw: bytes | None
    canonical: bytes | None
    parcel: bytes | None
    attempts: int
    kills: int
    due_at: datetime | None
    edited: bool
    extracted_at: datetime


@dataclass(frozen=True, slots=True)
class Passed:
    """A record that goes on; `values` are the columns that the stage fills."""

    record: Record
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aside:
    """A record that needs a person."""

    record: Record
    error: SyncError


def store_page(
    connection: Connection,
    vault: Vault,
    flow: str,
    batch_id: int,
    page: Sequence[SourceRecord],
    named: Callable[[Body], Body],
    read_at: datetime,
    *,
    again: bool = False,
    email: Email | None = None,
) -> int:
    """Keep what was never seen in this version; gives how many that were. With `again` what was skipped comes along once more.
    `named` is the part of a body that can be read, by which two of one version are compared. `read_at` is the moment before the page
    was asked for: whatever it says was true then or later. `email` finds the person whom a body is about; where there is none to be
    found by, no more of it is kept than is `named`."""

    def kept(body: Body) -> dict[str, Any]:
        if email is None:
            return {"raw": vault.seal(named(body))}
        return {"raw": vault.seal(body), "subject": vault.subject(email(body))}

    r = tables.record.c
    wanted = {(one.key, one.version): one for one in page}
    if not wanted:
        return 0
    known = set(
        connection.execute(select(r.source_key, r.version).where(r.flow == flow, tuple_(r.source_key, r.version).in_(list(wanted))))
    )
    fresh = [
        {
            "batch_id": batch_id,
            "flow": flow,
            "source_key": one.key,
            "version": one.version,
            "state": EXTRACTED,
            **kept(one.body),
            "edited": False,
            "attempts": 0,
            "kills": 0,
            "extracted_at": read_at,
        }
        for identity, one in wanted.items()
        if identity not in known
    ]
    if fresh:
        connection.execute(insert(tables.record), fresh)
    seen = [wanted[identity] for identity in map(tuple, known) if identity in wanted]
    anew = _take_up_changed(connection, vault, flow, batch_id, seen, named, kept)
    return len(fresh) + anew + (_take_up_skipped(connection, flow, batch_id, known) if again and known else 0)


def _take_up_changed(
    connection: Connection,
    vault: Vault,
    flow: str,
    batch_id: int,
    page: Sequence[SourceRecord],
    named: Callable[[Body], Body],
    kept: Callable[[Body], dict[str, Any]],
) -> int:
    """A dead or held record that is read again in the same version but says more: a system may leave out what is optional, and not
    always.

    Its letter or hold stays until the record is through, or tells its new fault; one whose letter a person has settled stays as it is.
    """
    r, d = tables.record.c, tables.dead_letter.c
    if not page:
        return 0
    bodies = {(one.key, one.version): one.body for one in page}
    waits_for_a_person = select(d.id).where(d.record_id == r.id, d.state == "open").exists()
    dead = connection.execute(
        select(r.id, r.source_key, r.version, r.raw).where(
            r.flow == flow,
            or_(r.state == HELD, and_(r.state == DEAD, waits_for_a_person)),
            r.raw.is_not(None),
            ~r.edited,
            tuple_(r.source_key, r.version).in_(list(bodies)),
        )
    ).all()
    changed = [row for row in dead if fingerprint(named(vault.open(row.raw))) != fingerprint(named(bodies[row.source_key, row.version]))]
    for row in changed:
        body = kept(bodies[row.source_key, row.version])
        connection.execute(update(tables.record).where(r.id == row.id).values(batch_id=batch_id, **body, **AFRESH))
    return len(changed)


def _take_up_skipped(connection: Connection, flow: str, batch_id: int, known: Iterable[tuple[str, str]]) -> int:
    r = tables.record.c
    return connection.execute(
        update(tables.record)
        .where(r.flow == flow, r.state == SKIPPED, r.raw.is_not(None), tuple_(r.source_key, r.version).in_(list(known)))
        .values(batch_id=batch_id, **AFRESH)
    ).rowcount


_COLUMNS = [tables.record.c[name] for name in Record.__dataclass_fields__]


def under_way(connection: Connection, flows: Sequence[str], reference: str) -> bool:
    """Whether a record of these flows that belongs to `reference` is validated and not ended, so that it may have been sent."""
    r = tables.record.c
    wanted = select(r.id).where(r.flow.in_(flows), r.reference == reference, r.state == VALIDATED).limit(1)
    return connection.execute(wanted).first() is not None


def of_batch(connection: Connection, batch_id: int, states: Iterable[str], due: datetime | None = None) -> list[Record]:
    """The records of a batch in these states, oldest version first; with `due`, only those not waiting beyond it."""
    r = tables.record.c
    wanted = select(*_COLUMNS).where(r.batch_id == batch_id, r.state.in_(tuple(states))).order_by(r.id)
    if due is not None:
        wanted = wanted.where(r.due_at.is_(None) | (r.due_at <= due))
    return [Record(*row) for row in connection.execute(wanted)]


def oldest(connection: Connection, flow: str, keys: Sequence[str], state: str) -> dict[str, str]:
    """The oldest version in this state of each of these source keys that has one."""
    r = tables.record.c
    oldest: dict[str, str] = {}
    for key, version in connection.execute(select(r.source_key, r.version).where(r.flow == flow, r.source_key.in_(keys), r.state == state)):
        oldest[key] = min(version, oldest.get(key, version))  # not the database's min: its collation may sort otherwise than we do
    return oldest


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Record]:
    r = tables.record.c
    return [Record(*row) for row in connection.execute(select(*_COLUMNS).where(r.id.in_(ids)).order_by(r.id))]


def count_kill(connection: Connection, some: Sequence[Record]) -> None:
    """Before a few records are handled: should the worker die of one, this is what remains."""
    r = tables.record.c
    connection.execute(update(tables.record).where(r.id.in_([one.id for one in some])).values(kills=r.kills + 1))


def forgive_kill(connection: Connection, some: Sequence[Record]) -> None:
    connection.execute(update(tables.record).where(tables.record.c.id.in_([one.id for one in some])).values(kills=0))


def change(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Update many records at once; each row holds `id` and the columns to set. Rows with the same columns travel together."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append({("row_id" if name == "id" else name): value for name, value in row.items()})
    for members in groups.values():
        connection.execute(update(tables.record).where(tables.record.c.id == bindparam("row_id")), members)


def settle(connection: Connection, stage: str, state: str, stamp: str, results: Sequence[Passed | Aside]) -> None:
    """Write what a stage made of its records: the good ones on to `state` at the time column `stamp`, the others aside."""
    moment = clock.now()
    good = [{"id": one.record.id, "state": state, stamp: moment, "kills": 0, **one.values} for one in results if isinstance(one, Passed)]
    change(connection, good)
    set_aside(connection, stage, [one for one in results if isinstance(one, Aside)])


def set_aside(connection: Connection, stage: str, letters: Sequence[Aside]) -> None:
    """Records that need a person become dead letters, with reason and field errors, in the same transaction.

    An order has one open letter: that of its newest version, with its newest fault.
    """
    moment = clock.now()
    letters = _without_overtaken(connection, letters, moment)
    if not letters:
        return
    change(
        connection,
        [{"id": one.record.id, "state": DEAD, "reason": reason(one.error), "finished_at": moment, "due_at": None} for one in letters],
    )
    for one in letters:
        log.warning("put aside", record=one.record.id, source_key=one.record.source_key, cause=cause(one.error))
    d = tables.dead_letter.c
    standing = select(d.record_id, d.id).where(d.state == "open", d.record_id.in_([one.record.id for one in letters]))
    letter_of = {row.record_id: row.id for row in connection.execute(standing)}
    told = [{**_told(stage, one), "row_id": letter_of[one.record.id]} for one in letters if one.record.id in letter_of]
    if told:
        connection.execute(update(tables.dead_letter).where(d.id == bindparam("row_id")), told)
    new = [
        {
            **_told(stage, one),
            "flow": one.record.flow,
            "record_id": one.record.id,
            "source_key": one.record.source_key,
            "version": one.record.version,
            "state": "open",
            "created_at": moment,
        }
        for one in letters
        if one.record.id not in letter_of
    ]
    if new:
        connection.execute(insert(tables.dead_letter), new)
        close_older_letters(connection, [one.record for one in letters], "a newer version of it is here", itself=False)


def _without_overtaken(connection: Connection, letters: Sequence[Aside], moment: datetime) -> list[Aside]:
    """Those of whose order no newer version has a letter already: an older one that was delayed would only say it again."""
    d = tables.dead_letter.c
    flows, keys = {one.record.flow for one in letters}, sorted({one.record.source_key for one in letters})
    standing = select(d.flow, d.source_key, func.max(d.version)).where(d.state == "open", d.flow.in_(flows), d.source_key.in_(keys))
    newest = {(flow, key): version for flow, key, version in connection.execute(standing.group_by(d.flow, d.source_key))}
    overtaken = {one.record.id for one in letters if (newest.get((one.record.flow, one.record.source_key)) or "") > one.record.version}
    why = "a newer version of it is with the dead letters"
    over = {"state": SUPERSEDED, "reason": why, "finished_at": moment, "due_at": None}
    change(connection, [{"id": record_id, **over} for record_id in sorted(overtaken)])
    return [one for one in letters if one.record.id not in overtaken]


def _told(stage: str, letter: Aside) -> dict[str, Any]:
    return {
        "batch_id": letter.record.batch_id,
        "stage": stage,
        "kind": letter.error.kind,
        "cause": cause(letter.error),
        "reason": reason(letter.error),
        "fields": [{"field": fault.field, "message": fault.message} for fault in letter.error.fields],
    }


def close_older_letters(connection: Connection, settled: Sequence[Record], note: str, *, itself: bool) -> None:
    """Dead letters of orders that are settled in these versions need nobody any more: those of older ones, and with `itself`
    those of the version."""
    d = tables.dead_letter.c
    newest = {record.source_key: record.version for record in sorted(settled, key=lambda record: record.version)}
    if not newest:
        return
    flow = settled[0].flow
    rows = connection.execute(
        select(d.id, d.source_key, d.version).where(d.state == "open", d.flow == flow, d.source_key.in_(sorted(newest)))
    ).all()
    over = [
        row.id
        for row in rows
        if row.version is None or row.version < newest[row.source_key] or (itself and row.version == newest[row.source_key])
    ]
    if over:
        connection.execute(update(tables.dead_letter).where(d.id.in_(over)).values(state="closed", closed_at=clock.now(), closed_note=note))


def set_aside_unreadable(connection: Connection, flow: str, batch_id: int, objects: Sequence[Any]) -> None:
    """Objects without a key or version cannot become records; each is told once, by a fingerprint."""
    d = tables.dead_letter.c
    for one in objects:
        key = f"unreadable {fingerprint(one)[:12]}"
        if connection.execute(select(d.id).where(d.flow == flow, d.source_key == key).limit(1)).first() is None:
            fault = "has no key or no time of change that can be read; correct it in the source system"
            connection.execute(
                insert(tables.dead_letter).values(
                    flow=flow,
                    batch_id=batch_id,
                    source_key=key,
                    stage="extract",
                    kind="invalid",
                    cause="invalid: unreadable object",
                    reason=f"an object of the page {fault}",
                    fields=[{"field": "", "message": fault}],
                    state="open",
                    created_at=clock.now(),
                )
            )


def set_aside_batch(connection: Connection, flow: str, batch_id: int, stage: str, error: SyncError) -> None:
    """A dead letter for a batch that has no records to put aside, such as a page that cannot be read."""
    connection.execute(
        insert(tables.dead_letter).values(
            flow=flow,
            batch_id=batch_id,
            source_key=f"batch {batch_id}",
            stage=stage,
            kind=error.kind,
            cause=cause(error),
            reason=reason(error),
            fields=[{"field": fault.field, "message": fault.message} for fault in error.fields],
            state="open",
            created_at=clock.now(),
        )
    )


def cause(error: SyncError) -> str:
    """What dead letters are grouped by: the kind and the fields at fault, without keys, indexes and amounts."""
    fields = sorted({_general(fault.field) for fault in error.fields})
    if fields:
        return f"{error.kind}: {', '.join(fields)}"[:200]
    return f"{error.kind}: {_general(error.message)}"[:200]


def reason(error: SyncError) -> str:
    if error.fields:
        return "; ".join(str(fault) for fault in error.fields)
    return error.message


def _general(text: str) -> str:
    """The text with numbers taken out: `lines[3].sku` and `lines[0].sku` are one cause."""
    general = "".join("#" if sign.isdigit() else sign for sign in text)
    while "##" in general:
        general = general.replace("##", "#")
    return general.replace("[#]", "[]")


def poisoned(record: Record) -> SyncError:
    return SyncError(
        f"its worker died {record.kills} times while at work on this record, at last alone; look into its log, then replay or dismiss this",
        (FieldError("", f"killed its worker {record.kills} times"),),
    )


def named(connection: Connection, flow: str, names: Iterable[str]) -> dict[str, str]:
    """The source keys of records by what another system calls them: the key itself, else the number that people know it by. A number that
    two of them have names neither."""
    r = tables.record.c
    wanted = sorted(set(names))
    rows = connection.execute(
        select(r.source_key, r.reference).where(r.flow == flow, or_(r.source_key.in_(wanted), r.reference.in_(wanted))).distinct()
    ).all()
    keys: dict[str, set[str]] = {}
    for row in rows:
        keys.setdefault(row.reference, set()).add(row.source_key)
    found = {name: next(iter(some)) for name, some in keys.items() if len(some) == 1 and name in wanted}
    return found | {row.source_key: row.source_key for row in rows if row.source_key in wanted}
