"""Takes records off hold when what they wait for has come, in order of arrival, and gives them to a person when it has not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from integration import clock
from integration.budget import Work, work
from integration.errors import SyncError
from integration.ledger import crosswalk, holds
from integration.ledger.database import read, write
from integration.ledger.holds import Hold
from integration.line.items import known_items
from integration.line.journey import House, Journey
from integration.line.origin import resting

log = structlog.get_logger()

SENT_ANYWAY = "tracking"
"""A shipment whose tracking number never came is told without it; what waits for anything else needs a person then."""


def release(house: House) -> list[int]:
    """Look after the holds that are due; gives the batches of those that go on. What a system cannot answer now is asked later."""
    moment = clock.now()
    with read(house.engine) as connection:
        due = [hold for hold in holds.due(connection, moment) if hold.flow in house.settings.flows]
    if not due:
        return []
    over = [hold for hold in due if hold.deadline <= moment]
    waiting = [hold for hold in due if hold.deadline > moment]
    come = [hold for hold in over if hold.kind == SENT_ANYWAY]
    for (flow, kind), theirs in _grouped(waiting).items():
        token = work.set(Work("retries"))
        try:
            there = CONDITIONS[kind](house, house.journey(flow), sorted({hold.awaits for hold in theirs}))
        except SyncError as error:
            log.info("holds are looked at later", flow=flow, kind=kind, reason=str(error))
            continue
        finally:
            work.reset(token)
        come += [hold for hold in theirs if hold.awaits in there]
    gone = {hold.id for hold in come}
    with write(house.engine) as connection:
        made = holds.send_on(connection, come)
        holds.expire(connection, [hold for hold in over if hold.id not in gone])
        holds.look_again(connection, waiting, moment)
    if made:
        log.info("released", records=[hold.record_id for hold in come], batches=made)
    return made


def _grouped(wanted: Sequence[Hold]) -> dict[tuple[str, str], list[Hold]]:
    groups: dict[tuple[str, str], list[Hold]] = {}
    for hold in wanted:
        groups.setdefault((hold.flow, hold.kind), []).append(hold)
    return groups


def _items(house: House, journey: Journey, awaited: Sequence[str]) -> set[str]:
    return {sku for sku, item in known_items(house, journey, awaited).items() if item is not None and item.active}


def _stock(_: House, journey: Journey, awaited: Sequence[str]) -> set[str]:
    with journey.target_budget.expecting(len(awaited)):
        return {sku for sku in awaited if (journey.target.available(sku) or 0) > 0}


def _orders(house: House, journey: Journey, awaited: Sequence[str]) -> set[str]:
    flow = journey.flow
    with read(house.engine) as connection:
        rows = crosswalk.look_up(connection, flow.target, flow.source, "order", awaited)
    booked = {key for key, crossing in rows.items() if crossing.target_key is not None}
    return {key for key in booked if not resting(house, journey, key)} if flow.entity == "shipment" else booked


def _judged_anew(_: House, __: Journey, awaited: Sequence[str]) -> set[str]:
    """What only validate can tell: it looks again."""
    return set(awaited)


def _never(*_: object) -> set[str]:
    """Only a newer version, a person or the deadline ends it."""
    return set()


CONDITIONS: Mapping[str, Callable[[House, Journey, Sequence[str]], set[str]]] = {
    "unknown_sku": _items,
    "out_of_stock": _stock,
    "credit": _judged_anew,
    "order": _orders,
    "address": _never,
    "tracking": _never,
}
"""By kind of hold: which of what is awaited is there now."""
