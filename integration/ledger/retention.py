"""Deletes what has been kept long enough, in small pieces: first the payloads of what has ended, later its whole story.

What keeps an order from being booked twice stays: the crosswalk's keys and the lines that were booked and shipped. They hold nothing
personal, see docs/privacy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, exists, or_, select, update

from integration import clock
from integration.dispute import KEPT
from integration.forgotten import forgotten
from integration.ledger import billed, tables
from integration.ledger.crosswalk import ANY_SOURCE, MATCH
from integration.ledger.vault import Vault
from integration.settings.model import Flow

AT_ONCE = 50
"""Records of one transaction; on SQLite the workers wait meanwhile, some milliseconds."""

PAYLOADS = ("raw", "canonical", "parcel")


def drop_payloads(connection: Connection, vault: Vault, flow: str, before: datetime) -> list[str]:
    """Of the next records of a flow whose newest version ended before then; gives the source key of each."""
    r = tables.record.c
    rows = connection.execute(
        select(r.id, r.source_key, r.parcel)
        .where(r.flow == flow, r.raw.is_not(None), r.finished_at.is_not(None), _over(before))
        .order_by(r.finished_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=tables.record)
    ).all()
    if rows:
        forget_customers(connection, vault, [row.parcel for row in rows if row.parcel is not None])
        connection.execute(update(tables.record).where(r.id.in_([row.id for row in rows])).values(dict.fromkeys(PAYLOADS)))
    return [row.source_key for row in rows]


def forget_customers(connection: Connection, vault: Vault, parcels: Sequence[bytes]) -> None:
    """Of the customers of these orders no content is known any more, not by its hash either; whoever compares reads it in the target."""
    c = tables.crosswalk.c
    keys = {(vault.open(parcel).get("customer") or {}).get("key") for parcel in parcels} - {None}
    if keys:
        customers = (c.source == ANY_SOURCE, c.entity == "customer", c.source_key.in_(sorted(keys)))
        connection.execute(update(tables.crosswalk).where(*customers).values(delivered_hash=None))


def forget_delivered_elsewhere(connection: Connection, flows: Collection[Flow], before: datetime) -> int:
    """What was delivered by flows that are configured no more, whose personal members nobody knows; gives how many those were."""
    c = tables.crosswalk.c
    ours = or_(*(and_(c.source == flow.source, c.target == flow.target, c.entity == flow.entity) for flow in flows))
    old = select(c.id).where(~ours, c.delivered.is_not(None), c.updated_at < before).order_by(c.id).limit(AT_ONCE)
    ids = connection.execute(old).scalars().all()
    if ids:
        connection.execute(update(tables.crosswalk).where(c.id.in_(ids)).values(delivered=None, delivered_hash=None))
    return len(ids)


def flows_read(connection: Connection) -> set[str]:
    """Every flow that ever read anything, configured or not."""
    return set(connection.execute(select(tables.cursor.c.flow)).scalars())


def forget_delivered(
    connection: Connection, vault: Vault, flow: Flow, keys: Collection[str], personal: Collection[str], *, wholly: bool = False
) -> None:
    """Of what was delivered the `personal` members go; what stays says what was booked, in which lines and amounts."""
    c = tables.crosswalk.c
    of_flow = (c.source == flow.source, c.target == flow.target, c.entity == flow.entity)
    rows = connection.execute(
        select(c.id, c.delivered).where(*of_flow, c.source_key.in_(sorted(keys)), c.delivered.is_not(None)).order_by(c.id).with_for_update()
    ).all()
    changed = []
    for row in rows:
        members = vault.open(row.delivered)
        left = _impersonal(members, personal, wholly=wholly)
        if KEPT in members:
            left[KEPT] = _impersonal(members[KEPT], personal, wholly=wholly)
        changed.append({"row_id": row.id, "delivered": vault.seal(left)})
    if changed:
        # The hash is one of the whole content, address and all.
        stripped = update(tables.crosswalk).where(c.id == bindparam("row_id")).values(delivered_hash=None, updated_at=clock.now())
        connection.execute(stripped, changed)


def _impersonal(members: Mapping[str, Any], personal: Collection[str], *, wholly: bool) -> dict[str, Any]:
    """`personal` names members, `Lines[].CommentText` those of each element of a list."""
    inner: dict[str, list[str]] = {}
    for path in personal:
        name, listed, member = path.partition("[].")
        if listed:
            inner.setdefault(name, []).append(member)

    def left(name: str, value: Any) -> Any:
        if name in personal:
            return forgotten(value, wholly=wholly)
        if name in inner and isinstance(value, list):
            return [_impersonal(one, inner[name], wholly=wholly) for one in value]
        return value

    return {name: left(name, value) for name, value in members.items()}


def drop_stories(connection: Connection, flow: str, before: datetime, invoices_of: str | None = None) -> int:
    """Of the next records of a flow whose payloads are gone and whose newest version ended before then; gives how many those were. With
    them goes what they said of orders being billed, where they are invoices of the connection `invoices_of`."""
    r = tables.record.c
    rows = connection.execute(
        select(r.id, r.batch_id, r.source_key)
        .where(r.flow == flow, r.raw.is_(None), r.finished_at.is_not(None), _over(before))
        .order_by(r.finished_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, of=tables.record)
    ).all()
    if rows:
        ids = [row.id for row in rows]
        for table in (tables.dead_letter, tables.hold, tables.delivery):
            connection.execute(delete(table).where(table.c.record_id.in_(ids)))
        connection.execute(delete(tables.record).where(r.id.in_(ids)))
        if invoices_of is not None:
            billed.drop(connection, invoices_of, {row.source_key for row in rows})
        _drop_empty_batches(connection, sorted({row.batch_id for row in rows}))
    return len(rows)


def drop_what_has_no_record(connection: Connection, before: datetime) -> int:
    """Settled letters of pages that could not be read, the next lines of what was sent of customers, and what such a one was claimed by
    that nobody came back for; gives how many those were."""
    d, v = tables.dead_letter.c, tables.delivery.c
    letters = connection.execute(delete(tables.dead_letter).where(d.record_id.is_(None), d.state != "open", d.closed_at < before))
    # Their ids are in the order of time, so that only the oldest need be looked at.
    oldest = select(v.id, v.sent_at).where(v.record_id.is_(None)).order_by(v.id).limit(AT_ONCE).subquery()
    sent = connection.execute(delete(tables.delivery).where(v.id.in_(select(oldest.c.id).where(oldest.c.sent_at < before))))
    c = tables.crosswalk.c
    claims = connection.execute(delete(tables.crosswalk).where(c.source == ANY_SOURCE, c.entity == MATCH, c.updated_at < before))
    return letters.rowcount + sent.rowcount + claims.rowcount


def _over(before: datetime) -> ColumnElement[bool]:
    """Whether a record and all other versions of it ended before then, and nobody has to decide about it."""
    r, d, h = tables.record.c, tables.dead_letter.c, tables.hold.c
    other = tables.record.alias()
    later = exists().where(
        other.c.flow == r.flow, other.c.source_key == r.source_key, or_(other.c.finished_at.is_(None), other.c.finished_at >= before)
    )
    letter = exists().where(d.record_id == r.id, d.state == "open")
    hold = exists().where(h.record_id == r.id, h.state == "open")
    return and_(~later, ~letter, ~hold)


def _drop_empty_batches(connection: Connection, ids: Sequence[int]) -> None:
    b, r, d, run = tables.batch.c, tables.record.c, tables.dead_letter.c, tables.run.c
    used = or_(exists().where(r.batch_id == b.id), exists().where(d.batch_id == b.id))
    empty = connection.execute(select(b.id, b.run_id).where(b.id.in_(ids), b.state == "done", ~used)).all()
    if empty:
        connection.execute(delete(tables.batch).where(b.id.in_([row.id for row in empty])))
        runs = sorted({row.run_id for row in empty})
        without_batch = and_(run.id.in_(runs), run.state == "done", ~exists().where(b.run_id == run.id))
        connection.execute(delete(tables.run).where(without_batch))
