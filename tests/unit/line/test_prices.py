"""The price rules: what a product costs at any moment, and when that turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import clock
from integration.line.prices import PRICE_RULES, list_price, promotion

START = datetime(2026, 3, 10, 6, tzinfo=UTC)
END = datetime(2026, 3, 18, 5, tzinfo=UTC)
USUAL, LESS = Decimal("29.99"), Decimal("22.95")

moments = st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside it
bounds = st.none() | moments


def product(begin: datetime | None, end: datetime | None) -> dict[str, Any]:
    window = {"price": LESS, "starts_at": begin and clock.text(begin), "ends_at": end and clock.text(end)}
    return {"list_price": USUAL, "promotion": window}


@pytest.mark.parametrize(
    ("at", "price", "until", "turns"),
    [
        (START - timedelta(milliseconds=1), USUAL, START, 0),
        (START, LESS, END, 1),
        (END - timedelta(milliseconds=1), LESS, END, 1),
        (END, USUAL, None, 2),
    ],
)
def test_the_first_instant_counts_and_the_last_does_not(at: datetime, price: Decimal, until: datetime | None, turns: int) -> None:
    asked = promotion(product(START, END), at)
    assert (asked.price, asked.until, asked.turns) == (price, until, turns)


def test_a_window_that_ends_before_it_begins_is_none() -> None:
    assert promotion(product(END, START), START + timedelta(days=1)).price == USUAL


def test_without_a_promotion_the_list_price_is_asked_for_good() -> None:
    assert [PRICE_RULES[rule]({"list_price": USUAL}, START) for rule in PRICE_RULES] == [list_price({"list_price": USUAL}, START)] * 2
    assert list_price(product(START, END), START).price == USUAL


@given(bounds, bounds, moments)
def test_a_price_holds_until_it_says_and_turns_only_grow(begin: datetime | None, end: datetime | None, at: datetime) -> None:
    one = product(begin, end)
    now = promotion(one, at)
    if now.until is None:
        assert promotion(one, at + timedelta(days=365)).price == now.price
    else:
        assert now.until > at
        before, after = (promotion(one, now.until + step) for step in (-timedelta(milliseconds=1), timedelta(0)))
        assert (before.price, before.turns) == (now.price, now.turns) or now.until - at <= timedelta(milliseconds=1)
        assert after.turns > now.turns
