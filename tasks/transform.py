"""The transform stage as a task."""

from __future__ import annotations

from tasks.app import app
from tasks.base import StageTask


@app.task(base=StageTask, bind=True, name="transform")
def transform(self: StageTask, batch_id: int, flow: str) -> None:  # noqa: ARG001  # the route reads the flow
    """Translate the batch's records: source → canonical → target."""
    self.work(batch_id, "transform")
