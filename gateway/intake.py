"""Keeps deliveries durably, many in one transaction: an answer goes out only when its own delivery is committed."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from integration.ledger import hints
from integration.ledger.database import write

PATIENCE_SECONDS = 5.0
"""The sender gives up after ten, and repeats what was not answered."""

MOST = 500
"""Deliveries of one transaction."""


class Busy(Exception):
    """The database did not take it in time; the sender repeats it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    rows: Sequence[Mapping[str, Any]]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Intake:
    """A thread that writes; whatever comes while it writes goes into the next transaction together."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Writes what is in hand first."""
        self._queue.put(None)
        self._thread.join(PATIENCE_SECONDS)

    async def keep(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Returns when the rows are committed. Raises Busy where they may not be."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._queue.put(_Waiting(rows, loop, done))
        try:
            await asyncio.wait_for(done, PATIENCE_SECONDS)
        except TimeoutError:
            raise Busy from None

    def _run(self) -> None:
        going_on = True
        while going_on:
            first = self._queue.get()
            together = [first]
            while len(together) < MOST and not self._queue.empty():
                together.append(self._queue.get())
            going_on = None not in together
            wanted = [one for one in together if one is not None]
            if wanted:
                self._write(wanted)

    def _write(self, wanted: Sequence[_Waiting]) -> None:
        failure: Exception | None = None
        try:
            with write(self._engine) as connection:
                hints.keep(connection, [row for one in wanted for row in one.rows])
        except SQLAlchemyError:
            failure = Busy()
        for one in wanted:
            one.loop.call_soon_threadsafe(_answer, one.done, failure)


def _answer(done: asyncio.Future[None], failure: Exception | None) -> None:
    if done.done():  # its sender has given up
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
