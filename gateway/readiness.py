"""Whether work progresses: a socket that answers is not enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, func, or_, select

from integration import clock, liveness
from integration.ledger import batches, budgets, hints, tables
from integration.ledger.database import read
from integration.settings import Settings

UNWORKED = timedelta(seconds=60)
CALL = "look whether the workers run"


def hindrance(engine: Engine, settings: Settings) -> str | None:
    """Why nothing progresses, in a sentence; None while it does. Raises SQLAlchemyError where the ledger does not answer."""
    before = clock.now() - UNWORKED
    signs = liveness.look(engine, settings.flows)
    with read(engine) as connection:
        resting = budgets.pauses(connection).keys()
        for (name, entity), since in hints.oldest_waiting(connection).items():
            flows = [flow.name for flow in settings.flows.values() if (flow.source, flow.entity) == (name, entity)]
            # While a flow is being read its hints wait for the next read; whether this one moves, its batch says.
            reading = any(batches.still_reading(connection, flow, batches.FROM_CURSOR) for flow in flows)
            if since < before and flows and name not in resting and not reading:
                return f"webhooks of {name} wait since {clock.text(since)} and nobody takes them; {CALL}"
        for (flow, stage), since in _overdue(connection, before).items():
            configured = settings.flows.get(flow)
            # Where others of its stage are worked on it is only their number that keeps it waiting.
            moves = signs.moves(signs.newest(stage))
            if configured is not None and not moves and not {configured.source, configured.target} & resting:
                return f"the flow {flow} has work that is due at {stage} since {clock.text(since)} and nobody takes it; {CALL}"
    return None


def _overdue(connection: Connection, before: datetime) -> dict[tuple[str, str], datetime]:
    """Live work in nobody's hands, by flow and stage."""
    b = tables.batch.c
    free = or_(b.owner.is_(None), b.lease_until < clock.now())
    due = select(b.flow, b.stage, func.min(b.due_at)).where(b.state == "open", free, b.lane == "live", b.due_at < before)
    return {(flow, stage): since for flow, stage, since in connection.execute(due.group_by(b.flow, b.stage))}
