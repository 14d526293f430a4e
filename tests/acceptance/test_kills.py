"""Whatever is killed, and whenever: in the end every order that was placed is one sales order."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from sqlalchemy import delete, select

from commands import valkey
from integration.ledger import holds, tables
from integration.ledger.database import read, write
from integration.ledger.open_letters import open_letters
from tests.fixtures.line import POISON, Service, booked, configure, exported, key, open_line, place, wait_until_through, with_sku
from tests.fixtures.processes import PATIENCE_SECONDS, running, wait_for
from tests.fixtures.simulators import Simulators

pytestmark = pytest.mark.kills


def kill(*processes: Popen[bytes]) -> None:
    """SIGKILL for each and its children, all at once."""
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
    for process in processes:
        process.wait()


@pytest.mark.parametrize("committed", [True, False])
def test_a_worker_killed_between_intent_and_outcome(service: Service, simulators: Simulators, committed: bool) -> None:
    """The request has left and the answer never comes; whether it took effect only the target knows."""
    simulators.tims.faults(hang={"times": 1, "delay": 3, "commit": committed, "operations": ["createSalesOrder"]})
    placed = place(simulators, 3)
    worker = service.worker()
    service.beat()
    wait_for(lambda: simulators.tims.stats()["faults"].get("hang"))
    kill(worker)
    assert not exported(simulators)
    service.worker("second")
    wait_until_through(simulators, placed)


def test_a_worker_killed_while_it_books_what_was_on_hold(service: Service, simulators: Simulators) -> None:
    placed = simulators.channeladvisor.place([with_sku(1, "LATER-1")])
    worker = service.worker()
    service.beat()
    with open_line() as house:

        def on_hold() -> int:
            with read(house.engine) as connection:
                return len(holds.listed(connection))

        wait_for(lambda: on_hold() == 1)
        simulators.tims.faults(hang={"times": 1, "delay": 3, "commit": True, "operations": ["createSalesOrder"]})
        simulators.tims.items({"SKU": "LATER-1", "Description": "New", "Cost": "1.0000", "ListPrice": "2.0000", "Status": "Active"})
        with write(house.engine) as connection:  # as if what was unknown were to be asked for again
            connection.execute(delete(tables.item))
        wait_for(lambda: simulators.tims.stats()["faults"].get("hang"))
        kill(worker)
        service.worker("second")
        wait_until_through(simulators, placed)
        assert on_hold() == 0


@contextlib.contextmanager
def everything(folder: Path, port: int, name: str) -> Iterator[list[Popen[bytes]]]:
    """Valkey, a worker and beat; gives their processes."""
    home = folder / "valkey"
    with running(valkey.command(home, port), folder / "valkey.log") as server, Service(folder) as service:
        valkey.wait_until_ready(home, port)
        yield [server, service.worker(f"worker-{name}"), service.beat(f"beat-{name}")]


def test_everything_killed_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> None:
    port = valkey.choose_port(tmp_path / "valkey")
    configure(monkeypatch, tmp_path, simulators, database_url, valkey.url(port))
    simulators.tims.latency(100)
    placed = place(simulators, 40)
    with everything(tmp_path, port, "first") as processes:
        wait_for(lambda: len(booked(simulators)) > 5)
        kill(*processes)
        assert len(booked(simulators)) < len(placed)
    with everything(tmp_path, port, "second"):
        wait_until_through(simulators, placed)


def test_a_record_that_kills_its_worker_is_put_aside_alone(service: Service, simulators: Simulators) -> None:
    placed = place(simulators, 8)
    (poison,) = simulators.channeladvisor.place([with_sku(60, POISON)])
    service.worker(app="tests.acceptance.poison")
    service.beat()
    wait_until_through(simulators, placed)
    with open_line() as house:
        (letter,) = wait_for(lambda: open_letters(house.engine))
    assert letter.source_key == key(poison)
    assert "killed its worker" in letter.reason


def test_a_worker_that_is_told_to_end_leaves_nothing_half_done(service: Service, simulators: Simulators) -> None:
    simulators.tims.latency(150)
    placed = place(simulators, 30)
    worker = service.worker()
    service.beat()
    wait_for(lambda: len(booked(simulators)) > 3)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_SECONDS) == 0
    with open_line() as house, house.engine.connect() as connection:
        assert not connection.execute(select(tables.crosswalk.c.id).where(tables.crosswalk.c.intent.is_not(None))).all()
        assert not connection.execute(select(tables.batch.c.id).where(tables.batch.c.owner.is_not(None))).all()
    service.worker("second")
    wait_until_through(simulators, placed)
