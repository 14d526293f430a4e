"""How the records of a batch that has lost a worker are handled, and how seldom those that wait for another worker are looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from integration.ledger.records import EXTRACTED, Record
from integration.line.load import look_again
from integration.line.stage import COMPANY, few_at_a_time

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def record(number: int, kills: int = 0) -> Record:
    return Record(number, 1, "orders", str(number), "1", None, EXTRACTED, None, None, None, 0, kills, None, False, NOON)


@given(st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2]), max_size=60))
def test_all_in_their_order_and_alone_whoever_was_in_hand_when_a_worker_died(kills: list[int]) -> None:
    wanted = [record(number, count) for number, count in enumerate(kills)]
    companies = list(few_at_a_time(wanted))
    assert [one for some in companies for one in some] == wanted
    assert all(0 < len(some) <= COMPANY for some in companies)
    assert all(len(some) == 1 for some in companies if any(one.kills for one in some))


def test_no_more_handfuls_than_it_takes() -> None:
    assert [len(some) for some in few_at_a_time([record(number) for number in range(25)])] == [COMPANY, COMPANY, 5]
    suspect = [record(number, kills=number == 4) for number in range(12)]
    assert [len(some) for some in few_at_a_time(suspect)] == [4, 1, 7]


@pytest.mark.parametrize(("waited", "seconds"), [(0, 1), (4, 1), (12, 3), (40, 10), (3600, 10)])
def test_the_longer_it_has_waited_the_more_seldom_it_is_looked_at(waited: float, seconds: float) -> None:
    with freeze_time(NOON + timedelta(seconds=waited)):
        assert look_again(record(1)) == seconds
