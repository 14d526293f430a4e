"""Rotation of the payload key: everything is sealed anew under a fresh key, in small transactions; then the old keys are forgotten.

It may be killed at any moment and is taken up again by the next call: old keys stay until nothing is sealed under them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Connection, Engine, Table, and_, bindparam, func, or_, select, update

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.ledger.vault import REFRESH_SECONDS, Vault

SEALED: tuple[tuple[Table, tuple[str, ...]], ...] = ((tables.record, ("raw", "canonical", "parcel")), (tables.crosswalk, ("delivered",)))
"""Every column that holds sealed payloads."""

AT_ONCE = 200
"""Rows of one transaction; on SQLite the workers wait meanwhile, some milliseconds."""

SETTLED_AFTER = timedelta(seconds=REFRESH_SECONDS + 60)
"""After this no worker commits what it sealed under the old key: each has the new one by then, and commits soon after it seals."""


@dataclass(frozen=True, slots=True)
class Step:
    """`done` of `rows` were sealed anew so far."""

    done: int
    rows: int


def begin(vault: Vault) -> tuple[datetime, bool]:
    """Make the new key, unless an earlier rotation is still to be ended; gives when it began, and whether it is taken up."""
    unfinished = vault.last_rotation()
    if unfinished is None:
        vault.new_payload_key()
    began = unfinished or vault.last_rotation()
    assert began is not None
    return began, unfinished is not None


def seal_anew(engine: Engine, vault: Vault) -> Iterator[Step]:
    """Seal whatever is still under an old key; a step after each transaction, and one at the start."""
    done = 0
    with read(engine) as connection:
        rows = sum(_stale_rows(connection, vault, table, columns) for table, columns in SEALED)
    yield Step(0, rows)
    for table, names in SEALED:
        last = 0
        while True:
            with write(engine) as connection:
                last, sealed = _seal_some(connection, vault, table, names, last)
            if not sealed:
                break
            done += sealed
            yield Step(done, max(rows, done))


def end(engine: Engine, vault: Vault) -> bool:
    """Forget the old keys; False where something is still sealed under one."""
    with read(engine) as connection:
        if any(_stale_rows(connection, vault, table, names) for table, names in SEALED):
            return False
    vault.forget_retired_keys()
    return True


def settles_in(began: datetime) -> float:
    """Seconds until the old keys may be forgotten; 0 where they may."""
    return max(0.0, (began + SETTLED_AFTER - clock.now()).total_seconds())


def _stale(vault: Vault, column: Column[bytes | None]) -> ColumnElement[bool]:
    return and_(column.is_not(None), func.substr(column, 1, len(vault.mark)) != vault.mark)


def _stale_rows(connection: Connection, vault: Vault, table: Table, names: Sequence[str]) -> int:
    stale = or_(*(_stale(vault, table.c[name]) for name in names))
    return connection.execute(select(func.count()).select_from(table).where(stale)).scalar_one()


def _seal_some(connection: Connection, vault: Vault, table: Table, names: Sequence[str], last: int) -> tuple[int, int]:
    """Seal the next rows after the id `last`; gives the last id and how many they were."""
    columns = [table.c[name] for name in names]
    stale = or_(*(_stale(vault, column) for column in columns))
    rows = connection.execute(
        select(table.c.id, *columns).where(table.c.id > last, stale).order_by(table.c.id).limit(AT_ONCE).with_for_update()
    ).all()
    fresh = [{"row_id": row[0], **{name: _fresh(vault, row[place]) for place, name in enumerate(names, 1)}} for row in rows]
    if fresh:
        connection.execute(update(table).where(table.c.id == bindparam("row_id")), fresh)
    return (rows[-1][0] if rows else last), len(rows)


def _fresh(vault: Vault, sealed: bytes | None) -> bytes | None:
    return sealed if sealed is None or sealed.startswith(vault.mark) else vault.seal(vault.open(sealed))
