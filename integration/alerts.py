"""One look at what is wrong: the alerts are brought up to date, and whoever is to know is told, once by whatever number of watchers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from sqlalchemy import Engine

from integration.ledger import alerts
from integration.ledger.alerts import OPEN, Alert, Trouble
from integration.ports import Limits
from integration.settings.model import Secret, Settings
from integration.troubles import troubles

MOST_LINES = 20
"""Alerts in one message."""

Send = Callable[..., Mapping[str, str]]
"""`send(addresses, title, body, good=…)`: what came of each address by its reference, `sent` or why not."""

SENT = "sent"

log = structlog.get_logger()


def watch(engine: Engine, settings: Settings, limits: Mapping[str, Limits], send: Send, more: Iterable[Trouble] = ()) -> None:
    """`more`: troubles that the ledger cannot know of."""
    after = settings.alerts.after
    alerts.keep(engine, [*troubles(engine, settings, limits), *more], after)
    addresses = {one.reference: one for one in settings.alerts.urls}
    taken = alerts.take(engine, addresses, after) if addresses else []
    for begun in (True, False):
        _tell(engine, [one for one in taken if (one.state == OPEN) is begun], addresses, send)


def _tell(engine: Engine, taken: Sequence[Alert], addresses: Mapping[str, Secret], send: Send) -> None:
    """Those that the same addresses are to hear of go in one message, so that a bad day is not a thousand of them."""
    by_addresses: dict[frozenset[str], list[Alert]] = {}
    for one in taken:
        whom = set(addresses) - set(one.told_to) if one.state == OPEN else set(addresses) & set(one.told_to)
        by_addresses.setdefault(frozenset(whom), []).append(one)
    for these, some in by_addresses.items():
        asked = [addresses[name] for name in sorted(these)]
        outcomes = send(asked, title(some), body(some), good=some[0].state != OPEN) if asked else {}
        reached = {name for name, outcome in outcomes.items() if outcome == SENT}
        for name in these - reached:
            log.warning("an alert could not be sent and is tried again", address=name, outcome=outcomes.get(name))
        alerts.told(engine, some, reached, these - reached, addresses)


def title(some: Sequence[Alert]) -> str:
    what = f"{len(some)} alert{'' if len(some) == 1 else 's'}"
    return f"Integration: {what}" if some[0].state == OPEN else f"Integration: {what} over"


def body(some: Sequence[Alert]) -> str:
    """What, since when, how many, and what to do."""
    lines = [_line(one) for one in some[:MOST_LINES]]
    if len(some) > MOST_LINES:
        lines.append(f"and {len(some) - MOST_LINES} more: `integration alerts` lists them all.")
    return "\n\n".join(lines)


def _line(one: Alert) -> str:
    since = f"{one.since:%Y-%m-%d %H:%M:%S} UTC"
    return f"{one.message} (since {since}). {one.advice}" if one.state == OPEN else f"Over: {one.message} (since {since})."
