"""`integration up` with its real children: orders are booked, what is killed comes back, and nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest
import requests

from commands.child import ChildState
from commands.ports import free_ports
from commands.supervisor import read_snapshot
from tests.fixtures.families import alive, family
from tests.fixtures.line import CONFIGURATION, ENVIRONMENT, assert_booked_once, booked, exported, order
from tests.fixtures.processes import PATIENCE_SECONDS, running, wait_for
from tests.fixtures.simulators import ROOT, Simulators

UP = [sys.executable, "-m", "commands", "up"]


class Installation:
    """A configuration in a folder, and `up` as it runs there."""

    def __init__(self, folder: Path, up: Popen[bytes], flower: int, metrics: int) -> None:
        self.home, self.output = folder / ".integration", folder / "output"
        self.up, self.flower, self.metrics = up, f"http://127.0.0.1:{flower}", f"http://127.0.0.1:{metrics}/metrics"

    def child(self, name: str) -> ChildState:
        return next(state for state in read_snapshot(self.home) or [] if state.name == name)

    def asks_for_flower(self, auth: tuple[str, str] | None = None) -> int:
        """The answer's status; 0 while it does not listen yet."""
        try:
            return requests.get(self.flower, auth=auth, timeout=10).status_code
        except requests.ConnectionError:
            return 0

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.read_text().splitlines()]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulators: Simulators) -> Iterator[Installation]:
    flower, metrics = free_ports(2)
    urls = {"channeladvisor": simulators.channeladvisor.url, "tims": simulators.tims.url}
    file = tmp_path / "integration.toml"
    file.write_text(f"{CONFIGURATION.format(**urls, flower=flower, orders='')}\n[metrics]\nport = {metrics}\n")
    for name, value in {**ENVIRONMENT, "INTEGRATION_CONFIG": str(file)}.items():
        monkeypatch.setenv(name, value)
    with running(UP, tmp_path / "output", cwd=ROOT) as up:
        made = Installation(tmp_path, up, flower, metrics)
        wait_for(lambda: '"running"' in made.output.read_text() or up.poll() is not None)
        assert up.poll() is None, made.output.read_text()
        yield made


def test_it_books_survives_the_death_of_a_worker_and_leaves_nobody_behind(installation: Installation, simulators: Simulators) -> None:
    placed = simulators.channeladvisor.place([order(number) for number in range(4)])
    wait_for(lambda: len(booked(simulators)) == 4)

    dead = installation.child("worker-load")
    assert dead.pid
    os.kill(dead.pid, signal.SIGKILL)
    placed += simulators.channeladvisor.place([order(number) for number in range(4, 8)])
    wait_for(lambda: len(exported(simulators)) == 8)
    assert_booked_once(simulators, placed)
    again = installation.child("worker-load")
    assert (again.restarts, again.last_exit, again.pid != dead.pid) == (1, -signal.SIGKILL, True)

    other = subprocess.run(UP, capture_output=True, text=True, timeout=30, check=False)
    assert other.returncode == 2
    assert other.stderr.splitlines() == [
        f"Error: Process {installation.up.pid} already runs everything in {installation.home}: stop it first, or set another home."
    ]

    password = ENVIRONMENT["FLOWER_PASSWORD"]
    wait_for(lambda: installation.asks_for_flower() == 401)
    assert installation.asks_for_flower(("operator", password)) == 200
    assert 'integration_lag_seconds{flow="orders"}' in requests.get(installation.metrics, timeout=10).text

    everybody = family(installation.up.pid)
    assert len(everybody) > 10
    installation.up.terminate()
    assert installation.up.wait(PATIENCE_SECONDS) == 0
    assert not alive(everybody)
    assert read_snapshot(installation.home) is None

    events = installation.events()
    assert {one["process"] for one in events if one["event"] == "stopped"} == {
        "valkey", "worker-load", "worker-line", "beat", "flower", "metrics",
    }  # fmt: skip
    [ended] = [one for one in events if one["event"] == "exited"]
    assert (ended["process"], ended["exit"], ended["log"]) == ("worker-load", -9, str(installation.home / "logs" / "worker-load.log"))
    assert password not in installation.output.read_text()
