"""Live work goes before backfill, whichever queue it waits in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import pools

from connectors.configured import load_settings
from integration.ledger.batches import Due
from tests.fixtures.line import FLOW, configure, forget_tasks
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str, redis_url: str) -> Iterator[Any]:
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, sqlite_url, redis_url)
    forget_tasks(monkeypatch)
    from tasks.app import app

    yield app
    app.close()
    pools.reset()


def test_a_worker_takes_live_before_retries_before_backfill_and_the_late_stages_first(app: Any, redis_url: str) -> None:
    from tasks.chain import ring

    bells = [
        Due(1, FLOW, "backfill", "load", 100, again=False),
        Due(2, FLOW, "live", "extract", 0, again=False),
        Due(3, FLOW, "reconcile", "load", 1, again=False),
        Due(4, FLOW, "live", "extract", 0, again=True),
        Due(5, FLOW, "live", "load", 1, again=False),
    ]
    ring(load_settings(), bells)
    taken: list[int] = []
    said: list[str] = []

    def take(body: Any, message: Any) -> None:
        taken.append(body[0][0])
        said.append(message.headers["argsrepr"])
        message.ack()

    with app.connection_for_read() as connection:
        queues = list(app.amqp.queues.consume_from.values())
        with connection.channel() as channel, app.amqp.TaskConsumer(channel, queues=queues, callbacks=[take]) as consumer:
            consumer.qos(prefetch_count=1)
            for _ in bells:
                connection.drain_events(timeout=5)
    assert taken == [5, 2, 4, 1, 3]
    assert said[0] == "orders ca→tims batch 5, 1 record"
    assert said[1] == "orders ca→tims batch 2"
    assert said[3] == "orders ca→tims batch 1, 100 records"
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert all(name.startswith("integration:") for name in client.keys("*"))  # the database may be shared
