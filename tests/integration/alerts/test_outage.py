"""A system that is away for long is one alert and one all-clear, however often it is tried meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import observe
from connectors.rest.tally import Tally
from integration.ledger import batches, budgets
from integration.line import extract
from integration.line.stage import work_on
from integration.settings.model import Alerts, Secret
from tests.fixtures.line import booked, configure, open_line, place
from tests.fixtures.simulators import Simulators
from tests.integration.alerts.conftest import AFTER, Clock, People, Watcher


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, sqlite_url: str, moved: Clock) -> Iterator[Watcher]:
    configure(monkeypatch, tmp_path, simulators, sqlite_url)
    with open_line() as house:
        told = replace(house.settings, alerts=Alerts((Secret("env:MAIL", "json://mail.invalid"),), AFTER))
        yield Watcher(replace(house, settings=told), moved, People())


@pytest.mark.parametrize("fault", [{"unauthorized": True}, {"server-error": True}])
def test_one_alert_and_one_all_clear(
    watcher: Watcher, simulators: Simulators, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    tally = Tally(watcher.house.engine)
    monkeypatch.setattr(observe, "observers", [tally.count])

    monkeypatch.setattr(budgets, "moment_of", lambda _: watcher.clock.now())

    def go_on(rounds: int) -> None:
        for _ in range(rounds):
            extract.poll(watcher.house, "orders", int(watcher.clock.now().timestamp()))
            bells = [(one.batch_id, one.stage) for one in batches.due(watcher.house.engine)]
            while bells:
                bells += work_on(watcher.house, *bells.pop(0))
            tally.write()
            watcher.look(15)

    go_on(4)
    simulators.tims.faults(fault)
    place(simulators, 1)
    go_on(14)
    assert watcher.people.titles() == ["Integration: 1 alert"]
    assert watcher.people.got[0][2].startswith("tims: ")
    simulators.tims.clear()
    for _ in range(60):  # when the batch comes back is a matter of chance, within bounds
        if len(watcher.people.titles()) > 1:
            break
        go_on(1)
    assert watcher.people.titles() == ["Integration: 1 alert", "Integration: 1 alert over"]
    assert len(booked(simulators)) == 1
