"""A tick of beat: what is wrong, and who is to know. Any number may run at once; each alert is told once."""

from __future__ import annotations

from connectors import messenger
from connectors.registry import definition
from integration import alerts
from tasks.app import app
from tasks.base import LineTask, house


@app.task(base=LineTask, name="watch")
def watch() -> None:
    """Bring the alerts up to date and tell those that have lasted."""
    present = house()
    limits = {name: definition(one).limits for name, one in present.settings.connections.items()}
    alerts.watch(present.engine, present.settings, limits, messenger.send)
