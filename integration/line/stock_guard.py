"""What the guard must know before a quantity is published: which units orders of the channel have promised, and which of them the
warehouse counts itself. It reads both sides for itself, so that no other flow's delay can make it wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar, cast

from sqlalchemy import Connection, exists, select, update

from integration import clock
from integration.errors import Misconfigured, PageExpired, Unauthorized, Unreachable, Waiting
from integration.ledger import batches, commitments, records, stock, tables
from integration.ledger.crosswalk import look_up, of_targets
from integration.ledger.database import read, write
from integration.ledger.vault import fingerprint
from integration.line.items import known_items
from integration.line.journey import House, Journey
from integration.ports import Channel, Page, PageRequest, Reservation, SourceRecord, Warehouse
from integration.settings.model import Flow, Settings

FIRST_LOOK = timedelta(days=30)
"""So far back goes the very first look, for orders that were placed before this flow was: an older one that is still open is rare."""

OVERLAP = timedelta(seconds=30)
"""For what was committed while the last page was read; what a channel lists later than that is found by a look back."""

FRESH_SECONDS = 1.0
"""A reading of the channel that ended so recently also serves the writes that follow."""

FORGET_AFTER = timedelta(days=1)
REST_SECONDS = 5.0

FEW = 10
"""So many items are asked for one by one; for more, the list of what has changed is shorter."""

T = TypeVar("T")


def order_flow(settings: Settings, flow: Flow) -> Flow:
    """The flow that books the channel's orders in the warehouse of a stock flow."""
    for one in settings.flows.values():
        if (one.entity, one.source, one.target) == ("order", flow.target, flow.source):
            return one
    raise Misconfigured(
        f"the flow {flow.name} needs the flow of orders from {flow.target} to {flow.source} beside it: without it nobody knows which "
        "orders the quantities already count; configure it",
        where=f"flows.{flow.name}",
    )


def demand(connection: Connection, settings: Settings, journey: Journey, records: Sequence[SourceRecord]) -> list[int]:
    """Note what a page of a channel's orders promises, in the transaction that keeps it; gives the publishers to ring."""
    channel = journey.flow.source
    flows = [flow for flow in settings.flows.values() if (flow.entity, flow.target) == ("stock", channel)]
    if journey.flow.entity != "order" or not flows or not records:
        return []
    moved = commitments.note(connection, channel, map(cast("Channel", journey.source).promise, records), clock.now())
    bells = []
    for flow in flows if moved else ():
        stock.call_for(connection, flow.name, moved)
        due = stock.next_due(connection, flow.name)
        if due is not None and due <= clock.now():
            bells.append(stock.ring(connection, flow.name))
    return bells


def versions(journey: Journey, records: Sequence[SourceRecord]) -> Sequence[SourceRecord]:
    """Of quantities the version also says what they are: one may change twice within what a system calls one instant."""
    if journey.flow.entity != "stock":
        return records
    return [replace(one, version=f"{one.version} {fingerprint(journey.named(one.body))[:8]}") for one in records]


class Guard:
    """The readings of one publisher. Raises what a connection raises; the warehouse's troubles as Waiting, its budget paused."""

    def __init__(self, house: House, flow: Flow) -> None:
        self._house, self._flow = house, flow
        journey = house.journey(flow.name)
        self.orders = house.journey(order_flow(house.settings, flow).name)
        self.channel = cast("Channel", journey.target)
        self.center = flow.distribution_center or self.channel.usual_center()
        self._warehouse = cast("Warehouse", journey.source)
        self._warehouse_budget = journey.source_budget
        self._read_at: float | None = None
        self.position: datetime | None = None

    def begin(self) -> None:
        """Raises Waiting until every order that was never taken over has been read once. The very first look at the channel's orders
        comes before that at the warehouse's: what is not noted could not be accounted."""
        r = tables.run.c
        name = self.orders.flow.name
        with read(self._house.engine) as connection:
            ended = exists().where(r.flow == name, r.kind.in_(batches.TICKS), r.state != "open")
            position = connection.execute(select(tables.cursor.c.position).where(tables.cursor.c.flow == name)).scalar()
            ready = not batches.first_read_under_way(connection, name) if position is not None else connection.scalar(select(ended))
        if not ready:
            raise Waiting(f"waits until the flow {name} has read all orders that are open on {self._flow.target}", 1.0)
        if self._position(f"{self._flow.name}/channel") is None:
            self.read_channel(anew=True)

    # the channel ------------------------------------------------------------------------------------------------------------------

    def read_channel(self, *, anew: bool) -> None:
        """Note every order that changed since the last look; once in the time between two looks back of the flow of orders also those that
        may have become visible late. Without `anew` a look that has just ended will do."""
        if not anew and self._read_at is not None and time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        name, channel = f"{self._flow.name}/channel", self._flow.target
        moment, since = clock.now(), self._look_back(name)
        looks_back = since is not None
        stood = self._position(name)
        if since is None:
            since = moment - FIRST_LOOK if stood is None else stood - OVERLAP
        newest = stood
        for page in self._pages(self.channel.fetch_page, since):
            seen_at = clock.now()
            newest = max([one.changed_at for one in page.records] + ([newest] if newest else []), default=None)
            with write(self._house.engine) as connection:
                moved = commitments.note(connection, channel, map(self.channel.promise, page.records), seen_at)
                for flow in self._house.settings.flows.values() if moved else ():
                    if flow.entity == "stock" and flow.target == channel:
                        stock.call_for(connection, flow.name, moved)
        self._move(name, stood, newest)
        if looks_back:
            self._looked_back(name, moment, stood)
        self.position = newest
        self._read_at = time.monotonic()
        self._place_skus()

    def _place_skus(self) -> None:
        """Find the items of SKUs that orders name and the warehouse does not."""
        flow = self._flow
        with read(self._house.engine) as connection:
            wanted = commitments.unplaced(connection, flow.target, flow.source, flow.name)
        if wanted:
            self._of_warehouse(lambda: known_items(self._house, self.orders, wanted))
        with write(self._house.engine) as connection:
            stock.learn_aliases(connection, flow.name, flow.source)

    # the warehouse ----------------------------------------------------------------------------------------------------------------

    def read_warehouse(self) -> None:
        """Learn which orders the warehouse counts itself by now, and which no longer."""
        name, flow = f"{self._flow.name}/warehouse", self._flow
        stood = self._position(name)
        since = clock.now() - FIRST_LOOK if stood is None else stood - OVERLAP
        newest = stood
        for page in self._of_warehouse(lambda: list(self._pages(self._warehouse.fetch_page, since))):
            read_at = clock.now()  # after the answer: what it says was true by then
            newest = max([one.changed_at for one in page.records] + ([newest] if newest else []), default=None)
            self._account(page, read_at)
        self._move(name, stood, newest)
        with write(self._house.engine) as connection:
            commitments.forget_over(connection, flow.target, clock.now() - FORGET_AFTER)

    def _account(self, page: Page, read_at: datetime) -> None:
        flow = self._flow
        found = [one for one in map(self._warehouse.reservation, page.records) if one is not None]
        if not found:
            return
        with write(self._house.engine) as connection:
            found = self._of_channel(connection, found)
            ours = look_up(connection, flow.target, flow.source, "order", {one.order_key for one in found})
            known = {key: crossing.target_key for key, crossing in ours.items()}
            # A second booking of an order, made by whomever, says nothing of the first.
            valid = [one for one in found if known.get(one.order_key) in (None, one.key)]
            held = {one.order_key for one in valid if one.held}
            commitments.account(connection, flow.target, held, read_at)
            skus = commitments.disown(connection, flow.target, {one.order_key for one in valid} - held)
            stock.mark_due(connection, flow.name, skus)

    def _of_channel(self, connection: Connection, found: Sequence[Reservation]) -> list[Reservation]:
        """Each by the channel's key of its order, of which the warehouse may know the number alone."""
        booked = of_targets(connection, self._flow.source, "order", [one.key for one in found])
        keys = {target_key: key for target_key, (source, key) in booked.items() if source == self._flow.target}
        names = records.named(connection, self.orders.flow.name, [one.order_key for one in found])
        return [replace(one, order_key=keys.get(one.key) or names.get(one.order_key, one.order_key)) for one in found]

    def read_again(self, rows: Sequence[stock.Row]) -> None:
        """Ask the warehouse for the present quantities of these rows' items."""
        left = {row.item: row for row in rows}
        readings: list[stock.Reading] = []
        changed = [row.changed_at for row in left.values() if row.changed_at is not None]
        if len(left) > FEW and changed:
            listed = self._of_warehouse(lambda: list(self._changed(min(changed), len(left) // FEW)))
            readings += [reading for reading in listed if left.pop(reading.item, None) is not None]
        readings += [self._of_warehouse(lambda item=item: self._read_one(item)) for item in sorted(left)]  # type: ignore[misc]
        with write(self._house.engine) as connection:
            stock.keep(connection, self._flow.name, readings, due=False)

    def _changed(self, since: datetime, most_pages: int) -> Iterator[stock.Reading]:
        request = PageRequest(since=since)
        for _ in range(most_pages):
            asked = clock.now()
            page = self._warehouse.fetch_page("stock", request)
            yield from (self.reading(record, asked) for record in page.records)
            if page.next_token is None:
                return
            request = PageRequest(since=since, token=page.next_token)

    def _read_one(self, item: str) -> stock.Reading:
        asked = clock.now()
        record = self._warehouse.fetch_one("stock", item)
        if record is None:  # it is no item any more, so there is nothing to sell
            return stock.Reading(item, 0, asked, None)
        return self.reading(record, asked)

    def reading(self, record: SourceRecord, asked: datetime) -> stock.Reading:
        canonical = self._house.journey(self._flow.name).read(record.body)
        return stock.Reading(canonical["sku"], canonical["available"], asked, record.changed_at)

    def _of_warehouse(self, ask: Callable[[], T]) -> T:
        """What fails here is not the channel's fault, whose budget the line would let rest."""
        try:
            return ask()
        except (Unauthorized, Unreachable) as error:
            self._warehouse_budget.pause(REST_SECONDS, f"{error.kind}: {error}"[:200])
            raise Waiting(str(error), REST_SECONDS) from None

    # both -------------------------------------------------------------------------------------------------------------------------

    def _pages(self, fetch: Callable[[str, PageRequest], Page], since: datetime) -> Iterator[Page]:
        request = PageRequest(since=since)
        while True:
            try:
                page = fetch("order", request)
            except PageExpired:
                request = PageRequest(since=since)  # what was noted is noted once more, which changes nothing
                continue
            yield page
            if page.next_token is None:
                return
            request = PageRequest(since=since, token=page.next_token)

    def _look_back(self, name: str) -> datetime | None:
        """Since when to look back, where it is time: an overlap before where the last look back began."""
        c = tables.cursor.c
        with read(self._house.engine) as connection:
            row = connection.execute(select(c.position, c.looked_back_at, c.look_back_from).where(c.flow == name)).one_or_none()
        if row is None or row.position is None:
            return None
        every = timedelta(seconds=self.orders.flow.look_back_every)
        if row.looked_back_at is not None and timedelta(0) <= clock.now() - row.looked_back_at < every:
            return None
        return cast("datetime", row.look_back_from or row.position) - timedelta(seconds=self._flow.overlap)

    def _looked_back(self, name: str, moment: datetime, stood: datetime | None) -> None:
        c = tables.cursor.c
        with write(self._house.engine) as connection:
            connection.execute(update(tables.cursor).where(c.flow == name).values(looked_back_at=moment, look_back_from=stood))

    def _position(self, name: str) -> datetime | None:
        with read(self._house.engine) as connection:
            found: datetime | None = connection.execute(select(tables.cursor.c.position).where(tables.cursor.c.flow == name)).scalar()
        return found

    def _move(self, name: str, stood: datetime | None, newest: datetime | None) -> None:
        if newest is None or newest == stood:
            return
        moment = clock.now()
        with write(self._house.engine) as connection:
            stock.lock(connection, name)
            # What claims to change tomorrow must not hide what changes today.
            told = {"position": min(newest, moment), "updated_at": moment}
            connection.execute(update(tables.cursor).where(tables.cursor.c.flow == name).values(**told))
