"""Units that orders of a channel have promised, from the page on which an order is first seen until nobody can miss them any more.

A commitment counts against a quantity that was read at an instant unless, by then, the warehouse was known to count the order itself
(`accounted_at`) or the order was known to be over on the channel (`over_at`). What is learned later than the reading counts in vain for
that reading: units may so be held back twice, which the next reading heals, but never be shown twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import parts, tables
from integration.ports import Promise

MOST_KEYS = 500
"""Keys in one statement."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What an order promises of a SKU has changed. `fresh`: the order was never seen before; `changed_at` is its change, by the
    channel's clock. `over`: it was over already when it was seen for the first time."""

    sku: str
    changed_at: datetime
    fresh: bool
    over: bool = False


@dataclass(frozen=True, slots=True)
class Commitment:
    """`units` of a SKU on an order, `pending` of them as a Promise tells; `seen_at`: after the read that told of it first."""

    order_key: str
    sku: str
    units: int
    pending: int
    accounted_at: datetime | None
    over_at: datetime | None
    seen_at: datetime

    def counts_at(self, as_of: datetime) -> bool:
        """Whether a quantity read at `as_of` still held these units as available."""
        return not any(since is not None and since <= as_of for since in (self.accounted_at, self.over_at))

    def settled_after(self, as_of: datetime) -> bool:
        """Whether it counts, and would not against a newer reading."""
        return self.counts_at(as_of) and (self.accounted_at is not None or self.over_at is not None)


def note(connection: Connection, channel: str, promises: Iterable[Promise], seen_at: datetime) -> list[Moved]:
    """Keep what these orders promise as of their newest version; gives what has changed. `seen_at`: after they were read.

    An order that is over when it is seen for the first time has nothing left to promise; but the channel may have given its units back
    on top of a quantity that we wrote while it was there, or, shipped, explain what a quantity has lost.
    """
    newest = {one.key: one for one in sorted(promises, key=lambda one: one.version)}
    first = parts.units_by_sku(connection, channel, newest)
    wanted = {part.key: part for one in newest.values() for part in _parts(one, first.get(one.key))}
    known = _versions(connection, channel, list(wanted))
    moved: list[Moved] = []
    rows = []
    for one in wanted.values():
        stored = known.get(one.key, {})
        if any(version >= one.version for version, _, _ in stored.values()):
            continue
        unknown_till_over = one.over and not stored
        if unknown_till_over:
            moved += [Moved(sku, one.changed_at, fresh=True, over=True) for sku in one.units]
            if not any(one.pending.values()):
                continue
        for sku in {*stored, *one.units}:
            _, units, over_at = stored.get(sku, ("", 0, None))
            # What is over keeps its units: a quantity that was read before does not know yet that it is.
            now = units if one.over else one.units.get(sku, 0)
            rows.append(
                {
                    "connection": channel,
                    "order_key": one.key,
                    "sku": sku,
                    "units": now,
                    "pending": one.pending.get(sku, 0),
                    "version": one.version,
                    "seen_at": seen_at,
                    "over_at": (over_at or seen_at) if one.over else None,
                }
            )
            if not unknown_till_over and (now != units or (one.over and over_at is None)):
                moved.append(Moved(sku, one.changed_at, fresh=not stored))
    _put(connection, rows)
    return moved


def _parts(promise: Promise, first: Counter[str] | None) -> list[Promise]:
    """An order that is booked in parts promises as two."""
    if first is None:
        return [promise]
    of_first = replace(promise, units=_least(promise.units, first), pending=_least(promise.pending, first))
    rest = replace(promise, key=parts.rest_key(promise.key), units=_left(promise.units, first), pending=_left(promise.pending, first))
    return [of_first, rest]


def _least(units: Mapping[str, int], first: Counter[str]) -> dict[str, int]:
    return {sku: min(number, first[sku]) for sku, number in units.items()}


def _left(units: Mapping[str, int], first: Counter[str]) -> dict[str, int]:
    return {sku: max(number - first[sku], 0) for sku, number in units.items()}


def divide(connection: Connection, channel: str, order_key: str) -> None:
    """The order is booked in parts from now on, and each part counts by itself."""
    c = tables.commitment.c
    rows = connection.execute(
        select(c.sku, c.units, c.pending, c.version, c.seen_at, c.over_at)
        .where(c.connection == channel, c.order_key == order_key)
        .with_for_update()
    ).all()
    first = parts.units_by_sku(connection, channel, [order_key]).get(order_key, Counter())
    for row in rows:
        left = {"units": max(row.units - first[row.sku], 0), "pending": max(row.pending - first[row.sku], 0)}
        kept = {"units": row.units - left["units"], "pending": row.pending - left["pending"]}
        mine = and_(c.connection == channel, c.order_key == order_key, c.sku == row.sku)
        connection.execute(update(tables.commitment).where(mine).values(**kept))
        rest = {"connection": channel, "order_key": parts.rest_key(order_key), "sku": row.sku}
        same = {"version": row.version, "seen_at": row.seen_at, "over_at": row.over_at}
        _put(connection, [{**rest, **left, **same}])


def _versions(connection: Connection, channel: str, keys: Sequence[str]) -> dict[str, dict[str, tuple[str, int, datetime | None]]]:
    """(version, units, over_at) by order and SKU."""
    c = tables.commitment.c
    found: dict[str, dict[str, tuple[str, int, datetime | None]]] = {}
    for some in _portions(keys):
        rows = connection.execute(
            select(c.order_key, c.sku, c.version, c.units, c.over_at)
            .where(c.connection == channel, c.order_key.in_(some))
            .order_by(c.order_key, c.sku)
            .with_for_update()
        )
        for row in rows:
            found.setdefault(row.order_key, {})[row.sku] = (row.version, row.units, row.over_at)
    return found


def _put(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    new = dialect.insert(tables.commitment)
    values = {name: new.excluded[name] for name in ("units", "pending", "version", "over_at")}
    identity = ["connection", "order_key", "sku"]
    # Another process may have read the order at the same moment, in this version or a newer one.
    newer = tables.commitment.c.version < new.excluded.version
    connection.execute(new.on_conflict_do_update(index_elements=identity, set_=values, where=newer), list(rows))


def account(connection: Connection, channel: str, order_keys: Collection[str], read_at: datetime) -> None:
    """As of an answer that had come at `read_at`, the warehouse counts these orders itself."""
    c = tables.commitment.c
    for some in _portions(sorted(order_keys)):
        connection.execute(
            update(tables.commitment)
            .where(c.connection == channel, c.order_key.in_(some), c.accounted_at.is_(None))
            .values(accounted_at=read_at)
        )


def disown(connection: Connection, channel: str, order_keys: Collection[str]) -> set[str]:
    """The warehouse counts these orders no longer, though it did: put on hold, or cancelled. Gives the SKUs that this changes."""
    c = tables.commitment.c
    skus: set[str] = set()
    for some in _portions(sorted(order_keys)):
        ours = and_(c.connection == channel, c.order_key.in_(some), c.accounted_at.is_not(None))
        skus.update(connection.execute(select(c.sku).where(ours, c.over_at.is_(None))).scalars())
        connection.execute(update(tables.commitment).where(ours).values(accounted_at=None))
    return skus


def open_for(connection: Connection, channel: str, skus: Collection[str], as_of: datetime) -> list[Commitment]:
    """Those of these channel SKUs that count against a quantity read at `as_of` or earlier, or are pending on the channel."""
    c = tables.commitment.c
    found = []
    for some in _portions(sorted(skus)):
        rows = connection.execute(
            select(c.order_key, c.sku, c.units, c.pending, c.accounted_at, c.over_at, c.seen_at).where(
                c.connection == channel,
                c.sku.in_(some),
                or_(
                    and_(or_(c.accounted_at.is_(None), c.accounted_at > as_of), or_(c.over_at.is_(None), c.over_at > as_of)), c.pending > 0
                ),
            )
        )
        found += [Commitment(*row) for row in rows]
    return found


def unplaced(connection: Connection, channel: str, warehouse: str, flow: str) -> set[str]:
    """SKUs that open orders name and of which it is not known yet which item they are."""
    c, s, i = tables.commitment.c, tables.stock.c, tables.item.c
    is_item = select(s.sku).where(s.flow == flow, s.sku == c.sku).exists()
    is_known = select(i.sku).where(i.connection == warehouse, i.sku == c.sku, i.target_sku.is_not(None)).exists()
    rows = connection.execute(
        select(c.sku).distinct().where(c.connection == channel, c.accounted_at.is_(None), c.over_at.is_(None), ~is_item, ~is_known)
    )
    return set(rows.scalars())


def forget_over(connection: Connection, channel: str, before: datetime) -> None:
    """Orders that were over so long ago count against no quantity that is still used."""
    c = tables.commitment.c
    connection.execute(delete(tables.commitment).where(c.connection == channel, c.over_at < before))


def waiting_orders(connection: Connection, channel: str, skus: Collection[str]) -> int:
    """Units of these SKUs on orders that the warehouse does not count yet."""
    c = tables.commitment.c
    total = sum(
        connection.execute(
            select(func.coalesce(func.sum(c.units), 0)).where(
                c.connection == channel, c.sku.in_(some), c.accounted_at.is_(None), c.over_at.is_(None)
            )
        ).scalar_one()
        for some in _portions(sorted(skus))
    )
    return int(total)


def _portions(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS))
