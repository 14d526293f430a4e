"""What the ledger holds of a person: found by a keyed hash of the e-mail address or by the order, deleted without loss to the books."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables
from integration.ledger.crosswalk import ANY_SOURCE
from integration.ledger.database import read, write
from integration.ledger.records import HELD
from integration.ledger.retention import AT_ONCE, PAYLOADS, forget_customers, forget_delivered
from integration.ledger.vault import Vault
from integration.settings.model import Flow

Personal = Callable[[Flow], Collection[str]]
"""The members that are personal data, of what a flow writes."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a flow; `back` are the flows by which its shipments and statuses return."""

    flow: Flow
    key: str
    number: str | None
    back: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """Why an order cannot be erased yet, and how a person ends that."""

    order: Order
    why: str
    advice: str


def without_subject(engine: Engine, flows: Collection[str]) -> int:
    with read(engine) as connection:
        return connection.execute(select(func.count()).select_from(tables.record).where(_without_subject(flows))).scalar_one()


def label(engine: Engine, vault: Vault, emails: dict[str, Callable[[Any], str | None]]) -> Iterator[int]:
    """Note whom a record is about that was kept before the ledger noted that; `emails` finds the address, by flow. Gives how many are
    done, after each piece."""
    r = tables.record.c
    last = done = 0
    while True:
        with write(engine) as connection:
            rows = connection.execute(
                select(r.id, r.flow, r.raw).where(r.id > last, _without_subject(emails)).order_by(r.id).limit(AT_ONCE)
            ).all()
            for row in rows:
                subject = vault.subject(emails[row.flow](vault.open(row.raw)))
                connection.execute(update(tables.record).where(r.id == row.id).values(subject=subject))
        if not rows:
            return
        last, done = rows[-1].id, done + len(rows)
        yield done


def keys_of(connection: Connection, subject: str) -> list[tuple[str, str, str | None]]:
    """Flow, key and number of each order of a person."""
    r = tables.record.c
    rows = select(r.flow, r.source_key, func.max(r.reference)).where(r.subject == subject).group_by(r.flow, r.source_key)
    return [(row[0], row[1], row[2]) for row in connection.execute(rows.order_by(r.flow, r.source_key))]


def versions(connection: Connection, order: Order) -> Sequence[Row[Any]]:
    r = tables.record.c
    return connection.execute(select(tables.record).where(_of_order(order)).order_by(r.version)).all()


def returned(connection: Connection, order: Order) -> Sequence[Row[Any]]:
    """Records of its shipments and statuses."""
    r = tables.record.c
    return connection.execute(select(tables.record).where(_returned(connection, order)).order_by(r.flow, r.version)).all()


def crossing(connection: Connection, order: Order) -> Row[Any] | None:
    c = tables.crosswalk.c
    flow = order.flow
    wanted = (c.source == flow.source, c.target == flow.target, c.entity == flow.entity, c.source_key == order.key)
    return connection.execute(select(tables.crosswalk).where(*wanted)).one_or_none()


def customers(connection: Connection, subject: str) -> Sequence[Row[Any]]:
    c = tables.crosswalk.c
    rows = select(tables.crosswalk).where(c.source == ANY_SOURCE, c.entity == "customer", c.source_key == subject).order_by(c.id)
    return connection.execute(rows).all()


def on_its_way(connection: Connection, order: Order) -> OnItsWay | None:
    """What is not at its end, of the order itself or of what returns of it."""
    r, d = tables.record.c, tables.dead_letter.c
    of_it = or_(_of_order(order), _returned(connection, order))
    letter = connection.execute(
        select(d.id).join(tables.record, r.id == d.record_id).where(d.state == "open", of_it).order_by(d.id).limit(1)
    ).scalar_one_or_none()
    if letter is not None:
        return OnItsWay(order, f"dead letter {letter} is open", f"integration dead-letters replay {letter}, or dismiss {letter}")
    row = connection.execute(select(r.id, r.state).where(of_it, r.finished_at.is_(None)).order_by(r.id).limit(1)).one_or_none()
    if row is None:
        return None
    if row.state == HELD:
        h = tables.hold.c
        hold = connection.execute(select(h.id, h.kind).where(h.record_id == row.id, h.state == "open")).first()
        if hold is not None:
            return OnItsWay(order, f"it is on hold ({hold.kind})", f"integration holds release {hold.id}, or cancel {hold.id}")
    return OnItsWay(order, f"it is {row.state}", f"wait until it is through: integration trace {order.key}")


def erase(connection: Connection, vault: Vault, order: Order, personal: Personal) -> None:
    """Delete what an order that is at its end says of a person. Its keys, dates, lines and amounts stay."""
    r, e = tables.record.c, tables.erasure.c
    back = _returned(connection, order)
    columns = (r.id, r.flow, r.source_key, r.subject, r.parcel)
    rows = connection.execute(select(*columns).where(or_(_of_order(order), back)).order_by(r.id)).all()
    forget_customers(connection, vault, [row.parcel for row in rows if row.parcel is not None])
    empty = {**dict.fromkeys(PAYLOADS), "subject": None}
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(update(tables.record).where(r.id.in_([row.id for row in rows[start : start + AT_ONCE]])).values(empty))
    forget_delivered(connection, vault, order.flow, {order.key}, personal(order.flow), wholly=True)
    for flow in order.back:
        keys = {row.source_key for row in rows if row.flow == flow.name}
        forget_delivered(connection, vault, flow, keys, personal(flow), wholly=True)
    connection.execute(delete(tables.erasure).where(e.flow == order.flow.name, e.source_key == order.key))
    for subject in {row.subject for row in rows if row.subject}:
        _forget_customer(connection, subject)


def _forget_customer(connection: Connection, subject: str) -> None:
    """Once no record is about that person any more; whoever orders again is looked up in the target by the address."""
    c, r = tables.crosswalk.c, tables.record.c
    if connection.execute(select(exists().where(r.subject == subject))).scalar_one():
        return
    for row in customers(connection, subject):
        if row.intent is None:
            nobody = {"source_key": f"erased {row.id}", "delivered": None, "delivered_hash": None, "updated_at": clock.now()}
            connection.execute(update(tables.crosswalk).where(c.id == row.id).values(nobody))


def mark(connection: Connection, order: Order, subject: str) -> None:
    """To be erased when it is at its end."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"flow": order.flow.name, "source_key": order.key, "subject": subject, "asked_at": clock.now()}
    connection.execute(dialect.insert(tables.erasure).values(row).on_conflict_do_nothing())


def marked(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(tables.erasure).order_by(tables.erasure.c.asked_at)).all()


def _of_order(order: Order) -> ColumnElement[bool]:
    r = tables.record.c
    return and_(r.flow == order.flow.name, r.source_key == order.key)


def _returned(connection: Connection, order: Order) -> ColumnElement[bool]:
    """Shipments and statuses name the channel's order; a status has the key of the target's order."""
    r = tables.record.c
    known = crossing(connection, order)
    named = r.reference == order.key
    if known is not None and known.target_key is not None:
        named = or_(named, r.source_key == known.target_key)
    return and_(r.flow.in_([flow.name for flow in order.back]), named)


def _without_subject(flows: Collection[str]) -> ColumnElement[bool]:
    r = tables.record.c
    return and_(r.flow.in_(sorted(flows)), r.subject.is_(None), r.raw.is_not(None))
