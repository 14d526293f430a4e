"""The watchdog restarts what does not move, and nothing while the database or Redis is away."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from commands import health, watchdog
from commands.child import ChildState
from commands.cli import cli
from commands.watchdog import Watchdog
from integration import clock, liveness
from integration.heartbeat import Heartbeat
from integration.ledger import alerts, batches, lease, pulses, tables
from integration.ledger.database import write
from integration.ledger.pulses import HOST
from integration.line.journey import House
from tests.fixtures.line import configure, open_line
from tests.fixtures.processes import wait_for
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims


class Supervisor:
    """Takes note of what it is to restart."""

    def __init__(self, since: datetime) -> None:
        self.since = since
        self.restarted: list[str] = []

    def snapshot(self) -> list[ChildState]:
        return [ChildState(name, 1, self.since) for name in ("valkey", "worker-load", "worker-line", "beat", "metrics")]

    def restart(self, name: str) -> None:
        self.restarted.append(name)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1")), sqlite_url)
    with open_line() as made:
        yield made


def ago(seconds: float) -> datetime:
    return clock.now() - timedelta(seconds=seconds)


def stall(house: House) -> int:
    """Everything moved long ago but beat and control, and a batch has been due at load since."""
    pulses.leave(house.engine, ["beat", "control", "load"])
    with write(house.engine) as connection:
        _, batch_id = batches.start_run(connection, "orders", "tick", "live", {}, stage="load", size=1)
        connection.execute(update(tables.batch).values(due_at=ago(120)))
        connection.execute(update(tables.pulse).where(tables.pulse.c.part == "load").values(at=ago(120)))
    return batch_id


def dog(house: House, supervisor: Supervisor, redis_url: str, *, watching_for: float = 1000.0) -> Watchdog:
    made = Watchdog(supervisor, house.settings, house.engine, redis_url)  # type: ignore[arg-type]  # it looks and restarts
    made._could_move_since = ago(watching_for)
    return made


def test_a_worker_that_takes_nothing_is_restarted_and_told(house: House, redis_url: str) -> None:
    stall(house)
    supervisor = Supervisor(ago(1000))
    watching = dog(house, supervisor, redis_url)
    watching.look()
    assert supervisor.restarted == ["worker-load"]
    watching.tell()
    assert "restarted" in {one.kind for one in alerts.listed(house.engine)}


def test_one_frozen_in_the_middle_of_a_transaction_is_restarted_although_nobody_can_write(house: House, redis_url: str) -> None:
    batch_id = stall(house)
    with write(house.engine) as connection:
        values = {"owner": lease.new_owner(), "lease_until": clock.now() + timedelta(seconds=60)}
        connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(**values))
    supervisor = Supervisor(ago(1000))
    watching = dog(house, supervisor, redis_url)
    with write(house.engine):
        watching.look()
    assert supervisor.restarted == ["worker-load"]


def test_nothing_is_restarted_soon_after_it_was_started(house: House, redis_url: str) -> None:
    stall(house)
    supervisor = Supervisor(ago(10))
    dog(house, supervisor, redis_url).look()
    assert not supervisor.restarted


def test_work_of_a_flow_that_is_no_longer_configured_is_nobodys_fault(house: House, redis_url: str) -> None:
    stall(house)
    supervisor = Supervisor(ago(1000))
    watching = dog(replace(house, settings=replace(house.settings, flows={})), supervisor, redis_url)
    watching.look()
    assert not supervisor.restarted


def test_while_the_database_is_away_and_for_a_while_after_nothing_is_restarted(
    house: House, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stall(house)
    supervisor = Supervisor(ago(1000))
    watching = dog(house, supervisor, redis_url)

    def away(*_: Any) -> None:
        raise OperationalError("", {}, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(liveness, "look", away)
        watching.look()
        watching.tell()
    watching.look()
    assert not supervisor.restarted
    watching._could_move_since = ago(liveness.SILENT.total_seconds() + 1)
    watching.look()
    assert supervisor.restarted == ["worker-load"]


def test_without_redis_nothing_is_restarted_and_it_is_told(house: House, tmp_path: Path) -> None:
    stall(house)
    supervisor = Supervisor(ago(1000))
    watching = dog(house, supervisor, "redis://127.0.0.1:1/0")
    watching.look()
    watching.tell()
    assert not supervisor.restarted
    assert ("outage", "Redis") in {(one.kind, one.subject) for one in alerts.listed(house.engine)}


def test_after_the_machine_slept_all_are_given_time(house: House, redis_url: str) -> None:
    stall(house)
    supervisor = Supervisor(ago(1000))
    watching = dog(house, supervisor, redis_url)
    watching._looked_at = ago(watchdog.PAUSE_SECONDS + 1)
    watching.look()
    assert not supervisor.restarted


def test_a_heartbeat_goes_on_as_long_as_work_is_in_hand(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.heartbeat.EVERY_SECONDS", 0.05)
    heartbeat, done = Heartbeat(house.engine), threading.Event()

    def at() -> datetime | None:
        return pulses.pulses(house.engine).get(("load", HOST))

    with heartbeat.at("load"):
        first = wait_for(at)
        later = wait_for(lambda: (moment := at()) and moment > first and moment)
    done.wait(0.2)  # the pulse of the end
    last = at()
    done.wait(0.3)
    assert last is not None
    assert later <= last == at()


def test_health_tells_a_stuck_part_from_one_without_work(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "SURE_SECONDS", 0.0)
    stall(house)
    runner = CliRunner()
    ill = runner.invoke(cli, ["health", "load"], prog_name="integration")
    assert ill.exit_code == 1
    assert "load on " in ill.stderr
    assert "must be restarted: work has waited at load for 1" in ill.stderr
    assert runner.invoke(cli, ["health", "transform", "validate"], prog_name="integration").exit_code == 0
    assert runner.invoke(cli, ["health", "beat"], prog_name="integration").exit_code == 0
    with write(house.engine) as connection:
        connection.execute(update(tables.pulse).values(at=ago(120)))
    assert runner.invoke(cli, ["health", "beat"], prog_name="integration").exit_code == 1
    assert runner.invoke(cli, ["health", "worker"], prog_name="integration").exit_code == 2


def test_health_blames_nobody_for_a_database_that_is_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    asked = subprocess.run([sys.executable, "-m", "commands", "health", "load"], capture_output=True, text=True, check=False, timeout=60)
    assert (asked.returncode, asked.stdout.strip()) == (0, "the database does not answer, so nothing can be said")
