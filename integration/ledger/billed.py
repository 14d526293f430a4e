"""What orders are billed for: the invoices of a connection as they were last read, by the order that they bill."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import tables

OWED = ("invoice", "debit_memo")
"""Kinds of documents that an order is to be paid by."""


@dataclass(frozen=True, slots=True)
class Bill:
    """One number: the newest of the documents that bear it. `credited`: what credit memos have taken off it."""

    number: str
    total: Decimal
    balance: Decimal
    credited: Decimal


def keep(connection: Connection, of: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Invoices of the connection `of` in canonical form, each with its version; an older version changes nothing."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for version, invoice in rows:
        values = {
            "version": version,
            "number": invoice["number"],
            "sequence": invoice.get("sequence") or "",
            "kind": invoice["kind"],
            "order_key": invoice.get("order_key"),
            "applies_to": invoice.get("applies_to"),
            "total": str(invoice["total_amount"]),
            "balance": str(invoice["balance"]),
        }
        row = dialect.insert(tables.billed).values(connection=of, invoice_key=invoice["source_key"], **values)
        connection.execute(
            row.on_conflict_do_update(
                index_elements=["connection", "invoice_key"], set_=values, where=tables.billed.c.version <= row.excluded.version
            )
        )


def orders_of(connection: Connection, of: str, numbers: Collection[str]) -> dict[str, str]:
    """The order that the newest document of each of these numbers bills."""
    b = tables.billed.c
    wanted = select(b.number, b.order_key).where(b.connection == of, b.number.in_(sorted(numbers)), b.order_key.is_not(None))
    return {row.number: row.order_key for row in connection.execute(wanted.order_by(b.sequence))}


def bills(connection: Connection, of: str, order_keys: Collection[str]) -> list[Bill]:
    """What these orders are billed, by number."""
    b = tables.billed.c
    theirs = select(tables.billed).where(b.connection == of, b.order_key.in_(sorted(order_keys))).order_by(b.number, b.sequence)
    newest = {row.number: row for row in connection.execute(theirs) if row.kind in (*OWED, "deleted")}
    memos = select(b.applies_to, b.total).where(b.connection == of, b.applies_to.in_(sorted(newest)), b.kind == "credit_memo")
    credited: dict[str, Decimal] = {}
    for memo in connection.execute(memos):
        credited[memo.applies_to] = credited.get(memo.applies_to, Decimal(0)) + abs(Decimal(memo.total))
    return [
        Bill(row.number, Decimal(row.total), Decimal(row.balance), credited.get(row.number, Decimal(0)))
        for row in newest.values()
        if row.kind in OWED
    ]


def drop(connection: Connection, of: str, keys: Collection[str]) -> None:
    """Invoices whose story is gone, each with all that bill the same order: once the last of their stories is gone and all are settled. An
    open one stays, for what comes next is to be told together with it."""
    b = tables.billed.c
    rows = connection.execute(select(b.order_key, b.applies_to, b.number).where(b.connection == of, b.invoice_key.in_(sorted(keys)))).all()
    memos = {row.applies_to for row in rows if row.order_key is None and row.applies_to}
    orders = {row.order_key for row in rows if row.order_key} | set(orders_of(connection, of, memos).values())
    for order in sorted(orders):
        numbers = select(b.number).where(b.connection == of, b.order_key == order).scalar_subquery()
        theirs = and_(b.connection == of, or_(b.order_key == order, and_(b.order_key.is_(None), b.applies_to.in_(numbers))))
        told = exists().where(tables.record.c.source_key == b.invoice_key)
        if not connection.execute(select(b.number).where(theirs, told).limit(1)).first() and not _owed(connection, of, order):
            found = connection.execute(select(b.invoice_key).where(theirs)).scalars().all()
            connection.execute(delete(tables.billed).where(b.connection == of, b.invoice_key.in_(found)))
    alone = and_(b.connection == of, b.invoice_key.in_(sorted(keys)), b.order_key.is_(None))
    known = tables.billed.alias()
    of_an_order = exists().where(known.c.connection == of, known.c.number == b.applies_to, known.c.order_key.is_not(None))
    connection.execute(delete(tables.billed).where(alone, ~of_an_order))


def drop_of_others(connection: Connection, connections: Collection[str], flows: Collection[str]) -> int:
    """Invoices of connections from which none are read any more, once no story of `flows`, which are configured no more, is left; gives how
    many those were."""
    r, b = tables.record.c, tables.billed.c
    if connection.execute(select(r.id).where(r.flow.in_(sorted(flows))).limit(1)).first():
        return 0
    return connection.execute(delete(tables.billed).where(b.connection.not_in(sorted(connections)))).rowcount


def _owed(connection: Connection, of: str, order: str) -> bool:
    return any(bill.balance > 0 for bill in bills(connection, of, [order]))
