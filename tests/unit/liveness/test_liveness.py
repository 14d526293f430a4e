"""What is taken for stuck, and what is not, by pulses and waiting work alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from integration import clock
from integration.ledger.pulses import Waiting
from integration.liveness import SILENT, Signs, restarted, silent_parts, stuck

NOW = clock.instant("2026-11-20T12:00:00Z")
LOAD, LINE = ("load",), ("control", "extract", "transform", "validate")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def signs(pulses: dict[tuple[str, str], float], *waiting: Waiting) -> Signs:
    return Signs(NOW, {where: ago(seconds) for where, seconds in pulses.items()}, waiting)


def test_a_worker_without_work_is_not_stuck_however_long_it_was_silent() -> None:
    assert stuck(signs({("load", "a"): 5000}), LOAD, "a") is None


def test_work_that_nobody_takes_shows_a_stuck_worker() -> None:
    seen = signs({("load", "a"): 50}, Waiting("load", None, ago(35)))
    assert stuck(seen, LOAD, "a") == "work has waited at load for 35 s and does not move"
    assert stuck(seen, LINE, "a") is None


def test_a_worker_at_work_is_not_stuck_although_more_waits() -> None:
    assert stuck(signs({("load", "a"): 4}, Waiting("load", None, ago(300))), LOAD, "a") is None


def test_a_batch_in_the_hands_of_a_frozen_process_is_that_hosts_fault_alone() -> None:
    seen = signs({("load", "a"): 60, ("load", "b"): 2}, Waiting("load", "a", ago(45)))
    assert stuck(seen, LOAD, "a")
    assert stuck(seen, LOAD, "b") is None
    assert silent_parts(seen).keys() == {"load"}


def test_where_another_host_takes_the_work_nobody_is_stuck() -> None:
    assert stuck(signs({("load", "a"): 60, ("load", "b"): 2}, Waiting("load", None, ago(45))), LOAD, "a") is None


def test_a_worker_that_moves_in_one_of_its_parts_lives() -> None:
    seen = signs({("control", "a"): 60, ("extract", "a"): 3, ("beat", "a"): 1}, Waiting("validate", None, ago(90)))
    assert stuck(seen, LINE, "a") is None


def test_silent_control_is_beats_fault_where_beat_does_not_tick() -> None:
    assert stuck(signs({("control", "a"): 60, ("beat", "a"): 2}), LINE, "a") == "nobody takes polls and sweeps, although beat ticks"
    assert stuck(signs({("control", "a"): 60, ("beat", "a"): 60}), LINE, "a") is None
    assert stuck(signs({("control", "a"): 60, ("beat", "a"): 60}), ("beat",), "a") == "beat does not tick"
    assert stuck(signs({("beat", "a"): 5}), ("beat",), "a") is None


@pytest.mark.parametrize(("runs_for", "found"), [(SILENT.total_seconds() - 1, False), (SILENT.total_seconds() + 1, True)])
def test_what_has_just_been_started_is_given_time(runs_for: float, found: bool) -> None:
    seen = signs({("load", "a"): 500}, Waiting("load", None, ago(400)))
    assert bool(stuck(seen, LOAD, "a", ago(runs_for))) is found


def test_what_serves_no_part_is_never_stuck() -> None:
    assert stuck(signs({}, Waiting("load", None, ago(400))), (), "a", ago(1000)) is None


def test_a_part_that_never_moved_has_not_begun() -> None:
    assert silent_parts(signs({}, Waiting("load", None, ago(400)))) == {}
    assert silent_parts(signs({("beat", "a"): 50, ("beat", "b"): 3})) == {}
    assert silent_parts(signs({("beat", "a"): 50})) == {"beat": ("beat does not tick", ago(50))}


def test_a_restart_is_told_for_a_while() -> None:
    assert restarted(signs({("restarted beat", "a"): 100, ("restarted worker-load", "a"): 5000})) == {"beat on a": ago(100)}
