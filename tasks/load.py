"""The load stage as a task."""

from __future__ import annotations

from tasks.app import app
from tasks.base import StageTask


@app.task(base=StageTask, bind=True, name="load")
def load(self: StageTask, batch_id: int, flow: str) -> None:  # noqa: ARG001  # the route reads the flow
    """Deliver the batch's records to the target, and tell the source that they were taken over."""
    self.work(batch_id, "load")
