"""The audit trail: who did what to the ledger, and when. A person is named by a keyed hash, and nothing else personal is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from integration import clock
from integration.ledger import tables

SERVICE = "the service"

_actor: ContextVar[str] = ContextVar("actor", default=SERVICE)


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    actor: str
    action: str
    subject: str | None
    detail: Mapping[str, Any]


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """What is recorded inside was done by this user of the machine."""
    token = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(token)


def record(connection: Connection, action: str, subject: str | None = None, **detail: Any) -> None:
    """In the transaction of what was done. `subject`: what it was done to, a person by keyed hash; `detail` must go into JSON and hold
    nothing personal."""
    _keep(connection, action, subject, detail)


def count(connection: Connection, action: str, counts: Mapping[str, int]) -> None:
    """Add to the day's one entry of something that happens by itself all day long."""
    a = tables.audit.c
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    today = connection.execute(
        select(a.id, a.detail).where(a.action == action, a.at >= midnight).order_by(a.id.desc()).limit(1).with_for_update()
    ).first()
    if today is None:
        _keep(connection, action, None, counts)
        return
    total = {name: today.detail.get(name, 0) + counts.get(name, 0) for name in {**today.detail, **counts}}
    connection.execute(update(tables.audit).where(a.id == today.id).values(detail=total))


def _keep(connection: Connection, action: str, subject: str | None, detail: Mapping[str, Any]) -> None:
    entry = {"at": clock.now(), "actor": _actor.get(), "action": action, "subject": subject, "detail": detail}
    connection.execute(insert(tables.audit).values(entry))


def listed(connection: Connection, *, since: datetime | None = None, action: str | None = None) -> list[Entry]:
    """The oldest first; `action` may be a part of one: `keys` means `rotate keys` too."""
    a = tables.audit.c
    wanted = select(a.at, a.actor, a.action, a.subject, a.detail).order_by(a.id)
    if since is not None:
        wanted = wanted.where(a.at >= since)
    if action is not None:
        wanted = wanted.where(a.action.contains(action, autoescape=True))
    return [Entry(*row) for row in connection.execute(wanted)]
