"""What orders are billed for: the invoices of a connection as they were last read, by the order that they bill."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select
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
