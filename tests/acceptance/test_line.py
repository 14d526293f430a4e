"""The whole line as it runs for real: workers, beat and Valkey as processes, the simulated systems over HTTP, each database in turn.

Whatever dies, every order that was placed is one sales order in the end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import redis
from sqlalchemy import select

from commands import valkey
from integration.ledger import tables
from integration.ledger.database import read
from integration.ledger.open_letters import open_letters
from tests.fixtures.line import FLOW, Service, assert_booked_once, booked, configure, exported, key, open_line, order, with_sku
from tests.fixtures.processes import running, wait_for
from tests.fixtures.simulators import Simulators

SECONDS = 40.0
"""More than any of these takes; a test that waits so long has failed."""


@pytest.fixture
def service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str, redis_url: str
) -> Iterator[Service]:
    configure(monkeypatch, tmp_path, simulators, database_url, redis_url)
    with Service(tmp_path) as service:
        yield service


def place(simulators: Simulators, count: int, first: int = 0) -> list[dict[str, Any]]:
    return simulators.channeladvisor.place([order(number) for number in range(first, first + count)])


def wait_until_through(simulators: Simulators, placed: Sequence[Mapping[str, Any]]) -> None:
    """All are booked and the channel has been told; then that each is booked once."""
    wanted = {key(one) for one in placed}
    wait_for(lambda: wanted <= exported(simulators), SECONDS, f"not all of {sorted(wanted)} were through after {SECONDS:g} s")
    assert_booked_once(simulators, placed)


def kill(*processes: Popen[bytes]) -> None:
    """SIGKILL for each and its children, all at once."""
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
    for process in processes:
        process.wait()


def test_orders_are_booked_once_and_bad_ones_are_dead_letters(service: Service, simulators: Simulators) -> None:
    placed = place(simulators, 30)
    unknown, wrong_sum = simulators.channeladvisor.place(
        [with_sku(50, "NO-SUCH-THING"), order(51, TotalAmount="1.00", OrderID="wrong-sum")], check=False
    )
    service.worker()
    service.beat()
    wait_until_through(simulators, placed)
    with open_line() as house:
        letters = {letter.source_key: letter.reason for letter in open_letters(house.engine)}
    assert set(letters) == {key(unknown), key(wrong_sum)}
    assert "NO-SUCH-THING" in letters[key(unknown)]
    assert "total" in letters[key(wrong_sum)]
    assert simulators.channeladvisor.stats()["refused"] == {}
    assert simulators.tims.stats()["refused"] == {"404": 1}  # the unknown SKU


def test_a_wiped_redis_costs_time_and_nothing_else(service: Service, simulators: Simulators, redis_url: str) -> None:
    """Once while the only message of a batch waits in a queue, and once while another batch is being delivered."""
    simulators.tims.latency(100)
    placed = place(simulators, 20)
    service.worker("reader", "-Q", "control,ca.extract")
    service.beat()
    with redis.Redis.from_url(redis_url) as client:
        wait_for(lambda: client.llen("integration:ca.transform"), SECONDS)
        client.flushall()
        assert not client.llen("integration:ca.transform")
        service.worker()
        wait_for(lambda: len(booked(simulators)) > 3, SECONDS)
        placed += place(simulators, 10, first=100)
        client.flushall()
    wait_until_through(simulators, placed)


def test_two_beats_do_no_harm(service: Service, simulators: Simulators) -> None:
    placed = place(simulators, 20)
    service.worker()
    service.beat("beat-1")
    service.beat("beat-2")
    wait_until_through(simulators, placed)
    started_at = select(tables.run.c.started_at).order_by(tables.run.c.id)
    with open_line() as house:

        def started() -> Sequence[datetime]:
            with read(house.engine) as connection:
                return connection.execute(started_at).scalars().all()

        wait_for(lambda: len(started()) >= 8, SECONDS)
        runs = started()
        allowed = (runs[-1] - runs[0]).total_seconds() / house.settings.flows[FLOW].every + 2
    assert len(runs) <= allowed, "a tick was taken twice"


@pytest.mark.kills
@pytest.mark.parametrize("committed", [True, False])
def test_a_worker_killed_between_intent_and_outcome(service: Service, simulators: Simulators, committed: bool) -> None:
    """The request has left and the answer never comes; whether it took effect only the target knows."""
    simulators.tims.faults(hang={"times": 1, "delay": 3, "commit": committed, "operations": ["createSalesOrder"]})
    placed = place(simulators, 3)
    worker = service.worker()
    service.beat()
    wait_for(lambda: simulators.tims.stats()["faults"].get("hang"), SECONDS)
    kill(worker)
    assert not exported(simulators)
    service.worker("second")
    wait_until_through(simulators, placed)


@pytest.mark.kills
def test_everything_killed_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> None:
    port = valkey.choose_port(tmp_path / "valkey")
    configure(monkeypatch, tmp_path, simulators, database_url, valkey.url(port))
    simulators.tims.latency(100)
    placed = place(simulators, 40)
    for start in ("first", "second"):
        with running(valkey.command(tmp_path / "valkey", port), tmp_path / "valkey.log") as server, Service(tmp_path) as service:
            valkey.wait_until_ready(tmp_path / "valkey", port)
            worker, beat = service.worker(f"worker-{start}"), service.beat(f"beat-{start}")
            if start == "first":
                wait_for(lambda: len(booked(simulators)) > 5, SECONDS)
                kill(worker, beat, server)
                assert len(booked(simulators)) < len(placed)
            else:
                wait_until_through(simulators, placed)


def test_two_workers_on_the_same_order(service: Service, simulators: Simulators) -> None:
    """A newer version is read while the first is still being sent."""
    simulators.tims.faults(hang={"times": 1, "delay": 2, "commit": True, "operations": ["createSalesOrder"]})
    (placed,) = place(simulators, 1)
    service.worker("worker-1", concurrency=1)
    service.worker("worker-2", concurrency=1)
    service.beat()
    wait_for(lambda: simulators.tims.stats()["faults"].get("hang"), SECONDS)
    simulators.channeladvisor.change(key(placed), ShippingMethod="Two Day Air")
    wait_for(lambda: "Two Day Air" in booked(simulators)[key(placed)][0]["Notes"], SECONDS)
    wait_until_through(simulators, [placed])


@pytest.mark.kills
def test_a_record_that_kills_its_worker_is_put_aside_alone(service: Service, simulators: Simulators) -> None:
    from tests.acceptance.poison import POISON

    placed = place(simulators, 8)
    (poison,) = simulators.channeladvisor.place([with_sku(60, POISON)])
    service.worker(app="tests.acceptance.poison")
    service.beat()
    wait_until_through(simulators, placed)
    with open_line() as house:
        (letter,) = wait_for(lambda: open_letters(house.engine), SECONDS)
    assert letter.source_key == key(poison)
    assert "killed its worker" in letter.reason


@pytest.mark.kills
def test_a_worker_that_is_told_to_end_leaves_nothing_half_done(service: Service, simulators: Simulators) -> None:
    simulators.tims.latency(150)
    placed = place(simulators, 30)
    worker = service.worker()
    service.beat()
    wait_for(lambda: len(booked(simulators)) > 3, SECONDS)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(SECONDS) == 0
    with open_line() as house, house.engine.connect() as connection:
        assert not connection.execute(select(tables.crosswalk.c.id).where(tables.crosswalk.c.intent.is_not(None))).all()
        assert not connection.execute(select(tables.batch.c.id).where(tables.batch.c.owner.is_not(None))).all()
    service.worker("second")
    wait_until_through(simulators, placed)


def test_a_stage_that_takes_too_long_hands_its_batch_back(service: Service, simulators: Simulators) -> None:
    """Its time is up while the target is asked for SKUs; that is nobody's fault, so nothing is put aside and nothing is counted."""
    simulators.tims.faults(hang={"delay": 2, "commit": True, "operations": ["getItem"]})
    placed = place(simulators, 3)
    service.worker("worker", "--soft-time-limit", "1")
    service.beat()
    wait_for(lambda: service.log("worker").count("time is up") >= 2, SECONDS)
    simulators.tims.clear()
    wait_until_through(simulators, placed)
    with open_line() as house:
        assert not open_letters(house.engine)
