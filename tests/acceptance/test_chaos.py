"""The harness of chaos/ itself, with one seed and two faults: the whole loop comes to rest as it must."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from chaos.progress import Progress
from chaos.run import Case, play, refused_by_limit

pytestmark = [pytest.mark.kills, pytest.mark.timeout(300)]

CASE = Case(seed=2, database="sqlite", orders=56, rate=2.0, faults=("kill", "lost-answers"))


def test_workers_are_killed_and_answers_are_lost_and_all_is_booked_once(tmp_path: Path) -> None:
    result = play(CASE, tmp_path, Progress(Console(quiet=True), CASE.orders))
    assert result.wrong == []
    assert {one.fault for one in result.struck} == {"kill", "lost-answers"}
    assert len(result.times) > CASE.orders // 2
    assert refused_by_limit(result) == 0
    assert result.evidence
    assert {"drop-after-commit", "reset-before-commit"} <= result.evidence.stats["tims"]["faults"].keys()
