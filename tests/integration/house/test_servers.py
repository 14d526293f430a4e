"""The servers that the other tests stand on are real, empty at the start of each test, and of our own making."""

from __future__ import annotations

import os

import pytest
import redis
import sqlalchemy

from tests.fixtures.simulators import Simulators


@pytest.mark.parametrize("turn", [1, 2])
def test_valkey_is_empty_at_the_start_of_each_test(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", turn)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_empty_at_the_start_of_each_test(database_url: str, turn: int) -> None:
    engine = sqlalchemy.create_engine(database_url)
    with engine.begin() as connection:
        assert sqlalchemy.inspect(connection).get_table_names() == []
        connection.execute(sqlalchemy.text(f"CREATE TABLE left_behind_{turn} (id integer)"))
    engine.dispose()


def test_nothing_of_the_callers_environment_leaks() -> None:
    assert not [name for name in os.environ if name.startswith(("DATABASE_URL", "REDIS_URL", "INTEGRATION_"))]


def test_simulators_are_fresh_and_keep_count_of_what_is_asked(simulators: Simulators) -> None:
    assert simulators.channeladvisor.state()["orders"] == []
    assert simulators.tims.state()["sales_orders"] == []
    assert simulators.tims.stats()["contract_errors"] == []
