"""The stock of a flow: the latest reading of each item, and what of it was published under which SKU of the channel.

A row is due while what the channel shows may not be what it should. Several changes meanwhile are one row: the newest reading.
`sent_at` stands while the end of a write is not known; before the next one the quantity is then read anew, so that it goes out under a
newer instant and the older write, should it land late, is refused as stale.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, insert, literal, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import batches, tables
from integration.ledger.commitments import Moved
from integration.sellable import Gap

PUBLISH = "publish"
"""The kind of the run whose one batch publishes a flow's due rows, and the member of its page that says so."""

UNLISTED_FOR = timedelta(hours=1)
"""A SKU that the channel did not know is not offered to it again so soon; a full pass asks always."""

MOST_KEYS = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """`as_of`: an instant before the warehouse was asked. `changed_at`: the last change, by its own clock."""

    item: str
    available: int
    as_of: datetime
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """`sku` is the channel's, `item` the warehouse's. `listed`: whether the channel knows the SKU; None before it was asked.
    `written_at`: before `published` was written, or seen to be there already. `unexplained`: units that the channel had taken off by then
    and no order that was known explained."""

    sku: str
    item: str
    available: int
    as_of: datetime
    changed_at: datetime | None
    listed: bool | None
    published: int | None
    published_as_of: datetime | None
    written_at: datetime | None
    unexplained: int
    gap: int
    gap_since: datetime | None
    due_at: datetime | None
    sent_at: datetime | None

    @property
    def known_gap(self) -> Gap:
        return Gap(self.gap, self.gap_since)


_COLUMNS = [tables.stock.c[name] for name in Row.__dataclass_fields__]


def keep(connection: Connection, flow: str, readings: Iterable[Reading], *, due: bool) -> None:
    """Take in newer readings; with `due` they are published."""
    moment = clock.now()
    newest = {one.item: one for one in sorted(readings, key=lambda one: (one.item, one.as_of))}
    if not newest:
        return
    there = rows_of(connection, flow, newest, lock=True)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(tables.stock)
    s = tables.stock.c
    values: dict[str, Any] = {name: new.excluded[name] for name in ("item", "available", "as_of", "changed_at")}
    if due:
        # What the channel did not know a moment ago it will not know now.
        again = or_(s.listed.is_(None), s.listed, s.shown_at < moment - UNLISTED_FOR)
        values["due_at"] = case((again, new.excluded.due_at), else_=s.due_at)
        values["listed"] = case((and_(again, s.listed.is_(False)), null()), else_=s.listed)
    connection.execute(
        new.on_conflict_do_update(index_elements=["flow", "sku"], set_=values, where=s.as_of < new.excluded.as_of),
        [
            {
                "flow": flow,
                "sku": one.item,
                "item": one.item,
                "available": one.available,
                "as_of": one.as_of,
                "changed_at": one.changed_at,
                "gap": 0,
                "due_at": moment if due else None,
            }
            for one in newest.values()
        ],
    )
    for alias in (row for row in there if row.sku != row.item):
        one = newest[alias.item]
        values = {"available": one.available, "as_of": one.as_of, "changed_at": one.changed_at}
        connection.execute(
            update(tables.stock)
            .where(s.flow == flow, s.sku == alias.sku, s.as_of < one.as_of)
            .values(**values, **({"due_at": moment} if due else {}))
        )


def learn_aliases(connection: Connection, flow: str, warehouse: str) -> None:
    """Rows for the other SKUs under which an item has been sold on the channel."""
    i, s = tables.item.c, tables.stock.c
    alias = tables.stock.alias("alias")
    there = select(alias.c.sku).where(alias.c.flow == flow, alias.c.sku == i.sku).exists()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = connection.execute(
        select(literal(flow).label("flow"), i.sku, s.item, s.available, s.as_of, s.changed_at, literal(0).label("gap"))
        .join(tables.stock, and_(s.flow == flow, s.sku == i.target_sku))
        .where(i.connection == warehouse, i.sku != i.target_sku, ~there)
        .order_by(i.sku)
    ).mappings()
    new = [{**row, "due_at": clock.now()} for row in rows]
    if new:
        connection.execute(dialect.insert(tables.stock).on_conflict_do_nothing(), new)  # another process may learn them too


def call_for(connection: Connection, flow: str, moved: Iterable[Moved]) -> None:
    """Orders have changed what may be offered: their SKUs become due.

    A new order that the channel has taken after our last write has taken its units by itself. It is known by its time of change, which
    lies behind all that the channel had listed when that write was looked over, and behind the write. One that was over when it was seen
    first matters where that write was looked over before it ended: its units came back on top of what was written.
    """
    s = tables.stock.c
    moment = clock.now()
    by_age = sorted(moved, key=lambda one: one.changed_at)
    fresh = {one.sku: one.changed_at for one in reversed(by_age) if not one.over}
    ended = {one.sku: one.changed_at for one in by_age if one.over}
    always = {one.sku for one in by_age if not one.fresh}
    for some in _portions(sorted({*fresh, *ended})):
        rows = connection.execute(
            # Locked even where they are due: a publisher that is about to settle them must see what we have noted, or we its mark.
            select(s.sku, s.guarded, s.published_at).where(s.flow == flow, s.sku.in_(some)).order_by(s.sku).with_for_update()
        ).all()
        due = [
            row.sku
            for row in rows
            if row.sku in always
            or row.guarded is None
            or row.published_at is None
            or (row.sku in fresh and not (fresh[row.sku] > row.guarded and fresh[row.sku] > row.published_at))
            or (row.sku in ended and ended[row.sku] > row.guarded)
        ]
        if due:
            connection.execute(update(tables.stock).where(s.flow == flow, s.sku.in_(due)).values(due_at=moment))


def mark_due(connection: Connection, flow: str, skus: Collection[str]) -> None:
    s = tables.stock.c
    for some in _portions(sorted(skus)):
        connection.execute(select(s.sku).where(s.flow == flow, s.sku.in_(some)).order_by(s.sku).with_for_update())
        connection.execute(update(tables.stock).where(s.flow == flow, s.sku.in_(some)).values(due_at=clock.now()))


def due_rows(connection: Connection, flow: str, most: int) -> list[Row]:
    """Up to so many rows that are due, with all other rows of their items."""
    s = tables.stock.c
    items = connection.execute(select(s.item).where(s.flow == flow, s.due_at <= clock.now()).order_by(s.due_at).limit(most)).scalars()
    return rows_of(connection, flow, set(items))


def rows_of(connection: Connection, flow: str, items: Collection[str], *, lock: bool = False) -> list[Row]:
    """With `lock` they are ours until the end of the transaction; everybody takes several by SKU, so that nobody waits in a circle."""
    s = tables.stock.c
    found = []
    for some in _portions(sorted(items)):
        wanted = select(*_COLUMNS).where(s.flow == flow, s.item.in_(some)).order_by(s.sku)
        found += [Row(*row) for row in connection.execute(wanted.with_for_update() if lock else wanted)]
    return found


def next_due(connection: Connection, flow: str) -> datetime | None:
    s = tables.stock.c
    due: datetime | None = connection.execute(select(func.min(s.due_at)).where(s.flow == flow, s.due_at.is_not(None))).scalar_one()
    return due


def change(connection: Connection, flow: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows; each holds `sku` and the columns to set. Rows with the same columns travel together."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append({("row_sku" if name == "sku" else name): value for name, value in row.items()})
    s = tables.stock.c
    for members in groups.values():
        connection.execute(update(tables.stock).where(s.flow == flow, s.sku == bindparam("row_sku")), members)


def ring(connection: Connection, flow: str) -> int:
    """The flow's publisher is wanted now; gives its batch. One transaction at a time comes here, so that there is but one publisher."""
    lock(connection, flow)
    b = tables.batch.c
    found = _publisher(connection, flow)
    if found is None:
        _, batch_id = batches.start_run(connection, flow, PUBLISH, "live", {PUBLISH: True}, stage="load")
        return batch_id
    moment = clock.now()
    if found.state == "open":
        # Whoever is at work looks once more before it ends; whoever waits need not wait any longer.
        connection.execute(
            update(tables.batch).where(b.id == found.id, b.owner.is_(None), b.due_at > moment).values(due_at=moment, put_at=moment)
        )
    else:
        anew = {"state": "open", "due_at": moment, "put_at": moment, "finished_at": None, "note": None}
        connection.execute(update(tables.batch).where(b.id == found.id).values(rung_at=moment, **anew))
        connection.execute(update(tables.run).where(tables.run.c.id == found.run_id).values(state="open", finished_at=None))
    return int(found.id)


def lock(connection: Connection, flow: str) -> None:
    """Held until the transaction ends: nobody else marks rows as due for a publisher that is about to end."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"flow": flow, "tick": -1, "updated_at": clock.now()}
    connection.execute(dialect.insert(tables.cursor).values(**row).on_conflict_do_nothing())
    connection.execute(select(tables.cursor.c.flow).where(tables.cursor.c.flow == flow).with_for_update()).all()


def _publisher(connection: Connection, flow: str) -> Any:
    b, r = tables.batch.c, tables.run.c
    return connection.execute(
        select(b.id, b.run_id, b.state).join(tables.run, b.run_id == r.id).where(r.flow == flow, r.kind == PUBLISH).order_by(b.id).limit(1)
    ).one_or_none()


def complain(connection: Connection, flow: str, batch_id: int, refused: Mapping[str, str]) -> None:
    """SKUs that the channel takes no quantity for become dead letters, one each."""
    d = tables.dead_letter.c
    standing = set(
        connection.execute(
            select(d.source_key).where(d.flow == flow, d.state == "open", d.stage == "load", d.source_key.in_(sorted(refused)))
        ).scalars()
    )
    new = [
        {
            "flow": flow,
            "batch_id": batch_id,
            "source_key": sku,
            "stage": "load",
            "kind": "invalid",
            "cause": "invalid: quantity refused",
            "reason": f"the channel takes no quantity for this SKU: {message}"[:500],
            "fields": [{"field": "quantity", "message": message[:300]}],
            "state": "open",
            "created_at": clock.now(),
        }
        for sku, message in refused.items()
        if sku not in standing
    ]
    if new:
        connection.execute(insert(tables.dead_letter), new)


def content(connection: Connection, flow: str, accepted: Collection[str]) -> None:
    """What the channel takes again needs nobody any more."""
    d = tables.dead_letter.c
    for some in _portions(sorted(accepted)):
        connection.execute(
            update(tables.dead_letter)
            .where(d.flow == flow, d.state == "open", d.stage == "load", d.record_id.is_(None), d.source_key.in_(some))
            .values(state="closed", closed_at=clock.now(), closed_note="the channel has taken a quantity since")
        )


def _portions(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS))
