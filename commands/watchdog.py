"""Watches over the children of `integration up`: restarts one that lives but does not move, and tells what is wrong where no worker can.

Nothing is restarted while the database or Redis is away, nor for a while after: then nothing can move, or has had time to.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from commands.processes import SERVES
from commands.supervisor import Supervisor
from connectors import messenger
from connectors.registry import definition
from integration import alerts, clock, liveness
from integration.ledger import pulses
from integration.ledger.alerts import Trouble
from integration.ledger.pulses import HOST, RESTARTED
from integration.settings import Settings

LOOK_SECONDS = 2.0
ALERTS_SECONDS = 15.0

PAUSE_SECONDS = 30.0
"""Between two looks further apart than this the machine slept: what is old then is no sign of anything."""

REDIS_SECONDS = 5.0


class Watchdog:
    """`redis_url` is that of the broker. Call `look` every LOOK_SECONDS."""

    def __init__(self, supervisor: Supervisor, settings: Settings, engine: Engine, redis_url: str) -> None:
        self._supervisor, self._settings, self._engine = supervisor, settings, engine
        never = Retry(NoBackoff(), 0)  # the next look is the retry
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=never)
        self._limits = {name: definition(one).limits for name, one in settings.connections.items()}
        self._could_move_since = self._looked_at = clock.now()
        self._alerts_at = time.monotonic()

    def look(self) -> None:
        moment = clock.now()
        if (moment - self._looked_at).total_seconds() > PAUSE_SECONDS:
            self._could_move_since = moment
        self._looked_at = moment
        try:
            signs = liveness.look(self._engine, self._settings.flows)
            missing = self._without_redis(moment)
            if missing is None:
                self._restart(signs)
            else:
                self._could_move_since = moment
            if time.monotonic() - self._alerts_at > ALERTS_SECONDS:
                self._alerts_at = time.monotonic()
                alerts.watch(self._engine, self._settings, self._limits, messenger.send, [missing] if missing else ())
        except SQLAlchemyError:
            self._could_move_since = clock.now()

    def _restart(self, signs: liveness.Signs) -> None:
        for child in self._supervisor.snapshot():
            since = self._since(child.since)
            if child.pid is not None and liveness.stuck(signs, SERVES.get(child.name, ()), HOST, since):
                pulses.leave(self._engine, [f"{RESTARTED}{child.name}"])
                self._supervisor.restart(child.name)

    def _since(self, started: datetime | None) -> datetime:
        return max(self._could_move_since, started) if started else self._could_move_since

    def _without_redis(self, moment: datetime) -> Trouble | None:
        try:
            self._redis.ping()
        except redis.RedisError:
            advice = "Start it, or mend REDIS_URL; nothing is lost, and all goes on by itself."
            return Trouble("outage", "Redis", "Redis does not answer, so that no work is taken", advice, moment)
        return None


@contextlib.contextmanager
def watching(look: Callable[[], None], seconds: float = LOOK_SECONDS) -> Iterator[None]:
    """Look again and again, in a thread of its own, while the block runs."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(seconds):
            look()

    thread = threading.Thread(target=run, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(seconds)  # an alert that is being sent holds up no stop
