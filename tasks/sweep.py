"""What beat asks for every few seconds: ring what Redis has lost, show what is dead, forget what was empty. Any number may run at once."""

from __future__ import annotations

from datetime import timedelta

from integration import clock
from integration.ledger import alerts, batches, pulses
from integration.ledger.database import write
from integration.ledger.hints import forget as forget_hints
from integration.line import hints, holds, retention
from tasks.app import app
from tasks.base import LineTask, house
from tasks.chain import ring, ring_batches
from tasks.dead_letter import mirror

FORGET_AFTER = timedelta(hours=1)
"""Long enough for a person to see that ticks come."""

FORGET_HINTS_AFTER = timedelta(hours=26)
"""A system repeats an event for a day at most, and by then it must be known as one that came."""

FORGET_PULSES_AFTER = timedelta(days=1)
FORGET_ALERTS_AFTER = timedelta(days=90)


@app.task(base=LineTask, bind=True, name="sweep")
def sweep(self: LineTask) -> None:
    """Ring for every batch whose bell was lost or whose worker is gone, and bring the dead letters' queue up to date."""
    present = house()
    hints.look_again(present)
    ring_batches(present.settings, present.engine, hints.take(present))
    ring(present.settings, batches.due(present.engine))
    mirror(present.settings, present.engine, self.request.hostname or "")
    # Last, for it may have to ask a slow system.
    ring_batches(present.settings, present.engine, holds.release(present))


@app.task(base=LineTask, name="forget")
def forget() -> None:
    """What is over leaves no trace for long: ticks that found nothing, hosts that are gone, alerts; and what has been kept long enough."""
    present = house()
    engine, moment = present.engine, clock.now()
    batches.forget_empty_runs(engine, FORGET_AFTER)
    pulses.forget(engine, moment - FORGET_PULSES_AFTER)
    alerts.forget(engine, moment - FORGET_ALERTS_AFTER)
    with write(engine) as connection:
        forget_hints(connection, moment - FORGET_HINTS_AFTER)
    retention.forget(present)
