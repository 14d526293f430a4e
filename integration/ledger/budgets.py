"""What is left of each connection's API budget, counted in the database: it survives a wiped Redis and a restart of everything.

All is timed by a clock that all processes share and that nobody sets, see `moment_of`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import lease, tables
from integration.ledger.database import read, write


@dataclass(frozen=True, slots=True)
class Granted:
    """Requests that may leave now, and all slots that the owner has from now on. Where `wait` is not 0 nothing was granted, and it
    says when to ask again, in seconds. `id` is what a Spare names."""

    requests: int
    slots: tuple[int, ...]
    wait: float = 0.0
    reason: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Spare:
    """Requests of the grant `id` that never left, to be counted no longer."""

    id: int
    requests: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Nobody sends for so many seconds more, for this `reason`."""

    left: float
    reason: str


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a budget is in use, for people and metrics."""

    requests: int
    slots: int
    pause: Pause | None


def moment_of(connection: Connection) -> datetime:
    """Now, by the one clock of all processes: PostgreSQL's, or the time since the host has started where the database is a file of it.

    A host's clock that is set ahead would end all leases and forget what was sent a moment ago. The date means nothing; what lies in
    the future is of another clock, or of before a restart of the host, and is over.
    """
    if connection.dialect.name == "postgresql":
        told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return told.astimezone(UTC)
    return datetime.fromtimestamp(time.monotonic(), UTC)


def take(
    engine: Engine,
    connection_name: str,
    owner: str,
    *,
    requests: int,
    limit: int,
    window: float,
    slots: int,
    slot_limit: int,
    slot_seconds: float,
    settle_seconds: float,
    spare: Spare | None = None,
    slots_of: str | None = None,
) -> Granted:
    """Reserve up to `requests` of the `limit` in any `window` seconds, renew the owner's slots and take more of the `slot_limit`, up
    to `slots` in all; `spare` is given back first. A slot is the owner's for `slot_seconds`; once that is seen to be dead for
    `settle_seconds` at most, in which the system may still be at its request. `slots_of` is the name under which the slots are kept, if
    not the connection's."""
    b = tables.budget.c
    with write(engine) as connection:
        locked = select(tables.budget).where(b.connection == connection_name).with_for_update()
        row = connection.execute(locked).one_or_none()
        if row is None:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            connection.execute(dialect.insert(tables.budget).values(connection=connection_name).on_conflict_do_nothing())
            row = connection.execute(locked).one()
        _give_back_requests(connection, spare)
        moment = moment_of(connection)
        if paused := _pause(row, moment):
            return Granted(0, (), paused.left, paused.reason)
        free, wait = _requests_left(connection, connection_name, moment, limit, window)
        if requests and free <= 0:
            return Granted(0, (), max(wait, 0.05), "the limit of requests is reached")
        mine = _take_slots(connection, slots_of or connection_name, owner, moment, slots, slot_limit, slot_seconds, settle_seconds)
        if not mine:
            return Granted(0, (), 0.05, "as many requests as may run at a time are running")
        granted, grant = min(requests, free), None
        if granted:
            row_of_lot = insert(tables.budget_grant).values(connection=connection_name, granted_at=moment, requests=granted)
            grant = connection.execute(row_of_lot.returning(tables.budget_grant.c.id)).scalar_one()
    return Granted(granted, mine, id=grant)


def _requests_left(connection: Connection, name: str, moment: datetime, limit: int, window: float) -> tuple[int, float]:
    """How many requests are left, and in how many seconds the oldest one leaves the window."""
    g = tables.budget_grant.c
    used, oldest = connection.execute(
        select(func.coalesce(func.sum(g.requests), 0), func.min(g.granted_at)).where(_within(name, moment, window), g.requests > 0)
    ).one()
    wait = window - (moment - oldest).total_seconds() if oldest is not None else 0.0
    return limit - int(used), wait


def _take_slots(
    connection: Connection, name: str, owner: str, moment: datetime, wanted: int, limit: int, seconds: float, settle: float
) -> tuple[int, ...]:
    s = tables.budget_slot.c
    until, settled = lease.until(moment, seconds), lease.until(moment, settle)
    mine: list[int] = []
    taken: list[int] = []
    over: list[int] = []
    orphaned: list[int] = []
    for one in connection.execute(select(tables.budget_slot).where(s.connection == name).order_by(s.slot)).all():
        if one.owner == owner:
            mine.append(one.slot)
        elif moment < one.held_until <= until:
            taken.append(one.slot)
            if one.held_until > settled and lease.is_dead(one.owner):
                orphaned.append(one.slot)
        else:
            over.append(one.slot)
    if over:
        connection.execute(delete(tables.budget_slot).where(s.connection == name, s.slot.in_(over)))
    if orphaned:
        connection.execute(update(tables.budget_slot).where(s.connection == name, s.slot.in_(orphaned)).values(held_until=settled))
    if mine:
        connection.execute(update(tables.budget_slot).where(s.connection == name, s.slot.in_(mine)).values(held_until=until))
    occupied = {*mine, *taken}
    room = max(0, min(wanted - len(mine), limit - len(occupied)))
    # Lanes see different limits of one row of slots, so numbers may lie above a lane's own limit.
    numbers = (number for number in range(len(occupied) + room) if number not in occupied)
    new = [number for number, _ in zip(numbers, range(room), strict=False)]
    if new:
        connection.execute(
            insert(tables.budget_slot), [{"connection": name, "slot": number, "owner": owner, "held_until": until} for number in new]
        )
    return tuple(mine + new)


def give_back(
    engine: Engine,
    connection_name: str,
    owner: str,
    slots: tuple[int, ...],
    spare: Spare | None,
    window: float,
    slots_of: str | None = None,
) -> None:
    """What an owner no longer needs. What has left the window is forgotten on this occasion."""
    s, g = tables.budget_slot.c, tables.budget_grant.c
    with write(engine) as connection:
        connection.execute(
            delete(tables.budget_slot).where(s.connection == (slots_of or connection_name), s.slot.in_(slots), s.owner == owner)
        )
        _give_back_requests(connection, spare)
        over = moment_of(connection) - timedelta(seconds=window)
        connection.execute(delete(tables.budget_grant).where(g.connection == connection_name, g.granted_at <= over))


def _within(name: str, moment: datetime, window: float) -> ColumnElement[bool]:
    """Of what a connection was granted, what lies in the `window` that ends now."""
    g = tables.budget_grant.c
    return and_(g.connection == name, g.granted_at > moment - timedelta(seconds=window), g.granted_at <= moment)


def _give_back_requests(connection: Connection, spare: Spare | None) -> None:
    g = tables.budget_grant.c
    if spare is not None:
        connection.execute(update(tables.budget_grant).where(g.id == spare.id).values(requests=g.requests - spare.requests))


def pause(engine: Engine, connection_name: str, seconds: float, reason: str) -> None:
    """Nobody sends on the connection for so long; an earlier end never shortens a later one."""
    b = tables.budget.c
    with write(engine) as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(tables.budget).values(connection=connection_name).on_conflict_do_nothing())
        row = connection.execute(select(tables.budget).where(b.connection == connection_name).with_for_update()).one()
        moment = moment_of(connection)
        present = _pause(row, moment)
        if present is None or present.left < seconds:
            until = moment + timedelta(seconds=seconds)
            values = {"paused_at": moment, "paused_until": until, "pause_reason": reason}
            connection.execute(update(tables.budget).where(b.connection == connection_name).values(values))


def pauses(connection: Connection) -> dict[str, Pause]:
    """By the connections on which nobody sends now."""
    moment = moment_of(connection)
    found = {row.connection: _pause(row, moment) for row in connection.execute(select(tables.budget))}
    return {name: one for name, one in found.items() if one is not None}


def _pause(row: Row[Any], moment: datetime) -> Pause | None:
    """Of a row of the table. What began in the future was timed before the host restarted, and is over."""
    if row.paused_until is None or row.paused_at is None or not row.paused_at <= moment < row.paused_until:
        return None
    return Pause((row.paused_until - moment).total_seconds(), row.pause_reason or "paused")


def resume(engine: Engine, connection_name: str) -> None:
    with write(engine) as connection:
        connection.execute(
            update(tables.budget).where(tables.budget.c.connection == connection_name).values(paused_until=None, pause_reason=None)
        )


def use(engine: Engine, connection_name: str, window: float) -> Use:
    g, s = tables.budget_grant.c, tables.budget_slot.c
    with read(engine) as connection:
        moment = moment_of(connection)
        wanted = select(func.coalesce(func.sum(g.requests), 0)).where(_within(connection_name, moment, window))
        requests = connection.execute(wanted).scalar_one()
        slots = connection.execute(select(func.count()).where(s.connection == connection_name, s.held_until > moment)).scalar_one()
        return Use(int(requests), slots, pauses(connection).get(connection_name))
