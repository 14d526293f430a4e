"""What each SKU of a flow's stock should show, by all that the ledger knows and a channel has just told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection, select

from integration import clock
from integration.ledger import commitments, stock, tables
from integration.ledger.commitments import Commitment
from integration.ledger.stock import Row
from integration.ports import Level
from integration.sellable import Gap, promised, sellable, shares, unseen
from integration.settings.model import Flow

MOST = 1_000_000

Levels = Mapping[str, Level | None]
"""What the channel shows, by SKU; None for one that it does not know."""

NOT_ASKED: Levels = MappingProxyType({})
NONE_HIDDEN: Mapping[str, int] = MappingProxyType({})

GAP_AGAIN = timedelta(minutes=1)
"""Until an order that the channel does not list yet is listed, it is looked for again so often."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a row should show: `units`, from the reading `as_of`, with units of its item that are `promised`, and `hidden` ones on
    orders not listed yet, out of the `unexplained` ones of the row. `doubled`: units may be held back twice until the next reading."""

    row: Row
    units: int
    as_of: datetime
    promised: int
    hidden: int
    unexplained: int
    gap: Gap
    doubled: bool

    def same_as(self, other: Offer) -> bool:
        return (self.units, self.as_of) == (other.units, other.as_of)

    def due_again(self, moment: datetime) -> datetime | None:
        if self.doubled:
            return moment
        return moment + GAP_AGAIN if self.gap.since is not None else None


def offers(
    connection: Connection, flow: Flow, rows: Sequence[Row], levels: Levels = NOT_ASKED, hidden: Mapping[str, int] = NONE_HIDDEN
) -> list[Offer]:
    """What each row should show by all that is known now; `hidden` by item is what earlier `levels` have told."""
    of_item = commitments_of(connection, flow, rows)
    listings: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.listed is not False and levels.get(row.sku, row) is not None:
            listings[row.item].append(row)
    return [
        offer for item, some in listings.items() for offer in _of_item(flow, item, some, of_item.get(item, []), levels, hidden.get(item))
    ]


def _of_item(flow: Flow, item: str, rows: Sequence[Row], promises: Sequence[Commitment], levels: Levels, hidden: int | None) -> list[Offer]:
    newest = max(rows, key=lambda row: row.as_of)
    moment, visible_within = clock.now(), timedelta(seconds=flow.overlap)
    unexplained = {row.sku: _unexplained(row, levels.get(row.sku), [one for one in promises if one.sku == row.sku]) for row in rows}
    unseen_of = {row.sku: unseen(unexplained[row.sku], row.known_gap, moment, visible_within) for row in rows}
    if hidden is None:
        hidden = sum(units for units, _ in unseen_of.values())
    as_of = newest.as_of
    taken = promised(promises, as_of)
    units = sellable(newest.available, taken + hidden, flow.buffer.of(item))
    doubled = any(one.settled_after(as_of) for one in promises)
    parts = zip(rows, shares(units, len(rows)), strict=True)
    return [Offer(row, min(part, MOST), as_of, taken, hidden, unexplained[row.sku], unseen_of[row.sku][1], doubled) for row, part in parts]


def _unexplained(row: Row, level: Level | None, promises: Sequence[Commitment]) -> int:
    """Units that the channel has taken off and that no order we know explains.

    Of a channel that does not count them, or was not asked: those of our last write, those that the quantity has lost by itself since,
    less the open orders that were first seen since.
    """
    if level is not None and level.pending is not None:
        return max(0, level.pending - sum(one.pending for one in promises))
    if (since := row.written_at) is None:
        return 0
    taken = 0
    if level is not None and level.quantity is not None and row.published is not None and level.as_of == row.published_as_of:
        taken = row.published - level.quantity
    return max(0, row.unexplained + taken - sum(one.pending for one in promises if one.seen_at > since))


def commitments_of(connection: Connection, flow: Flow, rows: Sequence[Row]) -> Mapping[str, list[Commitment]]:
    """By item, whatever SKU the orders name it by."""
    i = tables.item.c
    item_of = {row.sku: row.item for row in rows}
    items = sorted({row.item for row in rows})
    for start in range(0, len(items), stock.MOST_KEYS):
        some = items[start : start + stock.MOST_KEYS]
        known = select(i.sku, i.target_sku).where(i.connection == flow.source, i.target_sku.in_(some))
        item_of |= {row.sku: row.target_sku for row in connection.execute(known) if row.sku not in item_of}
    oldest = min((row.as_of for row in rows), default=clock.now())
    found: dict[str, list[Commitment]] = defaultdict(list)
    for one in commitments.open_for(connection, flow.target, item_of, oldest):
        found[item_of[one.sku]].append(one)
    return found
