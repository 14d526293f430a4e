"""Counts this process's calls in memory and adds them to the ledger every few seconds, in one statement."""

from __future__ import annotations

import bisect
import threading

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from connectors.rest.observe import Exchange
from integration import clock
from integration.ledger import calls
from integration.ledger.calls import LONGER, NO_ANSWER, UP_TO_MS, Calls, Key

EVERY_SECONDS = 5.0
NAMED = (401, 429)
"""Statuses that mean something of their own among those of their class."""

log = structlog.get_logger()


class Tally:
    """An observer of exchanges. What a process has counted since it last wrote is lost with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._counted: dict[Key, Calls] = {}

    def count(self, exchange: Exchange) -> None:
        key = Key(exchange.connection, exchange.operation, _outcome(exchange.status), _up_to(exchange.seconds * 1000))
        moment = clock.now()
        with self._turn:
            if not self._counted:
                timer = threading.Timer(EVERY_SECONDS, self.write)
                timer.daemon = True
                timer.start()
            before = self._counted.get(key)
            self._counted[key] = Calls(1 + (before.calls if before else 0), exchange.seconds + (before.seconds if before else 0.0), moment)

    def write(self) -> None:
        with self._turn:
            counted, self._counted = self._counted, {}
        try:
            if counted:
                calls.add(self._engine, counted)
        except SQLAlchemyError as error:
            log.warning("calls are not counted: the database does not answer", error=type(error).__name__)


def _outcome(status: int | None) -> str:
    if status is None:
        return NO_ANSWER
    return str(status) if status in NAMED else f"{status // 100}xx"


def _up_to(milliseconds: float) -> int:
    place = bisect.bisect_left(UP_TO_MS, milliseconds)
    return UP_TO_MS[place] if place < len(UP_TO_MS) else LONGER
