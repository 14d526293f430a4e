"""What beat asks for every few seconds: ring what Redis has lost, show what is dead, forget what was empty. Any number may run at once."""

from __future__ import annotations

from datetime import timedelta

from integration.ledger import batches
from tasks.app import app
from tasks.base import LineTask, house
from tasks.chain import ring
from tasks.dead_letter import mirror

FORGET_AFTER = timedelta(hours=1)
"""Long enough for a person to see that ticks come."""


@app.task(base=LineTask, bind=True, name="sweep")
def sweep(self: LineTask) -> None:
    """Ring for every batch whose bell was lost or whose worker is gone, and bring the dead letters' queue up to date."""
    present = house()
    ring(present.settings, batches.due(present.engine))
    mirror(present.settings, present.engine, self.request.hostname or "")


@app.task(base=LineTask, name="forget")
def forget() -> None:
    """Ticks that found nothing leave no trace for long."""
    batches.forget_empty_runs(house().engine, FORGET_AFTER)
