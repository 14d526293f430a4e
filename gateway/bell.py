"""Rings for what has come in, in a thread of its own: Redis may be away, and no answer waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog

from integration.ports import Limits

log = structlog.get_logger()

SHARE = 0.1
"""Of a connection's API limit: reads that webhooks ask for come no more often, however many events there are."""


class Bell:
    """Rings at once for the first event of a connection, and once more for all that come until its rest is over. What nobody hears the
    sweeper finds."""

    def __init__(self, ring: Callable[[str], None], limits: Mapping[str, Limits]) -> None:
        """`ring` is called with a connection's name; `limits` are those of each."""
        self._ring = ring
        self._rests = {name: one.per_seconds / one.requests / SHARE for name, one in limits.items()}
        self._changed = threading.Condition()
        self._not_before: dict[str, float] = {}
        self._pulled: set[str] = set()

    def start(self) -> None:
        threading.Thread(target=self._run, name="bell", daemon=True).start()

    def pull(self, connection: str) -> None:
        with self._changed:
            if connection not in self._pulled:
                self._pulled.add(connection)
                self._changed.notify()

    def _run(self) -> None:
        while True:
            name = self._next()
            try:
                self._ring(name)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next event must be rung for
                log.warning("no bell was rung; the sweeper takes what has come", connection=name, error=type(error).__name__)

    def _next(self) -> str:
        with self._changed:
            while True:
                moment = time.monotonic()
                times = {name: self._not_before.get(name, 0.0) for name in self._pulled}
                name = min(times, key=times.__getitem__, default=None)
                if name is not None and times[name] <= moment:
                    self._pulled.remove(name)
                    self._not_before[name] = moment + self._rests.get(name, 1.0)
                    return name
                self._changed.wait(times[name] - moment if name is not None else None)
