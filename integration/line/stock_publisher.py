"""Publishes what is due of a flow's stock: absolute quantities, each under the instant at which the warehouse was read.

A group goes: what the warehouse counts itself, quantities that must be read anew, what the channel has promised, the writes, and what
the channel has promised meanwhile; whatever that changes stays due and is corrected by the next group, at once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS, Work, work
from integration.errors import SyncError
from integration.ledger import batches, commitments, stock, tables
from integration.ledger.batches import Batch
from integration.ledger.commitments import Commitment
from integration.ledger.database import write
from integration.ledger.stock import Row
from integration.line.journey import House
from integration.line.pump import Pump
from integration.line.stock_guard import Guard
from integration.ports import Body, Level, LevelResult
from integration.sellable import Gap, promised, sellable, shares, unseen
from integration.settings.model import Flow

log = structlog.get_logger()

GROUP = 1000
"""Rows that share one look at the orders of both sides."""

SMALL = 20
"""In a group of so few the channel is asked for each SKU first: what it shows already is not written, and units that it holds for
orders which it does not list yet are seen."""

STALE_AGAIN = timedelta(minutes=5)
"""Somebody else's quantity may be dated so far ahead; after that ours is taken again."""

MOST = 1_000_000

Levels = Mapping[str, Level | None]
"""What the channel shows, by SKU; None for one that it does not know."""

UNKNOWN: Mapping[str, Any] = {"due_at": None, "sent_at": None, "note": "the channel knows no such SKU"}


GAP_AGAIN = timedelta(minutes=1)
"""Until an order that the channel does not list yet is listed, it is looked for again so often."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a row should show: `units`, from the reading `as_of`, with `hidden` units of its item on orders not listed yet. `doubled`:
    units may be held back twice until the next reading."""

    row: Row
    units: int
    as_of: datetime
    hidden: int
    gap: Gap
    doubled: bool

    def same_as(self, other: Offer) -> bool:
        return (self.units, self.as_of) == (other.units, other.as_of)

    def due_again(self, moment: datetime) -> datetime | None:
        if self.doubled:
            return moment
        return moment + GAP_AGAIN if self.gap.since is not None else None


def publish(house: House, batch: Batch) -> None:
    """Publish all that is due, then end the batch, or have it come back for what is due later."""
    flow = house.settings.flows[batch.flow]
    publisher = Publisher(house, flow, batch)
    publisher.guard.wait_for_first_read()
    while True:
        while publisher.group():
            pass
        with write(house.engine) as connection:
            stock.lock(connection, flow.name)
            due = stock.next_due(connection, flow.name)
            if due is None:
                batches.finish(connection, batch, None)
                return
        seconds = (due - clock.now()).total_seconds()
        if seconds > 0:
            batches.postpone(house.engine, batch, seconds, "some quantities wait", spend=False)
            return


class Publisher:
    def __init__(self, house: House, flow: Flow, batch: Batch) -> None:
        self._house, self.flow, self._batch = house, flow, batch
        self._journey = house.journey(flow.name)
        self.guard = Guard(house, flow)

    def group(self) -> bool:
        """Publish one group; False where nothing is due."""
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            rows = stock.due_rows(connection, self.flow.name, GROUP)
        if not rows:
            return False
        self.guard.read_warehouse()
        if old := self._outdated(rows):
            self.guard.read_again(old)
            self.guard.read_warehouse()  # an order that lost its units while we read must count
        self.guard.read_channel(anew=len(rows) <= SMALL)
        items = {row.item for row in rows}
        levels = self._look(rows) if len(rows) <= SMALL else {}
        offers = self._decide(items, levels)
        if offers:
            results = self._send(offers)
            self.guard.read_channel(anew=True)
            self._settle(offers, results)
        return True

    # what is known ----------------------------------------------------------------------------------------------------------------

    def _outdated(self, rows: Sequence[Row]) -> list[Row]:
        """Those whose quantity must be read anew: a write of it has no known end, or it is older than what the warehouse counts now."""
        with write(self._house.engine) as connection:
            of_item = self._commitments(connection, rows)
        return [row for row in rows if row.sent_at is not None or any(one.settled_after(row.as_of) for one in of_item[row.item])]

    def _commitments(self, connection: Connection, rows: Sequence[Row]) -> Mapping[str, list[Commitment]]:
        """By item, whatever SKU the orders name it by."""
        i = tables.item.c
        item_of = {row.sku: row.item for row in rows}
        items = sorted({row.item for row in rows})
        for start in range(0, len(items), stock.MOST_KEYS):
            some = items[start : start + stock.MOST_KEYS]
            known = select(i.sku, i.target_sku).where(i.connection == self.flow.source, i.target_sku.in_(some))
            item_of |= {row.sku: row.target_sku for row in connection.execute(known) if row.sku not in item_of}
        oldest = min((row.as_of for row in rows), default=clock.now())
        found: dict[str, list[Commitment]] = defaultdict(list)
        for one in commitments.open_for(connection, self.flow.target, item_of, oldest):
            found[item_of[one.sku]].append(one)
        return found

    def _look(self, rows: Sequence[Row]) -> dict[str, Level | None]:
        """What the channel shows of each row; None for a SKU that it does not know."""
        found: dict[str, Level | None] = {}

        def ask(row: Row) -> tuple[str, Level | None]:
            remote = self.guard.channel.get("stock", row.sku)
            return row.sku, None if remote is None else self.guard.channel.level(remote.body, self.flow.distribution_center)

        budget = self._journey.target_budget
        with Pump(budget.side_by_side()) as pump, budget.expecting(len(rows)):
            pump.run(list(rows), lambda some: some, ask, lambda answers: found.update(answers), lambda: False)
        return found

    def offers(self, connection: Connection, rows: Sequence[Row], levels: Levels, hidden: Mapping[str, int]) -> list[Offer]:
        """What each row should show by all that is known now; `hidden` by item is what earlier `levels` have told."""
        of_item = self._commitments(connection, rows)
        listings: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row.listed is not False and levels.get(row.sku, row) is not None:
                listings[row.item].append(row)
        return [
            offer
            for item, some in listings.items()
            for offer in self._of_item(item, some, of_item.get(item, []), levels, hidden.get(item, 0))
        ]

    def _of_item(self, item: str, rows: Sequence[Row], promises: Sequence[Commitment], levels: Levels, hidden: int) -> list[Offer]:
        newest = max(rows, key=lambda row: row.as_of)
        moment, visible_within = clock.now(), timedelta(seconds=self.flow.overlap)
        gaps = {row.sku: row.known_gap for row in rows}
        for row in rows:
            if (level := levels.get(row.sku)) is not None:
                explained = sum(one.pending for one in promises if one.sku == row.sku)
                units, gaps[row.sku] = unseen(level.pending, explained, row.known_gap, moment, visible_within)
                hidden += units
        as_of = newest.as_of
        units = sellable(newest.available, promised(promises, as_of) + hidden, self.flow.buffer.of(item))
        doubled = any(one.settled_after(as_of) for one in promises)
        parts = zip(rows, shares(units, len(rows)), strict=True)
        return [Offer(row, min(part, MOST), as_of, hidden, gaps[row.sku], doubled) for row, part in parts]

    # the writes -------------------------------------------------------------------------------------------------------------------

    def _decide(self, items: set[str], levels: Levels) -> list[Offer]:
        """Note what needs no write, and write down what is about to be sent, which it gives.

        After a write of unknown end one under a newer instant must follow, whatever the channel shows: the first may still land.
        """
        moment = clock.now()
        to_send, changes = [], []
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            rows = stock.rows_of(connection, self.flow.name, items, lock=True)
            offers = {offer.row.sku: offer for offer in self.offers(connection, rows, levels, {})}
            for row in rows:
                offer, level = offers.get(row.sku), levels.get(row.sku)
                if offer is None:
                    changes.append({"sku": row.sku, "listed": False, "shown_at": moment, **UNKNOWN})
                elif level is not None and level.quantity == offer.units and row.sent_at is None:
                    shown = {"shown": level.quantity, "shown_at": moment}
                    changes.append({"sku": row.sku, **shown, **self._shows(offer), "due_at": offer.due_again(moment), "sent_at": None})
                else:
                    to_send.append(offer)
                    changes.append({"sku": row.sku, "sent_at": moment})
            stock.change(connection, self.flow.name, changes)
        return to_send

    def _send(self, offers: Sequence[Offer]) -> dict[str, LevelResult]:
        """Set the quantities, many at once and side by side. Raises what stopped the first call that failed, after all have ended."""
        lane = work.get().lane
        token = work.set(Work(lane, time.monotonic() + SEND_WITHIN_SECONDS))
        at_once = self.guard.channel.levels_at_once()
        calls = [offers[start : start + at_once] for start in range(0, len(offers), at_once)]
        results: dict[str, LevelResult] = {}
        failures: list[SyncError] = []

        def send(some: Sequence[Offer]) -> Sequence[LevelResult] | SyncError:
            try:
                return self.guard.channel.set_levels([self._body(offer) for offer in some])
            except SyncError as error:
                failures.append(error)
                return error

        def take(answers: Sequence[Sequence[LevelResult] | SyncError]) -> None:
            for answer in answers:
                if not isinstance(answer, SyncError):
                    results.update({one.sku: one for one in answer})

        budget = self._journey.target_budget
        try:
            with Pump(budget.side_by_side()) as pump, budget.expecting(len(calls)):
                pump.run(calls, lambda some: some, send, take, lambda: bool(failures))
        finally:
            work.reset(token)
        if failures:
            # The rows stay due and marked as sent: they are read and written again, under a newer instant.
            raise failures[0]
        return results

    def _body(self, offer: Offer) -> Body:
        canonical = {
            "sku": offer.row.sku,
            "distribution_center": self.flow.distribution_center,
            "sellable": offer.units,
            "as_of": clock.text(offer.as_of),
        }
        return self._journey.writing["stock"].to_body(canonical)

    def _settle(self, offers: Sequence[Offer], results: Mapping[str, LevelResult]) -> None:
        """Write what became of the writes, and leave due what has changed meanwhile."""
        moment, flow = clock.now(), self.flow.name
        hidden = {offer.row.item: offer.hidden for offer in offers}
        refused: dict[str, str] = {}
        changes: list[dict[str, Any]] = []
        with write(self._house.engine) as connection:
            batches.hold(connection, self._batch)
            rows = stock.rows_of(connection, flow, set(hidden), lock=True)
            present = {offer.row.sku: offer for offer in self.offers(connection, rows, {}, hidden)}
            for offer in offers:
                sku, said = offer.row.sku, results[offer.row.sku]
                if said.result == "accepted":
                    changes.append({"sku": sku, **self._shows(offer), "published_as_of": offer.as_of, "sent_at": None})
                    if offer.same_as(present[sku]):
                        changes[-1]["due_at"] = replace(present[sku], gap=offer.gap).due_again(moment)
                elif said.result == "stale":
                    note = "the channel has a newer quantity, of somebody else"
                    changes.append({"sku": sku, "due_at": moment + STALE_AGAIN, "note": note})
                elif said.result == "unknown":
                    changes.append({"sku": sku, "listed": False, "shown_at": moment, **UNKNOWN})
                else:
                    refused[sku] = said.message
                    changes.append({"sku": sku, "due_at": None, "sent_at": None, "note": f"refused: {said.message}"[:500]})
            stock.change(connection, flow, changes)
            # What an unknown SKU would have had goes to its item's others.
            unknown = {offer.row.sku: offer.row.item for offer in offers if results[offer.row.sku].result == "unknown"}
            stock.mark_due(connection, flow, {row.sku for row in rows if row.item in unknown.values() and row.sku not in unknown})
            stock.content(connection, flow, [sku for sku, said in results.items() if said.result == "accepted"])
            stock.complain(connection, flow, self._batch.id, refused)
        log.info("stock published", quantities=len(offers), refused=len(refused))

    def _shows(self, offer: Offer) -> dict[str, Any]:
        """The columns of a row that the channel shows as it should."""
        return {
            "listed": True,
            "published": offer.units,
            "published_at": clock.now(),
            "guarded": self.guard.position,
            "gap": offer.gap.known,
            "gap_since": offer.gap.since,
            "drift": None,
            "note": None,
        }
