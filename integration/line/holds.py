"""Takes records off hold when what they wait for has come, in order of arrival, and gives them to a person when it has not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from integration import clock
from integration.budget import Work, work
from integration.errors import SyncError
from integration.ledger import crosswalk, holds, parts, records
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line.items import known_items
from integration.line.journey import House, Journey
from integration.line.origin import on_its_way, over, resting
from integration.line.validate import ready

log = structlog.get_logger()

LOOK_SECONDS = 10.0
"""One look sends no request after so long: whoever looks has more to do."""

SENT_ANYWAY = "tracking"
"""A shipment whose tracking number never came is told without it; what waits for anything else needs a person then."""


def release(house: House) -> list[int]:
    """Look after the holds that are due; gives the batches of those that go on. What a system cannot answer now is asked later.

    One past its deadline is looked at once more: what it waited for may have come while nobody looked.
    """
    moment = clock.now()
    due = [hold for hold in holds.take_due(house.engine, moment) if hold.flow in house.settings.flows]
    if not due:
        return []
    come = [hold for hold in due if hold.kind == SENT_ANYWAY and hold.deadline <= moment]
    waiting = [hold for hold in due if hold.kind != SENT_ANYWAY]
    patience = time.monotonic() + LOOK_SECONDS
    for (flow, kind), theirs in _grouped(waiting).items():
        token = work.set(Work("retries", patience))
        try:
            come += CONDITIONS[kind](house, house.journey(flow), theirs)
        except SyncError as error:
            log.info("holds are looked at later", flow=flow, kind=kind, reason=str(error))
        finally:
            work.reset(token)
    gone = {hold.id for hold in come}
    with write(house.engine) as connection:
        made = holds.send_on(connection, come)
        holds.expire(connection, [hold for hold in waiting if hold.deadline <= moment and hold.id not in gone])
    if made:
        log.info("released", records=[hold.record_id for hold in come], batches=made)
    return made


def _grouped(wanted: Sequence[Hold]) -> dict[tuple[str, str], list[Hold]]:
    groups: dict[tuple[str, str], list[Hold]] = {}
    for hold in wanted:
        groups.setdefault((hold.flow, hold.kind), []).append(hold)
    return groups


def _items(house: House, journey: Journey, waiting: Sequence[Hold]) -> list[Hold]:
    known = known_items(house, journey, {hold.awaits for hold in waiting})
    return [hold for hold in waiting if (item := known[hold.awaits]) is not None and item.active]


def _orders(house: House, journey: Journey, waiting: Sequence[Hold]) -> list[Hold]:
    """The order is booked, or it will not be booked by us any more. A shipment waits also while the channel holds its order."""
    flow = journey.flow
    with read(house.engine) as connection:
        rows = crosswalk.look_up(connection, flow.target, flow.source, "order", [hold.awaits for hold in waiting])
        orders = parts.orders_of(connection, flow.target, flow.source, rows)
    booked = {key for key, row in rows.items() if row.target_key is not None}
    waits_longer = flow.entity == "shipment"
    there = {key for key in sorted(booked) if not (waits_longer and resting(house, journey, orders.get(key, key)))}
    given_up = {hold.awaits for hold in waiting if hold.awaits not in booked and not on_its_way(house, journey, hold.awaits)}
    return [hold for hold in waiting if hold.awaits in there | given_up]


def _judged(house: House, journey: Journey, waiting: Sequence[Hold]) -> list[Hold]:
    """Stock and credit depend on the whole order, and on those that came before it."""
    with read(house.engine) as connection:
        found = {record.id: record for record in records.by_ids(connection, [hold.record_id for hold in waiting])}
    there = ready(house, journey, [found[hold.record_id] for hold in waiting])
    return [hold for hold in waiting if hold.record_id in there]


def _shipped(house: House, journey: Journey, waiting: Sequence[Hold]) -> list[Hold]:
    """The channel has shipped the order, or dropped it."""
    return [hold for hold in waiting if over(house, journey, hold.awaits)]


def _never(*_: object) -> list[Hold]:
    """Only a newer version or a person ends it."""
    return []


CONDITIONS: Mapping[str, Callable[[House, Journey, Sequence[Hold]], list[Hold]]] = {
    "unknown_sku": _items,
    "out_of_stock": _judged,
    "credit": _judged,
    "customer": _judged,
    "order": _orders,
    "shipment": _shipped,
    "address": _never,
}
"""By kind of hold: which of those that wait need wait no longer. A tracking number comes with a newer version."""
