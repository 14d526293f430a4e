"""What a reconciliation has found so far, kept page by page, and what the ledger knows of the orders of a page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from integration import clock
from integration.ledger import tables
from integration.ledger.database import write
from integration.settings.model import Flow

KIND = "reconcile"
"""The kind of a run that compares; its place is the time of creation up to which the channel's orders were read."""

SAME_WORDS_FOR = timedelta(days=1)
"""So long do words like `7d` and `now` mean the run that they began."""

Verdict = Literal["proven", "explained", "missing", "double", "different"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one order: `amount` is what it is worth on the channel, None where it is void or cannot be read; `booked` has key and amount
    of each order in the target that counts. `repairable`: sent through the line again it comes right."""

    source_key: str
    reference: str | None
    verdict: Verdict
    cause: str
    advice: str
    repairable: bool
    currency: str | None
    amount: str | None
    booked: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says of an order: the state of its newest version and why, an open dead letter or hold, one that was dismissed,
    and as what it was booked in which version."""

    state: str | None = None
    reason: str | None = None
    letter: tuple[int, str] | None = None
    hold: tuple[int, str] | None = None
    dismissed: tuple[int, str] | None = None
    target_key: str | None = None
    version: str | None = None


_COLUMNS = [tables.finding.c[name] for name in Finding.__dataclass_fields__]


def begin(engine: Engine, flow: str, since: datetime, until: datetime, words: str) -> tuple[Row[Any], bool]:
    """The run of this window, and whether it goes on from where it was. The findings of an older one go."""
    r, f = tables.run.c, tables.finding.c
    moment = clock.now()
    with write(engine) as connection:
        mine = select(tables.run).where(r.flow == flow, r.kind == KIND, r.state == "open").order_by(r.id.desc())
        for run in connection.execute(mine.with_for_update()).all():
            if (run.since, run.until) == (since, until) or (moment - run.started_at < SAME_WORDS_FOR and run.note == words):
                return run, True
            connection.execute(update(tables.run).where(r.id == run.id).values(state="stopped", finished_at=moment))
        older = select(r.id).where(r.flow == flow, r.kind == KIND)
        connection.execute(delete(tables.finding).where(f.run_id.in_(older.scalar_subquery())))
        values = {"flow": flow, "kind": KIND, "lane": "reconcile", "state": "open", "since": since, "until": until, "place": since}
        made = insert(tables.run).values(**values, started_at=moment, note=words).returning(*tables.run.c)
        return connection.execute(made).one(), False


def reached(connection: Connection, run_id: int, place: datetime) -> None:
    connection.execute(update(tables.run).where(tables.run.c.id == run_id).values(place=place))


def end(connection: Connection, run_id: int) -> None:
    connection.execute(update(tables.run).where(tables.run.c.id == run_id).values(state="done", finished_at=clock.now()))


def keep(connection: Connection, run_id: int, found: Iterable[Finding]) -> None:
    """What was found of an order before, on a page that is read again, is replaced."""
    f = tables.finding.c
    rows = {one.source_key: {**asdict(one), "run_id": run_id} for one in found}
    if rows:
        connection.execute(delete(tables.finding).where(f.run_id == run_id, f.source_key.in_(list(rows))))
        connection.execute(insert(tables.finding), list(rows.values()))


def listed(connection: Connection, run_id: int, verdicts: Collection[str]) -> list[Finding]:
    f = tables.finding.c
    rows = select(*_COLUMNS).where(f.run_id == run_id, f.verdict.in_(sorted(verdicts))).order_by(f.verdict, f.source_key)
    return [Finding(*row) for row in connection.execute(rows)]


def known(connection: Connection, flow: Flow, keys: Collection[str]) -> dict[str, Known]:
    r, d, h, c = tables.record.c, tables.dead_letter.c, tables.hold.c, tables.crosswalk.c
    wanted = sorted(keys)
    of_keys = select(r.source_key, func.max(r.version).label("version")).where(r.flow == flow.name, r.source_key.in_(wanted))
    newest = of_keys.group_by(r.source_key).subquery()
    same = (r.source_key == newest.c.source_key) & (r.version == newest.c.version) & (r.flow == flow.name)
    records = {row.source_key: row for row in connection.execute(select(r.id, r.source_key, r.state, r.reason).join(newest, same))}
    letters = select(d.id, d.source_key, d.reason, d.record_id, d.state, d.closed_note).where(d.flow == flow.name, d.source_key.in_(wanted))
    still_open = {row.source_key: (row.id, row.reason) for row in connection.execute(letters.where(d.state == "open"))}
    ids = {row.id for row in records.values()}
    by_record = letters.where(d.record_id.in_(sorted(ids)), d.state == "dismissed").order_by(d.id)
    dismissed = {row.source_key: (row.id, row.closed_note or "") for row in connection.execute(by_record)}
    holds = select(h.id, h.source_key, h.kind, h.reason).where(h.flow == flow.name, h.source_key.in_(wanted), h.state == "open")
    held = {row.source_key: (row.id, f"{row.kind}: {row.reason}") for row in connection.execute(holds)}
    crosswalk = select(c.source_key, c.target_key, c.delivered_version).where(
        c.source == flow.source, c.target == flow.target, c.entity == flow.entity, c.source_key.in_(wanted)
    )
    crossed = {row.source_key: row for row in connection.execute(crosswalk)}
    return {
        key: Known(
            state=records[key].state if key in records else None,
            reason=records[key].reason if key in records else None,
            letter=still_open.get(key),
            hold=held.get(key),
            dismissed=dismissed.get(key),
            target_key=crossed[key].target_key if key in crossed else None,
            version=crossed[key].delivered_version if key in crossed else None,
        )
        for key in wanted
    }
