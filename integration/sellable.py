"""The arithmetic of the guard: how many units of an item may be offered. Pure; what it is told decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.ledger.commitments import Commitment


def promised(commitments: Iterable[Commitment], as_of: datetime) -> int:
    """Units that a quantity read at `as_of` still held as available, though a channel's order has them."""
    return sum(one.units for one in commitments if one.counts_at(as_of))


def sellable(available: int, taken: int, buffer: int) -> int:
    """What may be offered: never below zero, and never more than there is."""
    return max(0, available - max(0, taken) - buffer)


def shares(units: int, listings: int) -> Sequence[int]:
    """The units of one item over the SKUs under which it is listed: each has its own part, for what is shown twice may be sold twice."""
    each, rest = divmod(units, listings)
    return [each + (place < rest) for place in range(listings)]


@dataclass(frozen=True, slots=True)
class Gap:
    """Units that a channel has taken off and that no order we know explains. Those of long ago stay `known`."""

    known: int
    since: datetime | None


def unseen(unexplained: int, gap: Gap, moment: datetime, visible_within: timedelta) -> tuple[int, Gap]:
    """Units on orders that the channel has and does not list yet, and the gap to remember.

    An order is listed within `visible_within`; a gap that has been there for longer is of orders that will never be.
    """
    if unexplained <= gap.known:
        return 0, Gap(unexplained, None)
    since = gap.since or moment
    if moment - since > visible_within:
        return 0, Gap(unexplained, None)
    return unexplained - gap.known, Gap(gap.known, since)
