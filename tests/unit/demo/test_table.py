"""The live table: what it says of a demo under way, on a wide and on a small terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from commands.demo import table
from commands.demo.channeladvisor import ChannelAdvisor
from commands.demo.following import Booked, Follower, Placed, PutAside
from commands.demo.orders import Orders, Placing
from commands.demo.pairs import Pair
from commands.demo.sale import Sale
from commands.demo.table import Signs
from commands.demo.tims import Tims
from integration.ledger import budgets
from integration.ledger.database import open_engine
from integration.ports import Limits
from integration.settings import Flow

SIGNS = Signs("200 orders at 10 a second", {"Flower": "http://127.0.0.1:5555"}, "demo/integration.toml")


def sale() -> Sale:
    some = next(iter(Orders(Pair(ChannelAdvisor(), Tims()), 1))).sale
    return replace(some, surplus=Decimal("1054.20") - some.total)


@pytest.fixture
def follower(tmp_path: Path) -> Follower:
    made = Follower(open_engine(f"sqlite:///{tmp_path}/ledger.db"), Flow("orders", "order", "ca", "tims"), {"tims": Limits(600, 60, 8)})
    placed = Placed("5000000123", datetime(2026, 3, 2, tzinfo=UTC), Placing(sale(), ()))
    made.placed, made.booked, made.dead, made.skipped, made.waiting = 1234, 1200, 3, 1, {"5000000123": placed}
    made.held, made.shipped = 2, 5
    made.lasted.extend([0.5] * 99 + [2.5])
    made.events.extend([Booked(placed, "SO-0000123", 1.23), PutAside(placed, "lines[0].sku: X is no item")])
    made.reasons["to be booked"] = 30
    made.warned, made.warning = 2, "API_BackOrdered: there may be too few"
    made.uses = {"tims": budgets.Use(600, 7, None)}
    return made


def shown(follower: Follower, width: int, notices: list[str]) -> str:
    screen = io.StringIO()
    Console(width=width, file=screen).print(table.render(follower, 75, SIGNS, notices))
    return screen.getvalue()


def test_a_wide_terminal_shows_everything(follower: Follower) -> None:
    text = shown(follower, 140, ["beat ended"])
    for words in (
        "200 orders at 10 a second, for 1 min 15 s",
        "1,234",
        "p95  0.50 s",
        "600 / 600",
        "orders wait for the limit of tims",
        "http://127.0.0.1:5555",
        "integration --config demo/integration.toml dead-letters list",
        "! beat ended",
        "to be booked",
        "SO-0000123",
        "$1,054.20",
        "1.2 s",
        "lines[0].sku: X is no item",
        "API_BackOrdered: there may be too few",
    ):
        assert words in text


def test_nothing_is_wider_than_a_small_terminal(follower: Follower) -> None:
    lines = shown(follower, 80, []).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "SO-0000123   ← 5000000123  $1,054.20  1.2 s" in "\n".join(lines)


def test_the_line_for_what_is_no_terminal(follower: Follower) -> None:
    assert table.line(follower) == (
        "1234 placed, 1200 booked, 1 waiting, 2 on hold, 3 dead-lettered, 1 left out, 5 shipments told; "
        "placed → booked p50 0.5 s, p95 0.5 s"
    )


def test_the_line_before_anything_is_booked(follower: Follower) -> None:
    follower.lasted.clear()
    assert table.line(follower) == "1234 placed, 1200 booked, 1 waiting, 2 on hold, 3 dead-lettered, 1 left out, 5 shipments told"
