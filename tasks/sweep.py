"""What beat asks for every few seconds: ring what Redis has lost, show what is dead, forget what was empty. Any number may run at once."""

from __future__ import annotations

from datetime import timedelta

from integration import clock
from integration.ledger import alerts, batches, pulses
from integration.line import holds
from tasks.app import app
from tasks.base import LineTask, house
from tasks.chain import ring, ring_batches
from tasks.dead_letter import mirror

FORGET_AFTER = timedelta(hours=1)
"""Long enough for a person to see that ticks come."""

FORGET_PULSES_AFTER = timedelta(days=1)
FORGET_ALERTS_AFTER = timedelta(days=90)


@app.task(base=LineTask, bind=True, name="sweep")
def sweep(self: LineTask) -> None:
    """Ring for every batch whose bell was lost or whose worker is gone, and bring the dead letters' queue up to date."""
    present = house()
    ring_batches(present.settings, present.engine, holds.release(present))
    ring(present.settings, batches.due(present.engine))
    mirror(present.settings, present.engine, self.request.hostname or "")


@app.task(base=LineTask, name="forget")
def forget() -> None:
    """Ticks that found nothing leave no trace for long, nor do hosts that are gone and alerts that are over."""
    engine, moment = house().engine, clock.now()
    batches.forget_empty_runs(engine, FORGET_AFTER)
    pulses.forget(engine, moment - FORGET_PULSES_AFTER)
    alerts.forget(engine, moment - FORGET_ALERTS_AFTER)
