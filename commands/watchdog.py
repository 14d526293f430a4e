"""Watches over the children of `integration up`: restarts one that lives but does not move, and tells what is wrong where no worker can.

Nothing is restarted while the database or Redis is away, nor for a while after: then nothing can move, or has had time to.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

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
TELL_SECONDS = 15.0

PAUSE_SECONDS = 30.0
"""Between two looks further apart than this the machine slept: what is old then is no sign of anything."""

REDIS_SECONDS = 5.0


class Watchdog:
    """`redis_url` is that of the broker. To be called again and again, each from a thread of its own: `look` and `tell`."""

    def __init__(self, supervisor: Supervisor, settings: Settings, engine: Engine, redis_url: str) -> None:
        self._supervisor, self._settings, self._engine = supervisor, settings, engine
        never = Retry(NoBackoff(), 0)  # the next look is the retry
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=never)
        self._limits = {name: definition(one).limits for name, one in settings.connections.items()}
        self._could_move_since = self._looked_at = clock.now()
        self._restarted: set[str] = set()

    def look(self) -> None:
        """Restart what does not move. Only reads: what is frozen in the middle of a transaction may keep all others from writing."""
        moment = clock.now()
        slept = (moment - self._looked_at).total_seconds() > PAUSE_SECONDS
        self._looked_at = moment
        signs = self._signs()
        if slept or signs is None or not self._redis_answers():
            self._could_move_since = clock.now()
            return
        for child in self._supervisor.snapshot():
            since = max(self._could_move_since, child.since) if child.since else self._could_move_since
            if child.pid is not None and liveness.stuck(signs, SERVES.get(child.name, ()), HOST, since):
                self._supervisor.restart(child.name)
                self._restarted.add(f"{RESTARTED}{child.name}")

    def tell(self) -> None:
        """Bring the alerts up to date, which a worker does too where one moves."""
        moment = clock.now()
        restarted = set(self._restarted)
        with contextlib.suppress(SQLAlchemyError):
            if restarted:
                pulses.leave(self._engine, restarted)
                self._restarted -= restarted
            advice = "Start it, or mend REDIS_URL; nothing is lost, and all goes on by itself."
            away = [] if self._redis_answers() else [Trouble("outage", "Redis", "Redis does not answer: no work is taken", advice, moment)]
            alerts.watch(self._engine, self._settings, self._limits, messenger.send, away)

    def _signs(self) -> liveness.Signs | None:
        """None where the database does not answer."""
        try:
            return liveness.look(self._engine, self._settings.flows)
        except SQLAlchemyError:
            return None

    def _redis_answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False


@contextlib.contextmanager
def watching(watchdog: Watchdog) -> Iterator[None]:
    """Let it look and tell while the block runs."""
    ended = threading.Event()

    def again(what: Callable[[], None], seconds: float) -> None:
        while not ended.wait(seconds):
            what()

    turns = ((watchdog.look, LOOK_SECONDS), (watchdog.tell, TELL_SECONDS))
    threads = [threading.Thread(target=again, args=turn, name="watchdog", daemon=True) for turn in turns]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join(LOOK_SECONDS)  # an alert that is being sent holds up no stop
