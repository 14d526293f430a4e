"""The queue of dead letters is an image of the ledger: complete after any loss, and cheap to keep."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import pools
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import insert, update

from integration import clock
from integration.ledger import tables
from integration.ledger.database import write
from integration.line.journey import House
from tests.fixtures.line import configure, forget_tasks, open_line
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims

QUEUE = "integration:dead_letters"


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str) -> Iterator[House]:
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, database_url, redis_url)
    forget_tasks(monkeypatch)
    with open_line() as house:
        yield house


@pytest.fixture
def server(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def mirror(house: House) -> Iterator[Callable[[], None]]:
    from tasks import dead_letter

    yield lambda: dead_letter.mirror(house.settings, house.engine, "worker@test")
    dead_letter._redis().close()
    dead_letter.app.close()
    pools.reset()


def die(house: House, count: int, first: int = 0) -> list[int]:
    """So many open dead letters; gives their ids."""
    rows = [
        {
            "flow": "orders",
            "batch_id": 1,
            "source_key": str(5000123456 + first + number),
            "stage": "validate",
            "kind": "invalid",
            "cause": "invalid: lines[].sku",
            "reason": "lines[0].sku: X is no item of the target",
            "fields": [],
            "state": "open",
            "created_at": clock.now(),
        }
        for number in range(count)
    ]
    with write(house.engine) as connection:
        return list(connection.execute(insert(tables.dead_letter).returning(tables.dead_letter.c.id), rows).scalars())


def close(house: House, ids: list[int], state: str = "replayed") -> None:
    with write(house.engine) as connection:
        connection.execute(update(tables.dead_letter).where(tables.dead_letter.c.id.in_(ids)).values(state=state))


def shown(server: Any) -> list[int]:
    """The letters in the queue."""
    bodies = [json.loads(base64.b64decode(json.loads(text)["body"])) for text in server.lrange(QUEUE, 0, -1)]
    return sorted(arguments[0] for arguments, *_ in bodies)


def calls(server: Any, command: str) -> int:
    return int(server.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


def test_letters_come_and_go(house: House, server: Any, mirror: Callable[[], None]) -> None:
    mirror()
    assert shown(server) == []
    ids = die(house, 5)
    mirror()
    mirror()
    assert shown(server) == ids
    close(house, ids[1:3])
    more = die(house, 2, first=10)
    mirror()
    assert shown(server) == [ids[0], *ids[3:], *more]
    close(house, [ids[0], *ids[3:], *more])
    mirror()
    assert shown(server) == []


def test_what_redis_loses_comes_back_and_what_is_there_twice_goes(house: House, server: Any, mirror: Callable[[], None]) -> None:
    ids = die(house, 4)
    mirror()
    server.flushall()
    mirror()
    assert shown(server) == ids
    server.lpop(QUEUE)
    mirror()
    assert shown(server) == ids
    server.rpush(QUEUE, *server.lrange(QUEUE, 0, 1))  # two sweepers at the same moment
    mirror()
    assert shown(server) == ids


def test_a_long_queue_costs_no_more_than_a_short_one(house: House, server: Any, mirror: Callable[[], None]) -> None:
    die(house, 300)
    mirror()
    pushed, listed = calls(server, "lpush"), calls(server, "lrange")
    mirror()
    assert calls(server, "lpush") == pushed
    die(house, 3, first=1000)
    mirror()
    assert calls(server, "lpush") == pushed + 3
    assert calls(server, "lrange") == listed


def test_a_redis_that_is_away_fails_nothing(house: House, mirror: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import dead_letter

    die(house, 1)
    monkeypatch.setattr(dead_letter, "_redis", lambda: redis.Redis(port=1, retry=Retry(NoBackoff(), 0)))
    mirror()
