"""What lives but does not move is found by its silence, restarted and told, and the orders meanwhile are booked once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest
from sqlalchemy import select

from commands.child import ChildState
from commands.ports import free_ports
from commands.supervisor import read_snapshot
from integration.ledger import alerts, tables
from integration.line.journey import House
from tests.fixtures.line import assert_booked_once, configure, exported, open_line, place
from tests.fixtures.processes import running, wait_for
from tests.fixtures.simulators import ROOT, Simulators

pytestmark = pytest.mark.kills

UP = [sys.executable, "-m", "tests.acceptance.impatient", "up"]


class Installation:
    def __init__(self, home: Path, up: Popen[bytes], house: House) -> None:
        self.home, self.up, self.house = home, up, house

    def child(self, name: str) -> ChildState:
        return next(state for state in read_snapshot(self.home) or [] if state.name == name)

    def freeze(self, name: str) -> None:
        """The child and all that it has started stand still; whoever looks sees processes that live."""
        pid = self.child(name).pid
        assert pid
        os.killpg(pid, signal.SIGSTOP)

    def restarts(self) -> dict[str, int]:
        return {state.name: state.restarts for state in read_snapshot(self.home) or []}

    def told(self, kind: str) -> set[str]:
        """The processes that an alert of the kind names."""
        return {one.subject.partition(" ")[0] for one in alerts.listed(self.house.engine) if one.kind == kind}

    def due_at_load(self) -> bool:
        b = tables.batch.c
        with self.house.engine.connect() as connection:
            return connection.execute(select(b.id).where(b.state == "open", b.stage == "load")).first() is not None


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulators: Simulators) -> Iterator[Installation]:
    flower, metrics = free_ports(2)
    more = f"[metrics]\nport = {metrics}\n[alerts]\nafter = '1s'\n"
    configure(monkeypatch, tmp_path, simulators, "", flower_port=flower, more=more)
    output = tmp_path / "output"
    with running(UP, output, cwd=ROOT) as up:
        wait_for(lambda: '"running"' in output.read_text() or up.poll() is not None)
        assert up.poll() is None, output.read_text()
        with open_line() as house:
            yield Installation(tmp_path / ".integration", up, house)


def test_a_frozen_worker_and_a_frozen_beat_are_restarted_and_told(installation: Installation, simulators: Simulators) -> None:
    placed = place(simulators, 2)
    wait_for(lambda: len(exported(simulators)) == 2)
    # One order in the middle of its way to TIMS: the batch is held by a lease that would last for two minutes.
    simulators.tims.latency(1500)
    placed += place(simulators, 1, first=2)
    wait_for(installation.due_at_load)
    installation.freeze("worker-load")
    simulators.tims.latency(0)
    placed += place(simulators, 2, first=3)
    wait_for(lambda: installation.restarts()["worker-load"] == 1)
    installation.freeze("beat")
    wait_for(lambda: installation.restarts()["beat"] == 1)
    placed += place(simulators, 1, first=5)
    wait_for(lambda: len(exported(simulators)) == len(placed))
    assert_booked_once(simulators, placed)
    # The ledger is SQLite: had the worker been frozen in a transaction, nobody else could have left a pulse, and more are restarted.
    restarted = {"worker-load", "beat"}
    assert restarted <= {name for name, restarts in installation.restarts().items() if restarts}
    wait_for(lambda: restarted <= installation.told("restarted"))
