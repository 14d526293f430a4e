"""Pulses: when each part of the house last moved, and the work that waits for one to move.

A part is a stage, `control` (polls and sweeps) or `beat`; a pulse is kept for each of them and host.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import lease, tables
from integration.ledger.database import read, write

HOST = socket.gethostname()

BEAT, CONTROL = "beat", "control"
RESTARTED = "restarted "
"""Before the name of a process that was ended because it did not move."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest work of a stage: due `since`, in the hands of a process on `host` or in nobody's (None)."""

    stage: str
    host: str | None
    since: datetime


def leave(engine: Engine, parts: Collection[str]) -> None:
    """These parts move, on this host."""
    if not parts:
        return
    moment = clock.now()
    with write(engine) as connection:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        rows = dialect.insert(tables.pulse).values([{"part": part, "host": HOST, "at": moment} for part in sorted(parts)])
        connection.execute(rows.on_conflict_do_update(index_elements=["part", "host"], set_={"at": rows.excluded.at}))


def pulses(engine: Engine) -> dict[tuple[str, str], datetime]:
    """By part and host."""
    with read(engine) as connection:
        return {(row.part, row.host): row.at for row in connection.execute(select(tables.pulse))}


def waiting(engine: Engine, flows: Collection[str], seconds: float) -> list[Waiting]:
    """What has been due for so long, in a flow that is configured; of each stage and host the oldest."""
    b = tables.batch.c
    moment = clock.now()
    owner = case((b.lease_until > moment, b.owner), else_=None)
    oldest = (
        select(b.stage, owner.label("owner"), func.min(b.due_at).label("since"))
        .where(b.state == "open", b.due_at < moment - timedelta(seconds=seconds), b.flow.in_(flows))
        .group_by(b.stage, owner)
    )
    with read(engine) as connection:
        rows = connection.execute(oldest).all()
    return [Waiting(row.stage, lease.host_of(row.owner) if row.owner else None, row.since) for row in rows]


def forget(engine: Engine, before: datetime) -> None:
    """Hosts that are gone leave no trace."""
    with write(engine) as connection:
        connection.execute(delete(tables.pulse).where(tables.pulse.c.at < before))
