"""Publishes what is due of a flow's stock: absolute quantities, each under the instant at which the warehouse was read.

A group goes: what the warehouse counts itself, quantities that must be read anew, what the channel has promised, the writes, and what
the channel has promised meanwhile; whatever that changes stays due and is corrected by the next group, at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from integration import clock
from integration.budget import SEND_WITHIN_SECONDS, Work, work
from integration.errors import SyncError, Transient, Unreachable, Waiting
from integration.ledger import batches, stock
from integration.ledger.batches import Batch, Stage
from integration.ledger.database import write
from integration.ledger.stock import Row
from integration.line import stock_offers
from integration.line.journey import House
from integration.line.pump import Pump
from integration.line.stock_guard import Guard
from integration.line.stock_offers import Levels, Offer, commitments_of
from integration.ports import Body, Level, LevelResult
from integration.settings.model import Flow

log = structlog.get_logger()

Bell = tuple[int, Stage]

GROUP = 1000
"""Rows that share one look at the orders of both sides."""

SMALL = 20
"""In a group of so few the channel is asked for each SKU first: what it shows already is not written, and units that it holds for
orders which it does not list yet are seen."""

AGAIN_SECONDS = 2.0
"""A write that failed, or was not answered, is done again so soon; it is one request for up to 100 quantities."""

STALE_AGAIN = timedelta(minutes=5)
"""Somebody else's quantity may be dated so far ahead; after that ours is taken again."""

UNKNOWN: Mapping[str, Any] = {"due_at": None, "sent_at": None, "note": "the channel knows no such SKU"}


def publish(house: House, batch: Batch) -> list[Bell]:
    """Publish all that is due, then end the batch, or have it come back for what is due later. Gives the bells to ring."""
    flow = house.settings.flows[batch.flow]
    publisher = Publisher(house, flow, batch)
    publisher.guard.begin()
    while True:
        try:
            while publisher.group():
                pass
        except Unreachable:
            raise
        except Transient as error:  # what is shown is wrong until it is written, so nobody waits longer for it than need be
            raise Waiting(str(error), max(AGAIN_SECONDS, error.retry_after or 0.0)) from None
        with write(house.engine) as connection:
            stock.lock(connection, flow.name)
            due = stock.next_due(connection, flow.name)
            if due is None:
                batches.finish(connection, batch, None)
                return []
        seconds = (due - clock.now()).total_seconds()
        if seconds > 0:
            batches.postpone(house.engine, batch, seconds, "some quantities wait", spend=False)
            return _overtaken(house, flow, due)


def _overtaken(house: House, flow: Flow, due: datetime) -> list[Bell]:
    """Whoever marked a quantity as due while we still had the batch could not have it come back sooner."""
    with write(house.engine) as connection:
        stock.lock(connection, flow.name)
        sooner = stock.next_due(connection, flow.name)
        return [(stock.ring(connection, flow.name), "load")] if sooner is not None and sooner < due else []


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
            of_item = commitments_of(connection, self.flow, rows)
        return [row for row in rows if row.sent_at is not None or any(one.settled_after(row.as_of) for one in of_item[row.item])]

    def _look(self, rows: Sequence[Row]) -> dict[str, Level | None]:
        """What the channel shows of each row; None for a SKU that it does not know."""
        found: dict[str, Level | None] = {}

        def ask(row: Row) -> tuple[str, Level | None]:
            remote = self.guard.channel.get("stock", row.sku)
            return row.sku, None if remote is None else self.guard.channel.level(remote.body, self.guard.center)

        budget = self._journey.target_budget
        with Pump(budget.side_by_side()) as pump, budget.expecting(len(rows)):
            pump.run(list(rows), lambda some: some, ask, found.update, lambda: False)
        return found

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
            wanted = {offer.row.sku: offer for offer in stock_offers.offers(connection, self.flow, rows, levels)}
            for row in rows:
                offer, level = wanted.get(row.sku), levels.get(row.sku)
                if offer is None:
                    changes.append({"sku": row.sku, "listed": False, "shown_at": moment, **UNKNOWN})
                elif level is not None and level.quantity == offer.units and row.sent_at is None:
                    shown = {"shown": level.quantity, "shown_at": moment, "written_at": moment}
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
            "distribution_center": self.guard.center,
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
            left_at = {row.sku: row.sent_at for row in rows}
            # Called for while it was sent: an order has come and gone meanwhile, and its units are back on top of the old quantity.
            called = {row.sku for row in rows if row.sent_at is not None and row.due_at is not None and row.due_at > row.sent_at}
            present = {offer.row.sku: offer for offer in stock_offers.offers(connection, self.flow, rows, hidden=hidden)}
            for offer in offers:
                sku, said = offer.row.sku, results[offer.row.sku]
                if said.result == "accepted":
                    changes.append({"sku": sku, **self._shows(offer), "published_as_of": offer.as_of})
                    changes[-1] |= {"written_at": left_at[sku], "sent_at": None}
                    if offer.same_as(present[sku]) and sku not in called:
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
            "unexplained": offer.unexplained,
            "gap": offer.gap.known,
            "gap_since": offer.gap.since,
            "drift": None,
            "note": None,
        }
