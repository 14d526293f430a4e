"""Reconciliation of orders: reads both sides of a stretch of time and judges each order of the channel, page by page.

What was found is kept with every page, so that whoever is stopped goes on where it was. The target is read in bulk, and asked for single
orders only where that did not show them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import Row, select

from integration import clock
from integration.budget import Work, work
from integration.dispute import same
from integration.errors import Limited, PageExpired, SyncError, Transient, Waiting
from integration.ledger import batches, findings, parts, tables
from integration.ledger.database import read, write
from integration.ledger.findings import Finding, Known
from integration.ledger.records import ENDS, reason
from integration.ledger.vault import fingerprint
from integration.line.backoff import backoff
from integration.line.extract import KEYS, page_since
from integration.line.items import known_items
from integration.line.journey import House, Journey
from integration.line.proof import FAULTS, Placed, Sides, judge, together
from integration.ports import Booked, Books, Page, PageRequest, SourceRecord

REPAIR = "repair"
"""The kind of a run that sends orders once more."""

WINDOW = timedelta(days=1)
MARGIN = timedelta(hours=1)
"""An order is booked after it was placed, whatever the two systems' clocks say."""

TRIES = 6
MOST_KEYS = 100
"""Orders of one batch of a repair."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Step:
    """`part` of `what` is done, 0 to 1."""

    what: str
    part: float


@dataclass(slots=True)
class Bookings:
    """What the target has booked, by its own key and by the channel's."""

    by_key: dict[str, Booked] = field(default_factory=dict)
    by_order: dict[str, set[str]] = field(default_factory=dict)

    def add(self, booked: Booked) -> None:
        self.by_key[booked.key] = booked
        if booked.order_key is not None:
            self.by_order.setdefault(booked.order_key, set()).add(booked.key)

    def drop(self, order_key: str) -> None:
        for key in self.by_order.pop(order_key, set()):
            self.by_key.pop(key, None)

    def of(self, order_key: str, target_key: str | None) -> list[Booked]:
        keys = self.by_order.get(order_key, set()) | ({target_key} if target_key is not None else set())
        return [self.by_key[key] for key in sorted(keys) if key in self.by_key]


class Reconciliation:
    """One run over a window of creation time; see `integration.ledger.findings.begin`."""

    def __init__(self, house: House, run: Row[Any]) -> None:
        self._house, self._run = house, run
        self._journey: Journey = house.journey(run.flow)
        self._flow = self._journey.flow
        self._target = cast("Books", self._journey.target)
        self._bookings = Bookings()

    def prove(self) -> Iterator[Step]:
        """Read on from the run's place to its end. May raise Unauthorized or Refused, and Transient where a system stays away."""
        token = work.set(Work("reconcile"))
        try:
            yield from self._read_bookings(self._run.place - MARGIN)
            place = self._run.place
            while place < self._run.until:
                end = min(place + WINDOW, self._run.until)
                yield from self._read_window(place, end)
                with write(self._house.engine) as connection:
                    findings.reached(connection, self._run.id, end)
                place = end
                yield self._step(place)
            with write(self._house.engine) as connection:
                findings.end(connection, self._run.id)
        finally:
            work.reset(token)

    def prove_again(self, keys: Sequence[str]) -> Iterator[Step]:
        """Judge these orders as they are now."""
        token = work.set(Work("reconcile"))
        self._bookings = Bookings()
        try:
            for place, key in enumerate(keys):
                record = self._fetch(key)
                if record is not None:
                    self._keep([record], [])
                yield Step("looking again", (place + 1) / len(keys))
        finally:
            work.reset(token)

    def _step(self, place: datetime) -> Step:
        return Step(f"orders of {self._flow.source}", (place - self._run.since) / (self._run.until - self._run.since))

    def _read_bookings(self, since: datetime) -> Iterator[Step]:
        """Everything that has changed in the target since then: an order that was booked since is among it."""
        began, reached, page_token = clock.now(), since, None
        while True:
            request = PageRequest(token=page_token, since=None if page_token else reached)
            try:
                page = _patiently(lambda request=request: self._target.fetch_page(self._flow.entity, request))  # type: ignore[misc]
            except PageExpired:
                page_token = None  # from the last change that was read
                continue
            for record in page.records:
                self._bookings.add(self._target.booked(record.key, record.body))
                reached = max(reached, record.changed_at)
            yield Step(f"orders of {self._flow.target}", min(1.0, (reached - since) / max(began - since, MARGIN)))
            page_token = page.next_token
            if page_token is None:
                return

    def _read_window(self, start: datetime, end: datetime) -> Iterator[Step]:
        page_token = None
        while True:
            request = PageRequest(token=page_token, created=(start, end))
            try:
                page: Page = _patiently(lambda request=request: self._journey.source.fetch_page(self._flow.entity, request))  # type: ignore[misc]
            except PageExpired:
                page_token = None  # the window once more; what was found is replaced
                continue
            self._keep(page.records, page.unreadable)
            page_token = page.next_token
            if page_token is None:
                return
            yield self._step(start)

    def _keep(self, records: Sequence[SourceRecord], unreadable: Sequence[Any]) -> None:
        found = self._judged(records)
        # Both sides go on while they are read: nobody is accused of what was true a minute ago.
        doubted = [one.source_key for one in found if one.verdict in FAULTS]
        present = [self._fetch(key) for key in doubted]
        anew = {one.source_key: one for one in self._judged([record for record in present if record is not None], live=True)}
        found = [anew.get(one.source_key, one) for one in found] + self._nameless(unreadable)
        with write(self._house.engine) as connection:
            findings.keep(connection, self._run.id, found)

    def _fetch(self, key: str) -> SourceRecord | None:
        return _patiently(lambda: self._journey.source.fetch_one(self._flow.entity, key))

    def _judged(self, records: Sequence[SourceRecord], *, live: bool = False) -> list[Finding]:
        placed = [self._placed(record) for record in records]
        with read(self._house.engine) as connection:
            known = findings.known(connection, self._flow, [one.key for one in placed])
            divided = parts.of_orders(connection, self._flow.source, self._flow.target, known)
            rests = findings.known(connection, self._flow, [parts.rest_key(key) for key in divided]) if divided else {}
            c = tables.cursor.c
            position = connection.execute(select(c.position).where(c.flow == self._flow.name)).scalar_one_or_none()
        sides = Sides(self._flow.source, self._flow.target, position)
        return [self._judge(one, known[one.key], rests.get(parts.rest_key(one.key)), sides, live=live) for one in placed]

    def _judge(self, order: Placed, known: Known, rest: Known | None, sides: Sides, *, live: bool) -> Finding:
        number = (order.expected.order_key if order.expected else None) or order.key
        sales = self._sales(number, known.target_key, live=live)
        if rest is not None:
            sales = together(sales, self._sales(parts.rest_key(number), rest.target_key, live=live))
            state = known.state if rest.state in ENDS else rest.state
            known = replace(known, state=state, letter=known.letter or rest.letter, hold=known.hold or rest.hold)
        return judge(order, sales, known, sides)

    def _nameless(self, unreadable: Sequence[Any]) -> list[Finding]:
        """Objects without key or time of change: no order that could be looked for."""
        keys = [f"unreadable {fingerprint(one)[:12]}" for one in unreadable]
        with read(self._house.engine) as connection:
            known = findings.known(connection, self._flow, keys)
        return [_nameless(key, known[key]) for key in keys]

    def _placed(self, record: SourceRecord) -> Placed:
        try:
            canonical = self._journey.read(record.body)
            expected = self._expected(record.key, canonical)
        except SyncError as error:
            return Placed(record.key, None, record.version, record.changed_at, None, False, None, reason(error))
        number, exported = canonical.get("order_number"), bool(canonical.get("exported"))
        return Placed(record.key, number, record.version, record.changed_at, canonical["status"], exported, expected)

    def _expected(self, key: str, canonical: dict[str, Any]) -> Booked:
        """What should be booked of an order, with the target's own codes for what the channel sells under others."""
        to_body = self._journey.writing[self._flow.entity].to_body
        expected = self._target.booked(key, to_body(canonical))
        sales = self._bookings.of(expected.order_key or key, None)
        if sales and all(not same(dict(one.units), dict(expected.units)) for one in sales):
            items = _patiently(lambda: known_items(self._house, self._journey, expected.units))
            lines = [{**line, "sku": item.sku if (item := items[line["sku"]]) else line["sku"]} for line in canonical["lines"]]
            expected = self._target.booked(key, to_body({**canonical, "lines": lines}))
        return expected

    def _sales(self, number: str, key: str | None, *, live: bool) -> list[Booked]:
        """What the target holds of an order, by its number or as what it was booked: by what was read of it, or as it is now."""
        if live or not self._bookings.of(number, key):
            self._bookings.drop(number)
            found = list(_patiently(lambda: self._target.find(self._flow.entity, number)))
            if key is not None and all(remote.key != key for remote in found):
                one = _patiently(lambda: self._target.get(self._flow.entity, key))
                found += [one] if one is not None else []
            for remote in found:
                self._bookings.add(self._target.booked(remote.key, remote.body))
        return self._bookings.of(number, key)


def repair(house: House, flow: str, keys: Sequence[str]) -> int:
    """Send these orders through the line once more, which books each once; gives the run."""
    with write(house.engine) as connection:
        pages = [{**page_since(None), KEYS: list(keys[start : start + MOST_KEYS])} for start in range(0, len(keys), MOST_KEYS)]
        run_id, _ = batches.start_run(connection, flow, REPAIR, "reconcile", pages[0], rung=False)
        for page in pages[1:]:
            batches.add_batch(connection, run_id, flow, "reconcile", "extract", page, rung=False)
    return run_id


def _nameless(key: str, known: Known) -> Finding:
    cause, advice = "has no key or no time of change that can be read", "correct it on the channel"
    if known.letter is not None:
        return Finding(key, None, "explained", f"dead letter {known.letter[0]}: {cause}", advice, False, None, None, [])
    return Finding(key, None, "missing", cause, advice, False, None, None, [])


def _patiently(call: Callable[[], T]) -> T:
    """Wait for the budget as long as it takes, and for a system that stumbles a few times."""
    tries = 0
    while True:
        try:
            return call()
        except PageExpired:
            raise
        except (Limited, Waiting) as error:
            time.sleep(max(0.1, error.retry_after))
        except Transient as error:
            tries += 1
            if tries >= TRIES:
                raise
            time.sleep(max(backoff(tries), error.retry_after or 0.0))
