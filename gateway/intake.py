"""Keeps deliveries durably, many in one transaction: an answer goes out only when its own delivery is committed."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine

from integration.ledger import hints
from integration.ledger.database import write

log = structlog.get_logger()

PATIENCE_SECONDS = 5.0
"""The sender gives up after ten, and repeats what was not answered."""

MOST = 500
"""Deliveries of one transaction."""

MOST_WAITING = 5000
"""More are refused at once: the database has not answered for long."""


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
        if self._queue.qsize() >= MOST_WAITING:
            raise Busy
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
            together = [self._queue.get()]
            while len(together) < MOST and not self._queue.empty():
                together.append(self._queue.get())
            going_on = None not in together
            # Whose sender was told to come again is not written: while the database is away they would pile up.
            wanted = [one for one in together if one is not None and not one.done.done()]
            if wanted:
                self._write(wanted)

    def _write(self, wanted: Sequence[_Waiting]) -> None:
        failed = False
        try:
            with write(self._engine) as connection:
                hints.keep(connection, [row for one in wanted for row in one.rows])
        except Exception as error:  # noqa: BLE001 - this thread must outlive whatever it is; the senders come again
            failed = True
            log.warning("deliveries were not kept", count=len(wanted), error=type(error).__name__)
        wanted[0].loop.call_soon_threadsafe(_answer, wanted, failed)


def _answer(written: Sequence[_Waiting], failed: bool) -> None:
    for one in written:
        if one.done.done():  # it was too late
            continue
        if failed:
            one.done.set_exception(Busy())
        else:
            one.done.set_result(None)
