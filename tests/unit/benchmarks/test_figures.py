"""The arithmetic that measurements are judged by, on numbers that a person can add up."""

from __future__ import annotations

import pytest

from benchmarks.figures import least_seconds, percentile, spread
from benchmarks.orders import amount, orders
from integration.ports import Limits

TIMS = Limits(requests=600, per_seconds=60, concurrent=8)


@pytest.mark.parametrize(
    ("requests", "limits", "latency", "seconds"),
    [
        (0, TIMS, 0.1, 0.0),
        (8, TIMS, 0.1, 0.1),  # all at once
        (9, TIMS, 0.1, 0.2),  # the ninth waits for the first answer
        (600, TIMS, 0.1, 7.5),  # 75 rounds of eight, within the first window
        (601, TIMS, 0.1, 60.1),  # one more than a window takes
        (1000, TIMS, 0.1, 65.0),  # 400 more from the sixtieth second on, in 50 rounds
        (3, Limits(requests=1, per_seconds=2, concurrent=8), 5.0, 9.0),  # slower answers than the window, yet side by side
        (3, Limits(requests=1, per_seconds=2, concurrent=1), 5.0, 15.0),
    ],
)
def test_the_least_time_keeps_rate_and_concurrency(requests: int, limits: Limits, latency: float, seconds: float) -> None:
    assert least_seconds(requests, limits, latency) == pytest.approx(seconds)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0


def test_a_spread_is_the_median_between_the_extremes() -> None:
    assert spread([3.0, 1.0, 2.5]) == "2.50 (1.00–3.00)"


@pytest.mark.parametrize(("part", "buyers"), [(1.0, 200), (0.1, 20 + 50), (0.0, 50)])
def test_so_many_orders_have_a_buyer_of_their_own(part: float, buyers: int) -> None:
    placed = orders(1000, 200, part, known=50)
    found = {order["CustomerInfo"]["Email"] for order in placed}
    assert sum(email.startswith("new.") for email in found) == round(200 * part)
    assert len(found) <= buyers
    assert len({order["OrderID"] for order in placed}) == 200


def test_an_orders_sum_is_that_of_its_lines() -> None:
    for order in orders(0, 10):
        assert str(sum(amount(line) for line in order["Items"])) == order["TotalAmount"]
