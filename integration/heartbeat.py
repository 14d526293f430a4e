"""Leaves a pulse for each part that this process is at work on, so that one that no longer moves is found.

A thread writes them, every few seconds at most: the work itself waits for nothing. A process that is frozen leaves none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integration.ledger import pulses

EVERY_SECONDS = 5.0


class Heartbeat:
    """Safe for threads; make one in each process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._in_hand: Counter[str] = Counter()
        self._moved: set[str] = set()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def at(self, part: str) -> Iterator[None]:
        """The part moves as long as the block runs; what bounds a single piece of work is its time limit."""
        self._move(part, +1)
        try:
            yield
        finally:
            self._move(part, -1)

    def moved(self, part: str) -> None:
        self._move(part, 0)

    def _move(self, part: str, more_in_hand: int) -> None:
        with self._changed:
            self._in_hand[part] += more_in_hand
            self._moved.add(part)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _beat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._moved)
                parts, self._moved = self._moved, set()
            with contextlib.suppress(SQLAlchemyError):  # a database that is away; nobody is restarted for that
                pulses.leave(self._engine, parts)
            time.sleep(EVERY_SECONDS)
            with self._changed:
                self._moved |= {part for part, count in self._in_hand.items() if count}
