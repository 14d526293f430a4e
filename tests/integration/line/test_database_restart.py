"""The database goes away in the middle of a delivery: it costs its own time, and no lease is left behind."""

from __future__ import annotations

import threading
import time

import psycopg
from psycopg import sql
from sqlalchemy import make_url, select

from integration.ledger import tables
from integration.ledger.database import read
from integration.line.stage import work_on
from integration.ports import Body, Remote
from tests.fakes import FakeSystem
from tests.fixtures.loading import ORDERS, line, validated_batch

AWAY_SECONDS = 2.0


def restart(url: str) -> threading.Thread:
    """End all its connections and let nobody in for a while, as a restart does."""
    place = make_url(url)
    administrator = psycopg.connect(host=place.host, port=place.port, user=place.username, dbname="postgres", autocommit=True)
    name = sql.Identifier(place.database or "")
    administrator.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
    administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (place.database,))

    def come_back() -> None:
        time.sleep(AWAY_SECONDS)
        administrator.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        administrator.close()

    back = threading.Thread(target=come_back)
    back.start()
    return back


class BesideARestart(FakeSystem):
    """The database restarts while the second order is being created."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.restarts: list[threading.Thread] = []

    def create(self, entity: str, body: Body) -> Remote:
        if entity == "order" and self.stored["order"] and not self.restarts:
            with self._lock:
                if not self.restarts:
                    self.restarts.append(restart(self.url))
        return super().create(entity, body)


def test_every_order_is_there_once_and_soon(postgresql_url: str) -> None:
    system = BesideARestart(postgresql_url)
    with line(system, postgresql_url) as house:
        batch_id = validated_batch(house)
        begun = time.monotonic()
        state = "open"
        while state == "open":
            assert time.monotonic() - begun < 60, "a lease was left behind"
            work_on(house, batch_id, "load")
            with read(house.engine) as connection:
                state = connection.execute(select(tables.batch.c.state)).scalar_one()
    for thread in system.restarts:
        thread.join()
    assert system.restarts
    assert sorted(order["ExternalOrderID"] for order in system.stored["order"].values()) == [str(number) for number in range(ORDERS)]
