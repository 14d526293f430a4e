"""Beat, with a pulse: one that does not tick leaves none and is restarted."""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler

from connectors.configured import load_settings
from integration.heartbeat import Heartbeat
from integration.ledger.database import open_engine
from integration.ledger.pulses import BEAT


class Scheduler(PersistentScheduler):
    """Ticks whatever becomes of the database, which is opened only when the first pulse is left."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._heartbeat = Heartbeat(open_engine(load_settings().database_url))
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        self._heartbeat.moved(BEAT)
        return super().tick(*args, **kwargs)
