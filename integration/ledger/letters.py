"""Dead letters as a person meets them: grouped by cause, listed, replayed (corrected on the way, if need be) or dismissed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select, update

from integration import clock
from integration.errors import Misconfigured
from integration.ledger import batches, records, tables
from integration.ledger.records import AFRESH, DEAD
from integration.ledger.vault import Vault
from integration.ports import Body
from integration.suggest import did_you_mean

OPEN, REPLAYED, DISMISSED = "open", "replayed", "dismissed"

BATCH = 100
"""Records of one replay batch: as many as of a page."""

AT_ONCE = 500
"""Rows named in one statement; every database takes so many."""

ADVICE: Mapping[str, str] = {
    "invalid": "correct it in the source, or replay it with --set field=value",
    "refused": "read what the target says, correct it there or with --set, then replay",
    "conflict": "decide which side is right: correct the other by hand and dismiss, or replay",
    "held": "bring what it waited for, or correct it, then replay",
    "misconfigured": "mend the setting that it names, then replay",
    "bug": "report it with its place in the program; replay once that is mended",
}
_OTHERWISE = "the system failed too often: see `integration status`, then replay"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `record_id` is None where the object never became a record, such as a page that could not be read."""

    id: int
    flow: str
    batch_id: int
    record_id: int | None
    source_key: str
    version: str | None
    reference: str | None
    stage: str
    kind: str
    cause: str
    reason: str
    fields: Sequence[Mapping[str, str]]
    state: str
    created_at: datetime
    closed_at: datetime | None
    closed_note: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Dead letters of one cause and state; `example` is the newest of them."""

    flow: str
    cause: str
    kind: str
    state: str
    count: int
    first: datetime
    last: datetime
    example: Letter

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return self.flow, self.cause, self.kind, self.state

    @property
    def advice(self) -> str:
        return advice(self.kind)


@dataclass(frozen=True, slots=True)
class Replayed:
    """`gone`: letters that stay open, because there is no payload (any more) that could be sent once more."""

    letters: Sequence[Letter]
    gone: Sequence[Letter]
    batches: Sequence[int]


def advice(kind: str) -> str:
    return ADVICE.get(kind, _OTHERWISE)


def groups(connection: Connection, *, flow: str | None = None, cause: str | None = None, everything: bool = False) -> list[Group]:
    """The largest first. `everything` tells of those that are settled too."""
    d = tables.dead_letter.c
    same = (d.flow, d.cause, d.kind, d.state)
    found = connection.execute(
        select(*same, func.count(), func.min(d.created_at), func.max(d.created_at), func.max(d.id))
        .where(*_among(connection, flow, cause, everything))
        .group_by(*same)
        .order_by(func.count().desc(), func.max(d.id).desc())
    ).all()
    examples = {letter.id: letter for letter in _letters(connection, [row[-1] for row in found])}
    return [
        Group(flow, cause, kind, state, count, first, last, examples[newest])
        for flow, cause, kind, state, count, first, last, newest in found
    ]


def get(connection: Connection, wanted: Sequence[int]) -> list[Letter]:
    """Raises Misconfigured for an id that no dead letter has."""
    found = _letters(connection, wanted)
    missing = [str(one) for one in wanted if one not in {letter.id for letter in found}]
    if missing:
        raise Misconfigured(f"there is no dead letter {', '.join(missing)}; `integration dead-letters list --all` shows what there is")
    return found


def still_open(connection: Connection, *, flow: str | None = None, cause: str | None = None) -> list[Letter]:
    """Those that wait for a person, the oldest first."""
    return listed(connection, flow=flow, cause=cause)


def listed(connection: Connection, *, flow: str | None = None, cause: str | None = None, everything: bool = False) -> list[Letter]:
    """Each letter that `groups` counts, the oldest first."""
    d = tables.dead_letter.c
    return _letters(connection, connection.execute(select(d.id).where(*_among(connection, flow, cause, everything))).scalars().all())


def replay(
    connection: Connection, vault: Vault, letters: Sequence[Letter], change: Callable[[str, Body], Body] | None = None, changed: str = ""
) -> Replayed:
    """Send the records of open letters through the line once more, in a run of their own for each flow.

    `change` makes the edited payload of a flow's payload, `changed` names the members that it sets, never their values. What it
    raises undoes the whole replay, as it is one transaction.
    """
    d, r = tables.dead_letter.c, tables.record.c
    moment = clock.now()
    payloads: dict[int, bytes | None] = {}
    for some in _some(sorted({letter.record_id for letter in letters if letter.record_id is not None})):
        dead = select(r.id, r.raw).where(r.id.in_(some), r.state == DEAD).order_by(r.id).with_for_update()
        payloads |= {row.id: row.raw for row in connection.execute(dead).all()}
    able = [letter for letter in letters if letter.record_id is not None and payloads.get(letter.record_id) is not None]
    made: list[int] = []
    for carried in _by_batch(able):
        batch_id = _open_batch(connection, carried[0].flow, len(carried), made)
        note = f"in batch {batch_id}" + (f", with {changed} set" if change else "")
        rows = []
        for letter in carried:
            raw = payloads[letter.record_id or 0]
            if change is not None and raw is not None:
                raw = vault.seal(_changed(change, letter, vault.open(raw)))
                rows.append({"id": letter.record_id, "batch_id": batch_id, "raw": raw, "edited": True, **AFRESH})
            else:
                rows.append({"id": letter.record_id, "batch_id": batch_id, **AFRESH})
        records.change(connection, rows)
        ids = [letter.id for letter in carried]
        connection.execute(
            update(tables.dead_letter).where(d.id.in_(ids), d.state == OPEN).values(state=REPLAYED, closed_at=moment, closed_note=note)
        )
    # What the target did not know a moment ago may be why somebody replays: it is asked for again.
    connection.execute(delete(tables.item).where(or_(tables.item.c.target_sku.is_(None), ~tables.item.c.active)))
    sent = {letter.id for letter in able}
    return Replayed(able, [letter for letter in letters if letter.id not in sent], made)


def dismiss(connection: Connection, letters: Sequence[Letter], note: str) -> int:
    """Settle letters without sending anything; gives how many were still open."""
    d = tables.dead_letter.c
    dismissed = 0
    for some in _some([letter.id for letter in letters]):
        values = {"state": DISMISSED, "closed_at": clock.now(), "closed_note": note}
        dismissed += connection.execute(update(tables.dead_letter).where(d.id.in_(some), d.state == OPEN).values(**values)).rowcount
    return dismissed


def last_dismissed(connection: Connection, flow: str, source_key: str, kind: str) -> bytes | None:
    """The sealed parcel, if it is still there, of the record whose letter of this kind a person has dismissed last."""
    d, r = tables.dead_letter.c, tables.record.c
    wanted = (
        select(r.parcel)
        .join_from(tables.dead_letter, tables.record, r.id == d.record_id)
        .where(d.flow == flow, d.source_key == source_key, d.kind == kind, d.state == DISMISSED)
        .order_by(d.id.desc())
        .limit(1)
    )
    return connection.execute(wanted).scalar_one_or_none()


def _among(connection: Connection, flow: str | None, cause: str | None, everything: bool) -> list[ColumnElement[bool]]:
    """The condition of a listing. A cause may be given in part, whatever its case; one that none has raises Misconfigured."""
    d = tables.dead_letter.c
    conditions: list[ColumnElement[bool]] = [] if everything else [d.state == OPEN]
    if flow is not None:
        conditions.append(d.flow == flow)
    if cause is not None:
        known = connection.execute(select(d.cause).where(*conditions).distinct()).scalars().all()
        wanted = [one for one in known if one == cause] or [one for one in known if cause.lower() in one.lower()]
        if not wanted:
            raise Misconfigured(f"no dead letter has the cause `{cause}`; {did_you_mean(cause, known)}", "--cause")
        conditions.append(d.cause.in_(wanted))
    return conditions


def _letters(connection: Connection, wanted: Sequence[int]) -> list[Letter]:
    d, r = tables.dead_letter, tables.record
    columns: list[Any] = [r.c.reference if name == "reference" else d.c[name] for name in Letter.__dataclass_fields__]
    found: list[Letter] = []
    for some in _some(sorted(set(wanted))):
        rows = select(*columns).join_from(d, r, r.c.id == d.c.record_id, isouter=True).where(d.c.id.in_(some)).order_by(d.c.id)
        found += [Letter(*row) for row in connection.execute(rows)]
    return found


def _by_batch(letters: Sequence[Letter]) -> Iterator[list[Letter]]:
    flows: dict[str, dict[int, Letter]] = {}
    for letter in letters:
        flows.setdefault(letter.flow, {})[letter.record_id or 0] = letter
    for theirs in flows.values():
        carried = list(theirs.values())
        yield from (carried[start : start + BATCH] for start in range(0, len(carried), BATCH))


def _open_batch(connection: Connection, flow: str, size: int, made: list[int]) -> int:
    """The next batch of the flow's replay, in one run with those made before."""
    b = tables.batch.c
    page: dict[str, Any] = {batches.REPLAY: True}
    run_id = connection.execute(select(b.run_id).where(b.id.in_(made), b.flow == flow).limit(1)).scalar_one_or_none() if made else None
    if run_id is None:
        _, batch_id = batches.start_run(connection, flow, batches.REPLAY, "live", page, stage="transform", size=size, rung=False)
    else:
        batch_id = batches.add_batch(connection, run_id, flow, "live", "transform", page, size=size, rung=False)
    made.append(batch_id)
    return batch_id


def _changed(change: Callable[[str, Body], Body], letter: Letter, raw: Body) -> Body:
    try:
        return change(letter.flow, raw)
    except Misconfigured as error:
        raise Misconfigured(f"{error.message}; dead letter {letter.id} cannot be edited so, and nothing was replayed") from None


def _some(wanted: Sequence[int]) -> Iterator[Sequence[int]]:
    return (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE))
