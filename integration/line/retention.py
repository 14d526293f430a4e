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
from integration.ledger import audit, retention
from integration.ledger.database import write
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
    moment = clock.now()
    for flow in house.settings.flows.values():
        payloads, stories = _bounds(house, flow, moment)
        personal = privacy.personal(house, flow)
        yield "payloads", partial(retention.drop_payloads, vault=house.vault, flow=flow, personal=personal, before=payloads)
        yield "stories", partial(retention.drop_stories, flow=flow.name, before=stories)
    traces = moment - timedelta(seconds=house.settings.retention.traces)
    yield "rest", partial(retention.drop_what_has_no_record, before=traces)


def _bounds(house: House, flow: Flow, moment: datetime) -> tuple[datetime, datetime]:
    kept = house.settings.retention
    payloads, traces = (min(seconds, STOCK_SECONDS) if flow.entity == "stock" else seconds for seconds in (kept.payloads, kept.traces))
    return moment - timedelta(seconds=payloads), moment - timedelta(seconds=traces)
