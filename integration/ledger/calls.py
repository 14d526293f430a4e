"""Calls of the systems' APIs, counted by connection, operation, outcome and duration; never reset, as Prometheus likes counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from integration.ledger import tables
from integration.ledger.database import read, write

UP_TO_MS = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)
LONGER = 1_000_000
"""Stands for all that took longer than the last of them."""

WEBHOOK = "webhook"
"""The operation of a call that comes to us."""

NO_ANSWER = "no answer"
OUTAGE = (NO_ANSWER, "5xx")
"""Outcomes of a system that does not work."""


@dataclass(frozen=True, slots=True)
class Key:
    """`outcome`: `2xx`, `4xx`, `5xx`, `401`, `429` or NO_ANSWER. `up_to_ms`: the least of UP_TO_MS that the call did not exceed."""

    connection: str
    operation: str
    outcome: str
    up_to_ms: int


@dataclass(frozen=True, slots=True)
class Calls:
    calls: int
    seconds: float
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """When a connection last gave an answer, and when it last gave none (or one that says that it does not work)."""

    good: datetime | None
    bad: datetime | None


def add(engine: Engine, counted: Mapping[Key, Calls]) -> None:
    a = tables.api_call.c
    names = Key.__dataclass_fields__
    # In one order everywhere, so that two processes never wait for each other.
    keys = sorted(counted, key=lambda key: tuple(str(getattr(key, name)) for name in names))
    values = [
        {name: getattr(key, name) for name in names} | {name: getattr(counted[key], name) for name in Calls.__dataclass_fields__}
        for key in keys
    ]
    with write(engine) as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        rows = dialect.insert(tables.api_call).values(values)
        more = {"calls": a.calls + rows.excluded.calls, "seconds": a.seconds + rows.excluded.seconds, "last_at": rows.excluded.last_at}
        connection.execute(rows.on_conflict_do_update(index_elements=list(names), set_=more))


def counted(engine: Engine) -> Iterable[tuple[Key, Calls]]:
    """A few hundred rows at most: so many as there are operations, outcomes and durations."""
    with read(engine) as connection:
        rows = connection.execute(select(tables.api_call).order_by(*tables.api_call.primary_key)).all()
    return [(Key(row.connection, row.operation, row.outcome, row.up_to_ms), Calls(row.calls, row.seconds, row.last_at)) for row in rows]


def answers(engine: Engine) -> dict[str, Answers]:
    """By connection. A token proves nothing, for it is often another server that gives it, nor does a webhook."""
    a = tables.api_call.c
    bad = a.outcome.in_(OUTAGE)
    last = (
        select(a.connection, func.max(case((~bad, a.last_at))), func.max(case((bad, a.last_at))))
        .where(a.operation.not_in(("token", WEBHOOK)))
        .group_by(a.connection)
    )
    with read(engine) as connection:
        return {name: Answers(good, failed) for name, good, failed in connection.execute(last)}
