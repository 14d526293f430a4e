"""What operators see in a real Flower: every queue with its length, tasks as a person says them, dead letters with their reason."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from connectors.configured import load_settings
from integration.ledger import letters
from integration.ledger.database import write
from tests.fixtures.line import ENVIRONMENT, Service, configure, exported, key, open_line, order, with_sku
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Simulators

PERSONAL = ("ana.", "buyer.example", "Ruiz", "Orchard")
"""Of the buyers of tests/fixtures/line.py."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str, redis_url: str) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configure(monkeypatch, tmp_path, simulators, sqlite_url, redis_url, port, orders='holds.unknown_sku = "1s"')
    with Service(tmp_path) as service:
        yield service


class Flower:
    """A real Flower and what it shows."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._url = f"http://127.0.0.1:{load_settings().flower_port}"
        self.start()

    def start(self) -> None:
        """Returns once it listens to events."""
        self._process = self._service.flower()
        wait_for(self._answers)

    def restart(self) -> None:
        self._process.kill()
        self._process.wait()
        self.start()

    def get(self, path: str, user: str = "operator") -> requests.Response:
        return requests.get(self._url + path, auth=(user, ENVIRONMENT["FLOWER_PASSWORD"]), timeout=10)

    def tasks(self, name: str, state: str = "") -> list[dict[str, Any]]:
        answer = self.get(f"/api/tasks?taskname={name}&state={state}")
        assert answer.ok, answer.text
        return list(answer.json().values())

    def queues(self) -> dict[str, int]:
        """The broker page, as a person sees it."""
        rows = re.findall(r'<tr id="[^"]*">\s*<td>([\w.]+)</td>\s*<td[^>]*>(\d+)</td>', self.get("/broker").text)
        return {name: int(length) for name, length in rows}

    def _answers(self) -> bool:
        try:
            return self.get("/healthcheck").ok
        except requests.ConnectionError:
            return False


@pytest.fixture
def flower(service: Service) -> Flower:
    return Flower(service)


def test_flower_shows_queues_tasks_and_dead_letters_and_nothing_personal(
    service: Service, flower: Flower, simulators: Simulators, redis_url: str
) -> None:
    placed = simulators.channeladvisor.place([order(number) for number in range(3)])
    (bad,) = simulators.channeladvisor.place([with_sku(50, "NO-SUCH-THING")])
    service.worker()
    service.beat()
    wait_for(lambda: exported(simulators) == {key(one) for one in placed})

    (letter,) = wait_for(lambda: flower.tasks("dead_letter", "FAILURE"))
    assert letter["args"] == f"orders ca→tims order {key(bad)}"
    assert "NO-SUCH-THING is no item of the target" in letter["exception"]
    (loaded,) = wait_for(lambda: flower.tasks("load", "SUCCESS"))
    assert re.fullmatch(r"orders ca→tims batch \d+, 3 records", loaded["args"])
    assert all(one["args"] == "orders ca→tims" for one in flower.tasks("poll"))

    lengths = flower.queues()
    assert lengths["dead_letters"] == 1
    stages = {f"{connection}.{stage}" for connection in ("ca", "tims") for stage in ("extract", "transform", "validate", "load")}
    assert set(lengths) == {"control", "dead_letters", *stages}
    assert letter["worker"] == loaded["worker"] == f"worker@{socket.gethostname()}"  # no worker shows that is none

    assert flower.get("/api/tasks", user="nobody").status_code == 401
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        kept = [client.lrange(name, 0, -1) if client.type(name) == "list" else client.type(name) for name in client.keys("*")]
    for text in (flower.get("/api/tasks").text, flower.get("/tasks").text, service.log("worker"), service.log("beat"), str(kept)):
        assert not [word for word in PERSONAL if word in text]


def test_the_image_of_the_dead_letters_follows_the_ledger(service: Service, flower: Flower, simulators: Simulators, redis_url: str) -> None:
    simulators.channeladvisor.place([with_sku(number, f"NO-SUCH-{number}") for number in range(3)])
    service.worker()
    service.beat()
    wait_for(lambda: flower.queues()["dead_letters"] == 3)
    wait_for(lambda: len(flower.tasks("dead_letter", "FAILURE")) == 3)

    with open_line() as house, write(house.engine) as connection:
        first, *_ = letters.still_open(connection)
        letters.dismiss(connection, [first], "not ours")
    (ended,) = wait_for(lambda: flower.tasks("dead_letter", "SUCCESS"))
    assert first.source_key in ended["args"]
    assert "dismissed" in ended["result"]
    assert flower.queues()["dead_letters"] == 2

    # What neither of them remembers comes from the ledger.
    flower.restart()
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    wait_for(lambda: flower.queues()["dead_letters"] == 2)
    wait_for(lambda: len(flower.tasks("dead_letter", "FAILURE")) == 2)
