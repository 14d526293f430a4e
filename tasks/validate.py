"""The validate stage as a task."""

from __future__ import annotations

from tasks.app import app
from tasks.base import StageTask


@app.task(base=StageTask, bind=True, name="validate")
def validate(self: StageTask, batch_id: int, flow: str) -> None:  # noqa: ARG001  # the route reads the flow
    """Check the batch's records by the rules, the target's SKUs and its schema."""
    self.work(batch_id, "validate")
