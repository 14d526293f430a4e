"""The plan of a run: the seed alone decides, and what it says can be played."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from chaos.faults import FAULTS
from chaos.plan import LASTS, REST, plan

SECONDS = 1250.0


def test_the_same_seed_gives_the_same_plan_and_another_another() -> None:
    assert plan(7, 300, list(LASTS)) == plan(7, 300, list(LASTS))
    assert plan(7, 300, list(LASTS)) != plan(8, 300, list(LASTS))


def test_every_fault_can_be_played() -> None:
    assert list(FAULTS) == list(LASTS)


@pytest.mark.parametrize("seed", range(5))
def test_a_fault_is_over_before_it_comes_again_and_before_the_run_is(seed: int) -> None:
    turns = plan(seed, SECONDS, list(LASTS))
    assert all(turn.at + turn.lasts <= SECONDS for turn in turns)
    for name in LASTS:
        own = [turn for turn in turns if turn.fault == name]
        assert own, f"{name} never comes"
        assert all(before.at + before.lasts + REST <= after.at + 0.1 for before, after in pairwise(own))


def test_nearly_every_pair_of_short_faults_meets_in_a_full_run() -> None:
    met = set()
    turns = plan(1, SECONDS, list(LASTS))
    for one, other in combinations(turns, 2):
        if one.at < other.at + other.lasts and other.at < one.at + one.lasts:
            met.add(frozenset((one.fault, other.fault)))
    short = [name for name, (_, most) in LASTS.items() if most <= 60]
    pairs = {frozenset(pair) for pair in combinations(short, 2)}
    assert len(pairs & met) >= 0.8 * len(pairs)


def test_one_fault_alone_comes_again_and_again() -> None:
    turns = plan(1, 200, ["flush"])
    assert len(turns) > 4
    assert {turn.fault for turn in turns} == {"flush"}


def test_no_two_turns_throw_the_same_dice() -> None:
    turns = plan(1, SECONDS, list(LASTS))
    assert len({turn.seed for turn in turns}) == len(turns)
