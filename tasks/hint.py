"""A webhook has come: look what it hints at."""

from __future__ import annotations

import structlog
from celery.exceptions import OperationalError

from integration.line import hints
from tasks.app import app
from tasks.base import LineTask, house
from tasks.chain import ring_batches

log = structlog.get_logger()


@app.task(base=LineTask, name="hint")
def hint(connection: str) -> None:
    """Begin the reads that the connection's hints wait for."""
    present = house()
    ring_batches(present.settings, present.engine, hints.take(present, connection))


def ring(connection: str) -> None:
    """Never fails: what nobody hears the sweeper finds."""
    try:
        app.send_task(hint.name, (connection,), argsrepr=connection, kwargsrepr="")
    except OperationalError:
        log.warning("Redis does not answer; the sweeper takes what has come", connection=connection)
