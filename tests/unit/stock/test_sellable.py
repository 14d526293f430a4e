"""The guard's arithmetic, whatever the numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from integration.ledger.commitments import Commitment
from integration.sellable import Gap, promised, sellable, shares, unseen

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTES = st.integers(-60, 60).map(lambda minutes: NOON + timedelta(minutes=minutes))
COMMITMENT = st.builds(
    Commitment,
    order_key=st.text("123", min_size=1, max_size=3),
    sku=st.just("LAMP-001"),
    units=st.integers(0, 20),
    pending=st.integers(0, 20),
    accounted_at=st.none() | MINUTES,
    over_at=st.none() | MINUTES,
)
VISIBLE_WITHIN = timedelta(minutes=16)


@given(st.integers(-100, 1000), st.integers(0, 1000), st.integers(0, 100))
def test_never_below_zero_and_never_more_than_there_is(available: int, taken: int, buffer: int) -> None:
    units = sellable(available, taken, buffer)
    assert units >= 0
    assert units == 0 or units + taken + buffer == available


@given(st.lists(COMMITMENT), MINUTES, MINUTES)
def test_a_newer_reading_never_counts_more_of_the_same_orders(commitments: list[Commitment], one: datetime, other: datetime) -> None:
    older, newer = sorted((one, other))
    assert promised(commitments, newer) <= promised(commitments, older)


@given(COMMITMENT, MINUTES)
def test_what_was_learned_after_the_reading_does_not_count_for_it(commitment: Commitment, as_of: datetime) -> None:
    known = [since for since in (commitment.accounted_at, commitment.over_at) if since is not None]
    assert commitment.counts_at(as_of) == all(since > as_of for since in known)


@given(st.integers(0, 10_000), st.integers(1, 20))
def test_the_parts_of_an_item_are_the_whole(units: int, listings: int) -> None:
    parts = shares(units, listings)
    assert sum(parts) == units
    assert max(parts) - min(parts) <= 1


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_gap_that_is_new_is_held_back_until_its_order_would_have_been_listed(unexplained: int, known: int) -> None:
    units, gap = unseen(unexplained, Gap(known, None), NOON, VISIBLE_WITHIN)
    assert units == max(0, unexplained - known)
    later, settled = unseen(unexplained, gap, NOON + VISIBLE_WITHIN + timedelta(seconds=1), VISIBLE_WITHIN)
    assert later == 0
    assert settled == Gap(unexplained, None)
