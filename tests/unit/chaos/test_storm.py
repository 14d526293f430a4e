"""A storm plays its turns, undoes each, and tells of one that could not be played."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from chaos import storm
from chaos.faults import Stage
from chaos.plan import Turn
from chaos.storm import Storm


def steps(done: list[str], name: str) -> Any:
    def fault(_stage: Stage) -> Iterator[float]:
        done.append(f"{name} begins")
        try:
            yield 600.0
        finally:
            done.append(f"{name} is undone")

    return fault


def broken(_stage: Stage) -> Iterator[float]:
    yield 0.0
    raise ValueError("no such process")


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(storm, "FAULTS", {"kill": steps(told, "kill"), "flush": steps(told, "flush"), "clock": broken})
    return told


def raised(*turns: Turn) -> Storm:
    anything: Any = None
    made = Storm(anything, dict, turns, lambda: None)
    made.begin()
    return made


def test_each_turn_is_played_and_undone(done: list[str]) -> None:
    made = raised(Turn(0.05, 0.1, "flush", "1"), Turn(0.0, 0.01, "kill", "2"))
    while not made.over:
        time.sleep(0.01)
    assert done == ["kill begins", "kill is undone", "flush begins", "flush is undone"]
    assert {one.fault for one in made.struck} == {"kill", "flush"}
    assert all(one.ended >= one.began for one in made.struck)
    assert made.raging == []


def test_a_storm_that_is_called_off_undoes_what_goes_on_and_begins_no_more(done: list[str]) -> None:
    made = raised(Turn(0.0, 60.0, "kill", "1"), Turn(30.0, 1.0, "flush", "2"))
    while not made.raging:
        time.sleep(0.01)
    made.end()
    assert made.over
    assert done == ["kill begins", "kill is undone"]


def test_a_fault_that_cannot_be_played_is_told(done: list[str]) -> None:
    made = raised(Turn(0.0, 0.2, "clock", "1"))
    while not made.over:
        time.sleep(0.01)
    (told,) = made.broken
    assert "no such process" in told
