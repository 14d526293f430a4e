"""Whether work progresses: a socket that answers is not enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, select

from integration import clock
from integration.ledger import hints, tables
from integration.ledger.database import read
from integration.settings import Settings

UNWORKED = timedelta(seconds=60)


def hindrance(engine: Engine, settings: Settings) -> str | None:
    """Why nothing progresses, in a sentence; None while it does. Raises SQLAlchemyError where the ledger does not answer."""
    before = clock.now() - UNWORKED
    with read(engine) as connection:
        resting = _resting(connection)
        for name, since in hints.oldest_waiting(connection).items():
            if since < before and name not in resting:
                return f"webhooks of {name} wait since {clock.text(since)} and nobody takes them; look whether the workers run"
        for flow, since in _overdue(connection, before).items():
            configured = settings.flows.get(flow)
            if configured is not None and not {configured.source, configured.target} & resting:
                return f"the flow {flow} has work that is due since {clock.text(since)} and nobody takes it; look whether the workers run"
    return None


def _resting(connection: Connection) -> set[str]:
    b = tables.budget.c
    return set(connection.execute(select(b.connection).where(b.paused_until > clock.now())).scalars())


def _overdue(connection: Connection, before: datetime) -> dict[str, datetime]:
    b = tables.batch.c
    due = select(b.flow, func.min(b.due_at)).where(b.state == "open", b.owner.is_(None), b.lane == "live", b.due_at < before)
    return dict(connection.execute(due.group_by(b.flow)).all())
