"""Tells the ledger that this process lives: leaves a pulse for each part at work here, so that one that no longer moves is found, and
renews the leases of its batches, so that they may be short.

A thread writes it, every few seconds at most: the work itself waits for nothing. A process that is frozen leaves none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integration.ledger import batches, pulses
from integration.ledger.batches import STAGE_SECONDS, Batch

EVERY_SECONDS = 5.0


class Heartbeat:
    """Safe for threads; make one in each process. Its own thread ends where nothing has been in hand for a while."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changing = threading.Lock()
        self._in_hand: Counter[str] = Counter()
        self._moved: set[str] = set()
        self._held: dict[str, tuple[Batch, float]] = {}
        self._beating = False

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

    @contextlib.contextmanager
    def holding(self, batch: Batch) -> Iterator[None]:
        """The batch stays this process's as long as the block runs, and a stage may take, unless all stands still for a whole lease."""
        try:
            with self._changing:
                self._held[batch.owner] = (batch, time.monotonic())
                self._go_on()
            yield
        finally:
            with self._changing:
                self._held.pop(batch.owner, None)

    def _move(self, part: str, more_in_hand: int) -> None:
        with self._changing:
            self._in_hand[part] += more_in_hand
            self._moved.add(part)
            self._go_on()

    def _go_on(self) -> None:
        if not self._beating:
            self._beating = True
            threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def _beat(self) -> None:
        while True:
            with self._changing:
                parts, self._moved = self._moved, set()
                held = list(self._held.values())
                if not parts and not held:
                    self._beating = False
                    return
            # Each for itself: whoever waits for a batch's row must not keep the pulses of other processes waiting.
            with contextlib.suppress(SQLAlchemyError):  # a database that is away; nobody is restarted for that
                pulses.leave(self._engine, parts)
            with contextlib.suppress(SQLAlchemyError):
                # The youngest have their whole lease yet; who outlives a stage's limit hangs, and is to lose it.
                ages = [(batch, time.monotonic() - since) for batch, since in held]
                batches.renew(self._engine, [batch for batch, age in ages if EVERY_SECONDS / 2 < age < STAGE_SECONDS])
            time.sleep(EVERY_SECONDS)
            with self._changing:
                self._moved |= {part for part, count in self._in_hand.items() if count}
