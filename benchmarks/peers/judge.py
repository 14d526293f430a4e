"""What a contender has left behind, by the ERP's own state: the driver knows what was placed, and trusts nobody else's word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """In orders: never booked, and booked more than once; a third sales order of the same makes it no worse."""

    missing: int
    double: int


def judge(placed: Iterable[str], booked: Iterable[str]) -> Verdict:
    """`placed` are the channel's numbers of the orders, `booked` the number that each sales order names."""
    wanted, found = set(placed), Counter(booked)
    return Verdict(sum(not found[key] for key in wanted), sum(found[key] > 1 for key in wanted))
