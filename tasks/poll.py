"""A tick of beat: look what is new."""

from __future__ import annotations

from integration import clock
from integration.line import extract
from tasks.app import app
from tasks.base import LineTask, house
from tasks.chain import ring_batches


@app.task(base=LineTask, name="poll")
def poll(flow: str) -> None:
    """Begin a run of the flow, unless this tick was taken by another beat."""
    present = house()
    tick = int(clock.now().timestamp() / present.settings.flows[flow].every)
    batch_id = extract.poll(present, flow, tick)
    if batch_id is not None:
        ring_batches(present.settings, present.engine, [batch_id])
