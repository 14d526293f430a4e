"""Extract: read one page and keep it, with the advance of the cursor and the batch of the next page, in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.errors import PageExpired, Refused
from integration.ledger import batches, occasions, records, tables
from integration.ledger.batches import Batch
from integration.ledger.database import read, write
from integration.line import backfill, prices, stock_guard, stock_pass
from integration.line.journey import House, Journey
from integration.ports import Page, PageRequest, SourceRecord

log = structlog.get_logger()

STOOD_AT = "stood_at"
"""The member of a look back's pages that says where the cursor stood when it began."""

NEWEST = "newest"
"""The member of a page that says how far the pages before it have come, where only all of them together move the cursor."""

KEYS = "keys"
"""The member of a page that names records to be fetched one by one."""

OCCASION = "occasion"
"""The kind of a run that reads records again whose occasion has come; the sweeper rings for it."""

KEYS_AT_ONCE = 50

WAITING_TOO = 4
"""How many times the limit on batches in flight may be there with those whose records all wait: each of them is looked at now and then."""

ROOM_SECONDS = 1.0
"""A page that finds the line full waits this long."""


def poll(house: House, flow_name: str, tick: int) -> int | None:
    """Begin a run for a tick of the clock; gives its batch, or None where the tick was taken or an earlier one still reads.

    Where nothing was ever read, all that was never taken over is read; of a source that keeps no such mark, what changed within the
    overlap; of products, all. Later the look starts at the cursor, and every
    `look_back_every` an overlap before where the cursor stood when the last whole look back began: a record that became visible
    since is late against what was read then, not against what has been read since.
    """
    flow = house.settings.flows[flow_name]
    moment = clock.now()
    c = tables.cursor.c
    with write(house.engine) as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.cursor).values(flow=flow_name, tick=-1, updated_at=moment).on_conflict_do_nothing())
        # A clock that was ahead has taken ticks that are still to come.
        free = or_(c.tick < tick, c.updated_at > moment + timedelta(seconds=batches.AHEAD_SECONDS))
        won = connection.execute(update(tables.cursor).where(c.flow == flow_name, free).values(tick=tick, updated_at=moment))
        row = connection.execute(select(tables.cursor).where(c.flow == flow_name)).one()
        look_back = row.looked_back_at is None or moment - row.looked_back_at >= timedelta(seconds=flow.look_back_every)
        # Webhooks may keep a flow reading all the time; a look back comes all the same, for it finds what they did not tell of.
        before = batches.TICKS if look_back else batches.POLLS
        if won.rowcount == 0 or batches.still_reading(connection, flow_name, before):
            return None
        since: datetime | None = row.position
        first = since is None
        whole = flow.entity == "product"
        if first and not whole and not house.journey(flow_name).source.marks(flow.entity):
            since = moment - timedelta(seconds=flow.overlap)
        kind = "first read" if since is None else "look back" if look_back and not first else "tick"
        stood_at: dict[str, Any] = {}
        if since is not None and kind == "look back":
            stood_at[STOOD_AT] = clock.text(since)
            since = row.look_back_from - timedelta(seconds=flow.overlap)
            connection.execute(update(tables.cursor).where(c.flow == flow_name).values(looked_back_at=moment))
        page = _store(PageRequest(since=since, only_new=since is None and not whole)) | stood_at
        if whole:
            _read_again(connection, flow_name, moment)
        if flow.entity == "stock":
            if first:
                kind, page = stock_pass.FIRST, stock_pass.first_page()
            else:
                stock_pass.begin_nightly(connection, flow, moment)
        _, batch_id = batches.start_run(connection, flow_name, kind, "live", page, since=since)
    return batch_id


def _read_again(connection: Connection, flow: str, moment: datetime) -> None:
    """Of products whose price has turned by the clock alone nobody tells."""
    keys = occasions.take(connection, flow, moment)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        page = {**page_since(None), KEYS: keys[start : start + KEYS_AT_ONCE]}
        batches.start_run(connection, flow, OCCASION, "live", page, rung=False)


def extract(house: House, batch: Batch) -> list[tuple[int, batches.Stage]]:
    """Read the batch's page. Gives the bells to ring: (batch, stage)."""
    if stock_pass.PASS in batch.page:
        return stock_pass.read_page(house, batch)
    journey = house.journey(batch.flow)
    with read(house.engine) as connection:
        moving, every = batches.in_flight(connection, batch.flow, batch.lane)
    most = journey.flow.batches_in_flight
    full = moving >= most or every >= most * WAITING_TOO
    if batch.lane == "backfill" and backfill.ended(house.engine, batch):
        return []
    # The first read never waits: what it has read is marked as taken over only when it is through, see `load`.
    if full and not batch.page["only_new"]:
        batches.postpone(house.engine, batch, ROOM_SECONDS, "waits for room on the line", spend=False)
        return []
    read_at, entity = clock.now(), journey.flow.entity
    try:
        page = _fetch(journey, batch.page[KEYS]) if KEYS in batch.page else journey.source.fetch_page(entity, _request(batch.page))
    except PageExpired:
        return _start_over(house, batch)
    return _keep(house, batch, page, read_at)


def _fetch(journey: Journey, keys: list[str]) -> Page:
    """What is not there (any more), or was never a key, is left out."""
    found: list[SourceRecord] = []
    with journey.source_budget.expecting(len(keys)):
        for key in keys:
            try:
                record = journey.source.fetch_one(journey.flow.entity, key)
            except Refused as error:
                log.warning("what a webhook named is refused", reason=str(error))
                continue
            if record is not None:
                found.append(record)
    return Page(found, None)


def _keep(house: House, batch: Batch, page: Page, read_at: datetime) -> list[tuple[int, batches.Stage]]:
    bells: list[tuple[int, batches.Stage]] = []
    with write(house.engine) as connection:
        lock_cursor(connection, batch.flow)
        journey, again = house.journey(batch.flow), batch.lane == "backfill"
        found = prices.versions(journey, stock_guard.versions(journey, page.records), read_at)
        fresh = records.store_page(
            connection, house.vault, batch.flow, batch.id, found, journey.named, read_at, again=again, email=journey.email
        )
        publishers = stock_guard.demand(connection, house.settings, journey, page.records)
        records.set_aside_unreadable(connection, batch.flow, batch.id, page.unreadable)
        newest = _newest(batch, page)
        # A record that was fetched by its key says nothing of those that changed before it.
        if newest is not None and batch.lane == "live" and KEYS not in batch.page and (page.in_order or page.next_token is None):
            # What claims to change tomorrow must not hide what changes today.
            _advance(connection, batch.flow, min(newest, read_at))
        if page.next_token is None and STOOD_AT in batch.page:
            _looked_back(connection, batch.flow, clock.instant(batch.page[STOOD_AT]))
        following = _next_page(connection, batch, page, newest)
        if following is not None:
            bells.append((following, "extract"))
        batches.finish(connection, batch, "transform" if fresh else None, size=fresh)
    if fresh:
        bells.insert(0, (batch.id, "transform"))
    return bells + [(publisher, "load") for publisher in publishers]


def _newest(batch: Batch, page: Page) -> datetime | None:
    """The newest change that was read: on this page, and where pages are not in the order of change on those before it too."""
    moments = [record.changed_at for record in page.records]
    if not page.in_order and NEWEST in batch.page:
        moments.append(clock.instant(batch.page[NEWEST]))
    return max(moments, default=None)


def _next_page(connection: Connection, batch: Batch, page: Page, newest: datetime | None) -> int | None:
    if batch.lane == "backfill":
        return backfill.next_page(connection, batch, page.next_token)
    if page.next_token is None:
        return None
    following = {**batch.page, "token": page.next_token}
    if not page.in_order and newest is not None:
        following[NEWEST] = clock.text(newest)
    return batches.add_batch(connection, batch.run_id, batch.flow, batch.lane, "extract", following)


def _start_over(house: House, batch: Batch) -> list[tuple[int, batches.Stage]]:
    """A page token that lived too long: a poll goes on from the cursor at its next tick, a backfill begins its window again, and a
    first read begins again."""
    with write(house.engine) as connection:
        if batch.lane == "backfill":
            again = backfill.window_again(connection, batch)
            batches.finish(connection, batch, None, note="the page's token expired; its window is read again")
            return [(again, "extract")]
        if not batch.page["only_new"]:
            batches.finish(connection, batch, None, note="the page's token expired; the next tick goes on from the cursor")
            return []
        page = {name: value for name, value in batch.page.items() if name not in ("token", NEWEST)}
        again = batches.add_batch(connection, batch.run_id, batch.flow, batch.lane, "extract", page)
        batches.finish(connection, batch, None, note="the page's token expired; the read begins again")
    return [(again, "extract")]


def lock_cursor(connection: Connection, flow: str) -> None:
    """Two pages of one flow are kept one after the other, so that a record in both is kept once."""
    connection.execute(select(tables.cursor.c.flow).where(tables.cursor.c.flow == flow).with_for_update()).all()


def _advance(connection: Connection, flow: str, position: datetime) -> None:
    c = tables.cursor.c
    connection.execute(
        update(tables.cursor)
        .where(c.flow == flow, c.position.is_(None) | (c.position < position))
        .values(position=position, look_back_from=func.coalesce(c.look_back_from, position), updated_at=clock.now())
    )


def _looked_back(connection: Connection, flow: str, stood_at: datetime) -> None:
    """A look back has read its last page: the next one need not go further back than an overlap before where this one began."""
    connection.execute(update(tables.cursor).where(tables.cursor.c.flow == flow).values(look_back_from=stood_at))


def page_since(since: datetime | None) -> dict[str, Any]:
    """The page of a batch that reads what changed since then."""
    return _store(PageRequest(since=since))


def _store(request: PageRequest) -> dict[str, Any]:
    stored: dict[str, Any] = {"only_new": request.only_new}
    if request.since:
        stored["since"] = clock.text(request.since)
    if request.created:
        stored["created"] = [clock.text(moment) for moment in request.created]
    return stored


def _request(stored: dict[str, Any]) -> PageRequest:
    created = stored.get("created")
    return PageRequest(
        token=stored.get("token"),
        since=clock.instant(stored["since"]) if stored.get("since") else None,
        created=(clock.instant(created[0]), clock.instant(created[1])) if created else None,
        only_new=stored.get("only_new", False),
    )
