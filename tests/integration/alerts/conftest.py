"""An open line whose clock a test can move, and whoever is told of alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connectors.registry import definition
from integration import alerts, clock
from integration.alerts import SENT
from integration.line.journey import House
from integration.settings.model import Alerts, Secret
from tests.fixtures.line import configure, open_line
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims

AFTER = 60.0


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        real = clock.now
        monkeypatch.setattr(clock, "now", lambda: real() + self.ahead)

    def move(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def now(self) -> datetime:
        return clock.now()


@dataclass
class People:
    """Who is told: by address what came, and the addresses that fail."""

    got: list[tuple[str, str, str]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)

    def send(self, addresses: Sequence[Secret], title: str, body: str, *, good: bool) -> Mapping[str, str]:
        outcomes = {}
        for one in addresses:
            outcomes[one.reference] = "no" if one.reference in self.deaf else SENT
            if one.reference not in self.deaf:
                self.got.append((one.reference, title, body))
        return outcomes

    def titles(self) -> list[str]:
        return [title for _, title, _ in self.got]


@dataclass
class Watcher:
    house: House
    clock: Clock
    people: People

    def look(self, seconds: float = 0.0) -> None:
        """Let so many seconds pass, and look."""
        self.clock.move(seconds)
        limits = {name: definition(one).limits for name, one in self.house.settings.connections.items()}
        alerts.watch(self.house.engine, self.house.settings, limits, self.people.send)


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str) -> Iterator[House]:
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, database_url)
    with open_line() as made:
        addresses = (Secret("env:MAIL", "json://mail.invalid/token"), Secret("env:CHAT", "json://chat.invalid/token"))
        yield replace(made, settings=replace(made.settings, alerts=Alerts(addresses, AFTER)))


@pytest.fixture
def watcher(house: House, moved: Clock) -> Watcher:
    return Watcher(house, moved, People())
