"""Tables are aligned and whole, JSON is exact, times read as a person says them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from commands.output import Column, ago, lasting, print_json, print_table

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0999, "99 ms"),
        (1, "1 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (3 * 3600 + 20 * 60 + 5, "3 h 20 min"),
        (86400, "1 day"),
        (4 * 86400 + 2 * 3600, "4 days 2 h"),
    ],
)
def test_how_long(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "just now"), (125, "2 min ago"), (7200, "2 h ago"), (-0.5, "just now"), (-130, "in 2 min"), (2 * 86400, "2 days ago")],
)
def test_how_long_ago(seconds: float, text: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_a_table_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [
        {"name": "a", "count": 5, "ok": True},
        {"name": "b" * 300, "count": 1000, "ok": False},
        {"name": "[bold]\x1b[2J", "count": None},
    ]
    print_table(rows, [Column("name", "Name"), Column("count", "Count", right=True), Column("ok", "")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert "b" * 300 in lines[3]
    assert lines[2].rstrip().endswith("5   ✓")
    assert lines[3].rstrip().endswith("1000   ✗")
    assert "[bold]�[2J" in lines[4]


def test_no_rows_are_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([], [Column("name", "Name")], empty="No secret is set.")
    assert capsys.readouterr().out == "No secret is set.\n"


def test_json_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"price": Decimal("10.10"), "at": NOW, "file": Path("a/b"), "name": "ü"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"price": "10.10", "at": "2026-03-02T14:00:00.000Z", "file": "a/b", "name": "ü"}
    with pytest.raises(TypeError):
        print_json({1, 2})
