"""A full pass over a flow's stock: every quantity of the warehouse, then every stock record of the channel, page by page, each page a
batch that commits its place. The first read of a flow is the first half of one; every night, or on demand, it finds what has drifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from integration import clock
from integration.budget import Work, work
from integration.errors import PageExpired, SyncError
from integration.ledger import batches, records, stock, tables
from integration.ledger.batches import Batch, Lane, Stage
from integration.ledger.database import write
from integration.ledger.stock import Reading, Row
from integration.line.journey import House
from integration.line.stock_guard import Guard
from integration.line.stock_offers import Offer, offers
from integration.ports import Level, Page, PageRequest
from integration.settings.model import Flow

PASS = "full_pass"  # noqa: S105 - the member of a batch's page that says which side it reads
WAREHOUSE, CHANNEL = "warehouse", "channel"

NIGHTLY, ON_DEMAND, FIRST = "full pass", "reconcile", "first read"

ORDERS_EVERY = 10
"""Pages of the channel between two looks at the orders: a difference that a newer order explains costs a write and no more."""

Bell = tuple[int, Stage]


@dataclass(frozen=True, slots=True)
class Difference:
    """A SKU that shows something else than it should."""

    sku: str
    item: str
    available: int
    promised: int
    should: int
    shows: int | None
    cause: str


def begin(connection: Connection, flow: Flow, kind: str, *, lane: Lane = "reconcile", repair: bool = False) -> int:
    """A run that reads both sides, its first batch left for the sweeper to ring; with `repair` what has drifted is published."""
    page = first_page() if kind == FIRST else {PASS: WAREHOUSE, "repair": repair, "begun": clock.text(clock.now()), "only_new": False}
    _, batch_id = batches.start_run(connection, flow.name, kind, lane, page, rung=False)
    return batch_id


def first_page() -> dict[str, Any]:
    """Where a flow begins that has never read anything: all is published, and nothing need be compared."""
    return {PASS: WAREHOUSE, "first": True, "begun": clock.text(clock.now()), "only_new": False}


def begin_nightly(connection: Connection, flow: Flow, moment: datetime) -> int | None:
    """The pass of this day, once it is time and unless there was one; the caller holds the flow's cursor. A flow's first read will do."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    slot = midnight + timedelta(minutes=flow.full_pass_at)
    if slot > moment:
        slot -= timedelta(days=1)
    r = tables.run.c
    done = select(func.count()).where(r.flow == flow.name, r.kind.in_((NIGHTLY, FIRST)), r.started_at >= slot)
    return None if connection.execute(done).scalar_one() else begin(connection, flow, NIGHTLY, repair=True)


def read_page(house: House, batch: Batch) -> list[Bell]:
    """Do one page of a pass; gives the bells to ring."""
    token = work.set(Work(batch.lane))
    try:
        return (_read_warehouse if batch.page[PASS] == WAREHOUSE else _read_channel)(house, batch)
    except PageExpired:
        return _go_on(house, batch, {name: value for name, value in batch.page.items() if name != "token"})
    finally:
        work.reset(token)


def _read_warehouse(house: House, batch: Batch) -> list[Bell]:
    journey = house.journey(batch.flow)
    asked = clock.now()
    page = journey.source.fetch_page("stock", PageRequest(token=batch.page.get("token")))
    first = batch.page.get("first", False)
    readings, refused = [], {}
    for record in page.records:
        try:
            canonical = journey.read(record.body)
            readings.append(Reading(canonical["sku"], canonical["available"], asked, record.changed_at))
        except SyncError as error:
            refused[record.key] = records.reason(error)
    with write(house.engine) as connection:
        batches.hold(connection, batch)
        stock.keep(connection, batch.flow, readings, due=first)
        stock.complain(connection, batch.flow, batch.id, refused)
        records.set_aside_unreadable(connection, batch.flow, batch.id, page.unreadable)
        bells: list[Bell] = []
        if first:
            _advance(connection, batch.flow, page)
            bells.append((stock.ring(connection, batch.flow), "load"))
    done = batch.page.get("read", 0) + len(page.records)
    if page.next_token is not None:
        return bells + _go_on(house, batch, {**batch.page, "token": page.next_token, "read": done})
    following = None if first else {name: batch.page[name] for name in ("repair", "begun", "only_new")} | {PASS: CHANNEL}
    return bells + _go_on(house, batch, following)


def _advance(connection: Connection, flow: str, page: Page) -> None:
    c = tables.cursor.c
    if page.records:
        newest = max(record.changed_at for record in page.records)
        connection.execute(
            update(tables.cursor)
            .where(c.flow == flow, c.position.is_(None) | (c.position < newest))
            .values(position=newest, look_back_from=func.coalesce(c.look_back_from, newest), updated_at=clock.now())
        )


def _read_channel(house: House, batch: Batch) -> list[Bell]:
    flow = house.settings.flows[batch.flow]
    guard = Guard(house, flow)
    turn = batch.page.get("turn", 0)
    if turn % ORDERS_EVERY == 0:
        guard.read_warehouse()
        guard.read_channel(anew=True)
    page = guard.channel.fetch_page("stock", PageRequest(token=batch.page.get("token")))
    levels = {one.key: guard.channel.level(one.body, guard.center) for one in page.records}
    bells: list[Bell] = []
    with write(house.engine) as connection:
        batches.hold(connection, batch)
        drifted = _compare(connection, flow, levels)
        if batch.page["repair"] and drifted:
            stock.mark_due(connection, flow.name, drifted)
            bells.append((stock.ring(connection, flow.name), "load"))
        if page.next_token is None:
            _end(connection, batch)
    read = batch.page.get("read", 0) + len(page.records)
    if page.next_token is None:
        return bells + _go_on(house, batch, None)
    return bells + _go_on(house, batch, {**batch.page, "token": page.next_token, "read": read, "turn": turn + 1})


def _compare(connection: Connection, flow: Flow, levels: dict[str, Level]) -> set[str]:
    """Write down what a page of the channel shows and why it is not what it should be; gives the SKUs that differ."""
    s = tables.stock.c
    items = set(connection.execute(select(s.item).where(s.flow == flow.name, s.sku.in_(sorted(levels)))).scalars())
    moment = clock.now()
    # The channel has just listed them, whatever it said of them before.
    stock.change(
        connection, flow.name, [{"sku": sku, "listed": True, "shown": level.quantity, "shown_at": moment} for sku, level in levels.items()]
    )
    rows = stock.rows_of(connection, flow.name, items, lock=True)
    causes = {
        offer.row.sku: cause(offer, levels[offer.row.sku])
        for offer in offers(connection, flow, rows)
        if offer.row.sku in levels and offer.units != levels[offer.row.sku].quantity
    }
    stock.change(connection, flow.name, [{"sku": row.sku, "drift": causes.get(row.sku)} for row in rows if row.sku in levels])
    return set(causes)


def cause(offer: Offer, level: Level) -> str:
    """Why a SKU shows something else, as far as can be told."""
    row = offer.row
    if row.due_at is not None:
        return "a write is under way"
    if row.published is None or level.quantity is None:
        return "never published"
    if level.as_of != row.published_as_of and row.published_as_of is not None:
        return "set on the channel by somebody else"
    if level.quantity == row.available:
        return "orders or buffer not kept off"
    return "moved on the channel, not corrected"


def _end(connection: Connection, batch: Batch) -> None:
    """What the channel has not listed in the whole pass it does not know."""
    s = tables.stock.c
    begun = clock.instant(batch.page["begun"])
    connection.execute(
        update(tables.stock)
        .where(s.flow == batch.flow, s.shown_at.is_(None) | (s.shown_at < begun), s.as_of < clock.now() - timedelta(seconds=1))
        .where(s.published_at.is_(None) | (s.published_at < begun))
        .values(listed=False, drift=None, due_at=None, shown=None, note="the channel knows no such SKU", shown_at=clock.now())
    )


def _go_on(house: House, batch: Batch, page: dict[str, Any] | None) -> list[Bell]:
    """End the batch, with the next page's in its place."""
    with write(house.engine) as connection:
        bells: list[Bell] = []
        if page is not None:
            bells.append((batches.add_batch(connection, batch.run_id, batch.flow, batch.lane, "extract", page), "extract"))
        batches.finish(connection, batch, None)
    return bells


def differences(connection: Connection, flow: Flow) -> list[Difference]:
    """What the last pass has found, and is not repaired yet."""
    s = tables.stock.c
    found = connection.execute(select(s.sku, s.item, s.shown, s.drift).where(s.flow == flow.name, s.drift.is_not(None))).all()
    rows: list[Row] = stock.rows_of(connection, flow.name, {row.item for row in found})
    should = {offer.row.sku: offer for offer in offers(connection, flow, rows)}
    return [
        Difference(row.sku, row.item, should[row.sku].row.available, should[row.sku].promised, should[row.sku].units, row.shown, row.drift)
        for row in sorted(found)
        if row.sku in should
    ]
