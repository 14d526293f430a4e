"""Shows dead letters where operators look: one message each in a queue without consumer, and one failed task each in Flower.

The ledger is the truth. Redis holds an image of it, with the inventory that it was made from; the sweeper compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from uuid import UUID

import redis
import structlog
from celery.events import EventDispatcher
from celery.exceptions import OperationalError
from sqlalchemy import Engine

from celeryconfig import DEAD_LETTERS
from integration.ledger.open_letters import Inventory, OpenLetter, inventory, open_letters, states
from integration.settings import Settings
from tasks.app import app

log = structlog.get_logger()

PREFIX = app.conf.broker_transport_options["global_keyprefix"]
QUEUE = f"{PREFIX}{DEAD_LETTERS.name}"
IMAGE = f"{PREFIX}dead_letters.image"

ANNOUNCE_SECONDS = 300
"""The image is void after this and all is told again: a Flower that was restarted, or has had too many tasks since, knows nothing."""

ANNOUNCE_MOST = 1000
"""So many of the newest; nobody reads more in a list."""


@app.task(name="dead_letter")
def dead_letter(letter_id: int) -> None:
    """Never runs, for its queue has no consumer; should somebody empty the queue, the sweeper fills it again."""


def mirror(settings: Settings, engine: Engine, hostname: str) -> None:
    """Bring Redis and Flower to the open dead letters of the ledger; `hostname` is the worker that tells them."""
    present = inventory(engine)
    try:
        image, length = _image()
        if image == present and length == present.count:
            return
        if image is not None and length == image.count and (new := _only_new(engine, image, present)):
            _publish(settings, new)
            _announce(settings, new, hostname)
        else:
            _make_equal(settings, engine, hostname, announce_all=image is None)
        _redis().set(IMAGE, f"{present.count},{present.total},{present.highest}", ex=ANNOUNCE_SECONDS)
    except (redis.RedisError, OperationalError) as error:
        log.warning("dead letters cannot be shown: Redis does not answer", error=type(error).__name__)


def _image() -> tuple[Inventory | None, int]:
    """The inventory that the queue was made from, None where it is not known, and the length of the queue."""
    with _redis().pipeline(transaction=False) as pipeline:
        text, length = pipeline.get(IMAGE).llen(QUEUE).execute()
    return (Inventory(*map(int, text.split(","))) if text else None), length


def _only_new(engine: Engine, image: Inventory, present: Inventory) -> list[OpenLetter]:
    """What came after the image, where nothing else has changed; the usual case, which must not cost more the longer the queue is."""
    new = open_letters(engine, after=image.highest)
    added = sum(letter.id for letter in new)
    return new if (image.count + len(new), image.total + added) == (present.count, present.total) else []


def _make_equal(settings: Settings, engine: Engine, hostname: str, *, announce_all: bool) -> None:
    """Compare the whole queue: messages that are missing come in, those of closed letters and second ones go."""
    wanted = {_task_id(letter): letter for letter in open_letters(engine)}
    seen: set[str] = set()
    closed: dict[str, int] = {}
    with _redis().pipeline(transaction=False) as removal:
        for text in _redis().lrange(QUEUE, 0, -1):
            task_id = json.loads(text)["headers"]["id"]
            if task_id in seen or task_id not in wanted:
                removal.lrem(QUEUE, 1, text)
                if task_id not in wanted:
                    closed[task_id] = _letter_id(task_id)
            seen.add(task_id)
        removal.execute()
    missing = [letter for task_id, letter in wanted.items() if task_id not in seen]
    _publish(settings, missing)
    _announce(settings, list(wanted.values()) if announce_all else missing, hostname)
    _announce_end(closed, states(engine, closed.values()), hostname)


def _publish(settings: Settings, new: Sequence[OpenLetter]) -> None:
    for letter in new:
        app.send_task("dead_letter", (letter.id,), task_id=_task_id(letter), argsrepr=_words(settings, letter), kwargsrepr="")


def _announce(settings: Settings, shown: Sequence[OpenLetter], hostname: str) -> None:
    with _dispatcher(hostname) as events:
        for letter in shown[-ANNOUNCE_MOST:]:
            task_id = _task_id(letter)
            events.send("task-received", uuid=task_id, name=dead_letter.name, args=_words(settings, letter), kwargs="", retries=0)
            events.send("task-failed", uuid=task_id, exception=letter.reason, traceback="")


def _announce_end(closed: Mapping[str, int], ends: Mapping[int, str], hostname: str) -> None:
    with _dispatcher(hostname) as events:
        for task_id, letter_id in closed.items():
            events.send("task-succeeded", uuid=task_id, result=ends.get(letter_id, "gone"), runtime=0)


def _words(settings: Settings, letter: OpenLetter) -> str:
    flow = settings.flows.get(letter.flow)
    return f"{letter.flow} {flow.source}→{flow.target} {flow.entity} {letter.source_key}" if flow else f"{letter.flow} {letter.source_key}"


def _task_id(letter: OpenLetter) -> str:
    """The same for the same letter, another for a letter of another ledger; holds the letter's id."""
    return str(UUID(int=int(letter.created_at.timestamp() * 1000) << 64 | letter.id))


def _letter_id(task_id: str) -> int:
    return UUID(task_id).int & 0xFFFF_FFFF_FFFF_FFFF


@contextmanager
def _dispatcher(hostname: str) -> Iterator[EventDispatcher]:
    with app.connection_for_write() as connection, app.events.Dispatcher(connection, hostname=hostname) as events:
        yield events


@cache
def _redis() -> Any:
    options = app.conf.broker_transport_options
    limits = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout", "socket_keepalive")}
    return redis.Redis.from_url(app.conf.broker_url, decode_responses=True, **limits)
