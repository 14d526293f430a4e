"""Retention: what has been kept long enough is deleted, a little at a time; and what a person has asked for, once it can be."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from integration import clock
from integration.ledger import audit, billed, retention
from integration.ledger.database import read, write
from integration.line import privacy
from integration.line.journey import House
from integration.settings.model import DAY, Flow

log = structlog.get_logger()

STOCK_SECONDS = 7 * DAY
"""Readings of quantities come by the thousand and are of no use to anybody later."""

AT_MOST_SECONDS = 3.0
"""So long goes one call; the next one goes on."""

Piece = Callable[[Connection], int]


def forget(house: House) -> Counter[str]:
    """Delete what is due, as far as there is time. Between two pieces the ledger is free for as long as the last one took."""
    done: Counter[str] = Counter(orders_erased=privacy.erase_marked(house))
    until = time.monotonic() + AT_MOST_SECONDS
    for what, piece in _pieces(house):
        count = retention.AT_ONCE
        while count >= retention.AT_ONCE and time.monotonic() < until:
            began = time.monotonic()
            with write(house.engine) as connection:
                count = piece(connection)
                if count:
                    audit.count(connection, "retention", {what: count})
            done[what] += count
            time.sleep(min(time.monotonic() - began, 1.0) if count else 0.0)
    if done.total():
        log.info("deleted", **done)
    return done


def _pieces(house: House) -> Iterator[tuple[str, Piece]]:
    moment, kept, flows = clock.now(), house.settings.retention, house.settings.flows
    payloads, traces = (moment - timedelta(seconds=seconds) for seconds in (kept.payloads, kept.traces))
    stock = moment - timedelta(seconds=STOCK_SECONDS)
    for flow in flows.values():
        early = flow.entity == "stock"
        yield "payloads", partial(_drop_payloads, house, flow, max(payloads, stock) if early else payloads)
        invoices_of = flow.source if flow.entity == "invoice" else None
        before = max(traces, stock) if early else traces
        yield "stories", partial(retention.drop_stories, flow=flow.name, before=before, invoices_of=invoices_of)
    with read(house.engine) as connection:
        gone = sorted(retention.flows_read(connection) - set(flows))
    for name in gone:
        yield "payloads", partial(_drop_orphans, house, name, payloads)
        yield "stories", partial(retention.drop_stories, flow=name, before=traces)
    if gone:
        yield "payloads", partial(retention.forget_delivered_elsewhere, flows=flows.values(), before=payloads)
        billing = {flow.source for flow in flows.values() if flow.entity == "invoice"}
        yield "rest", partial(billed.drop_of_others, connections=billing, flows=gone)
    yield "rest", partial(retention.drop_what_has_no_record, before=traces)


def _drop_payloads(house: House, flow: Flow, before: datetime, connection: Connection) -> int:
    keys = retention.drop_payloads(connection, house.vault, flow.name, before)
    if keys:
        retention.forget_delivered(connection, house.vault, flow, set(keys), privacy.personal(house, flow))
    return len(keys)


def _drop_orphans(house: House, flow: str, before: datetime, connection: Connection) -> int:
    return len(retention.drop_payloads(connection, house.vault, flow, before))
