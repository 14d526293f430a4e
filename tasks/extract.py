"""The extract stage as a task."""

from __future__ import annotations

from tasks.app import app
from tasks.base import StageTask


@app.task(base=StageTask, bind=True, name="extract")
def extract(self: StageTask, batch_id: int, flow: str) -> None:  # noqa: ARG001  # the route reads the flow
    """Read one page of the flow's source and keep it."""
    self.work(batch_id, "extract")
