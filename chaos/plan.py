"""What happens when: the same seed gives the same plan of faults, every pair of them in an order of the seed's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random

LASTS: Mapping[str, tuple[float, float]] = {
    "kill": (12, 20),
    "flush": (6, 12),
    "valkey": (6, 12),
    "database": (6, 12),
    "full-disk": (4, 8),
    "lost-answers": (10, 20),
    "refusals": (10, 20),
    "outage": (20, 40),
    "twice": (12, 20),
    "freeze": (145, 150),
    "clock": (8, 15),
    "deploy": (5, 10),
    "poison": (5, 10),
}
"""Every fault by its name, with the seconds that it lasts at least and at most."""

FIRST_AT = 5.0
"""Something must be under way that can be struck."""

GAPS = (8.0, 16.0)
"""Seconds between the starts of two pairs."""

REST = 10.0
"""A fault comes again only so long after its end: what was started again has to live before it can be killed."""

LONG_REST = {"outage": 90.0}
"""The same of a fault that would else leave no time in which anything could be done."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One fault from `at` on for `lasts` seconds; `seed` throws its dice."""

    at: float
    lasts: float
    fault: str
    seed: str


def plan(seed: int, seconds: float, names: Sequence[str]) -> list[Turn]:
    """The turns of a run in which orders are placed for so long. Both faults of a pair begin together; one that would outlast the run
    is left out."""
    dice = Random(seed)
    every = [tuple(pair) for pair in combinations(names, 2)] or [tuple(names)]
    to_come: list[tuple[str, ...]] = []
    turns: list[Turn] = []
    free = dict.fromkeys(names, 0.0)
    at = FIRST_AT
    while at < seconds:
        if not to_come:
            to_come = dice.sample(every, len(every))
        pair = next((one for one in to_come if all(free[name] <= at for name in one)), None)
        if pair is not None:
            to_come.remove(pair)
            for name in pair:
                lasts = round(dice.uniform(*LASTS[name]), 1)
                if at + lasts <= seconds:
                    turns.append(Turn(round(at, 1), lasts, name, f"{seed}/{len(turns)}"))
                    free[name] = at + lasts + LONG_REST.get(name, REST)
        at += dice.uniform(*GAPS)
    return turns
