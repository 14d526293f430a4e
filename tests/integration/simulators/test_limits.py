"""The limits of the simulators are exact, and so are the counts that others judge by."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from connectors.simulation.limits import Limit
from connectors.simulation.registry import SIMULATORS
from connectors.simulation.simulator import Options
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import Tims, simulator
from tests.integration.simulators.client import Client


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_window_slides():
    clock = Clock()
    limit = Limit(requests=2, per_seconds=60, concurrent=5, clock=clock)

    def at(seconds: float) -> int | None:
        clock.now = seconds
        wait = limit.enter()
        if wait is None:
            limit.leave()
        return wait

    assert [at(0), at(30), at(59.9)] == [None, None, 1]
    assert at(30.5) == 30
    assert [at(60), at(61), at(89.9)] == [None, 29, 1]
    assert at(90) is None
    assert (limit.peak_window, limit.peak_concurrent, limit.in_progress) == (2, 1, 0)


def test_a_refused_request_takes_no_place():
    limit = Limit(requests=10, per_seconds=60, concurrent=1)
    assert [limit.enter(), limit.enter(), limit.enter()] == [None, 1, 1]
    limit.leave()
    assert limit.enter() is None
    assert limit.peak_window == 2


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A TIMS with a limit of 30 requests and 3 at once."""
    with simulator("tims", tmp_path_factory.mktemp("small") / "log", "--limit-requests", "30", "--limit-concurrent", "3") as url:
        yield Tims(url)


@pytest.fixture
def client(small):
    small.reset()
    return Client("tims", small.url, small, requests.Session())


def test_the_rate_is_exact_under_parallel_load(client):
    def run(_: int) -> list[int]:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(client.session.headers)
            return [session.get(f"{client.url}/api/v1/webhooks", timeout=10).status_code for _ in range(20)]

    with ThreadPoolExecutor(3) as pool:
        statuses = [status for part in pool.map(run, range(3)) for status in part]
    assert statuses.count(200) == 30
    assert statuses.count(429) == 30
    client.renew()
    refused = client.call("listWebhooks")
    assert refused.status_code == 429, "another token is the same client"
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    stats = client.world.stats()
    assert (stats["requests"]["listWebhooks"], stats["refused"]["429"], stats["peak_window"]) == (30, 31, 30)
    assert stats["requests"]["getToken"] == 2


def test_requests_at_once(client):
    client.world.latency(400)
    begin = threading.Barrier(5)

    def run(_: int) -> int:
        begin.wait()
        return requests.get(f"{client.url}/api/v1/webhooks", headers=client.session.headers, timeout=10).status_code

    with ThreadPoolExecutor(5) as pool:
        statuses = sorted(pool.map(run, range(5)))
    assert statuses == [200, 200, 200, 429, 429]
    stats = client.world.stats()
    assert (stats["peak_concurrent"], stats["peak_window"]) == (3, 3)
    client.world.latency(0)


def test_a_place_is_free_when_the_answer_has_arrived(client):
    """A client that holds exactly the limit must never be refused for an answer that it has read."""
    client.world.reset()
    client.renew()

    def run(_: int) -> list[int]:
        with requests.Session() as session:
            session.trust_env = False
            session.headers.update(client.session.headers)
            return [session.get(f"{client.url}/api/v1/items", timeout=10).status_code for _ in range(10)]

    with ThreadPoolExecutor(3) as pool:
        statuses = [status for part in pool.map(run, range(3)) for status in part]
    assert statuses == [200] * 30


@pytest.mark.parametrize("fault", ["reset-before-commit", "drop-after-commit", "html-5xx", "refuse", "unauthorized"])
def test_every_way_out_gives_the_place_back(client, fault):
    client.world.faults({fault: {"times": 4, "operations": ["createCustomer"]}})
    for _ in range(4):
        with contextlib.suppress(requests.ConnectionError):
            assert client.call("createCustomer", body=client.example("createCustomer")).status_code >= 400
    assert client.call("createCustomer", body=client.example("createCustomer")).status_code == 201


def test_a_client_that_leaves_gives_the_place_back(client):
    client.world.faults({"hang": {"delay": 0.5, "times": 3}})
    for _ in range(3):
        with pytest.raises(requests.Timeout):
            requests.get(f"{client.url}/api/v1/webhooks", headers=client.session.headers, timeout=0.1)
    assert client.call("listWebhooks").status_code == 429
    wait_for(lambda: client.call("listWebhooks").status_code == 200)


def test_the_contract_limits():
    limits = {system: build(Options(items=0)).limit for system, build in SIMULATORS.items()}
    assert {system: (each.requests, each.per_seconds, each.concurrent) for system, each in limits.items()} == {
        "channeladvisor": (2000, 60, 5),
        "clarity": (300, 60, 10),
        "sage100": (120, 60, 4),  # readers; one writer besides
        "tims": (600, 60, 8),
    }
