"""The peers book the same sales orders as we do, and the judge of what they leave behind counts right; nothing of theirs is installed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.bars import Bar, bars
from benchmarks.peers.compare import Kept
from benchmarks.peers.contenders import Standing
from benchmarks.peers.judge import Verdict, judge
from benchmarks.peers.measure import WARM_UP, killed, speed
from benchmarks.peers.sales_order import sales_order
from benchmarks.systems import simulated

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "channeladvisor-tims").glob("*.json"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_peers_book_the_golden_sales_orders(path: Path) -> None:
    triple = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    sold = sales_order(triple["raw"])
    found_in_the_erp = {"CustomerID", "OrderStatus"}
    assert sold.order == {name: value for name, value in triple["target"].items() if name not in found_in_the_erp}
    assert sold.customer == triple["customer"]
    assert str(sold.key) == triple["target"]["ExternalOrderID"]
    assert sold.email == (triple["customer"]["Email"] or "").lower()


@pytest.mark.parametrize(
    ("booked", "expected"),
    [
        (["1", "2", "3"], Verdict(missing=0, double=0)),
        ([], Verdict(missing=3, double=0)),
        (["1", "1", "3"], Verdict(missing=1, double=1)),
        (["1", "1", "1", "2", "2", "3"], Verdict(missing=0, double=2)),
        (["1", "2", "3", "9", "9"], Verdict(missing=0, double=0)),
    ],
)
def test_the_judge_counts_orders_that_are_missing_and_double(booked: list[str], expected: Verdict) -> None:
    assert judge(["1", "2", "3"], booked) == expected


def test_a_run_that_was_ended_goes_on_and_a_finished_one_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "peers.partial.json"
    first = Kept(file)
    first.once("speed", "a", 0, lambda: {"cpu": 1})
    second = Kept(file)
    second.once("speed", "a", 0, lambda: pytest.fail("it was measured already"))
    second.once("speed", "a", 1, lambda: {"cpu": 2})
    assert second.done() == {"speed": {"a": [{"cpu": 1}, {"cpu": 2}]}}
    assert not file.exists()


def test_each_panel_has_a_bar_for_each_name_as_long_as_its_value() -> None:
    picture = bars({"Doubles": [Bar("one", 10), Bar("<two>", 5), Bar("none", None)]}, "one")
    assert 'width="230.0"' in picture
    assert 'width="115.0"' in picture
    assert "&lt;two&gt;" in picture
    assert picture.count("<rect") == 4


def test_the_bare_loop_is_measured_and_killed(tmp_path: Path) -> None:
    with simulated(tmp_path, unlimited=True) as systems:
        found = speed(Standing, tmp_path, systems, 20, 0, memory=True)
        assert found["cpu"] > 0
        assert found["elapsed"] > 0
        assert found["memory"] > 10
        assert systems.told() == WARM_UP + 20
        forgets = killed(Standing, tmp_path, systems, 20, only_unexported=False)
        assert forgets["missing"] == 0
        assert forgets["double"] >= 10, "it begins again at the first order"
        reads_the_mark = killed(Standing, tmp_path, systems, 20, only_unexported=True)
        assert reads_the_mark["missing"] == 0
        assert reads_the_mark["double"] <= 1, "only the order under way was not marked yet"
