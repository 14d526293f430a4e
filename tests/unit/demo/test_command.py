"""The options of `integration demo`, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.cli import cli
from commands.demo.pairs import chosen


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "x.toml", "demo"], "the demo brings its own configuration; leave --config out."),
        (["demo", "--orders", "0"], "Invalid value for '--orders'"),
        (["demo", "--rate", "0"], "Invalid value for '--rate'"),
        (["demo", "--pair", "clarity-sage"], "there is no pair 'clarity-sage'; did you mean `clarity-sage100`?"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_pair_of_a_system_that_the_demo_has_no_side_of_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("commands.pairs.systems", lambda _: ("bigcart", "tims"))
    result = CliRunner().invoke(cli, ["demo", "--pair", "bigcart-tims"])
    assert result.exit_code == 2
    assert "the demo cannot show bigcart yet; commands/demo/pairs.py names what it can." in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("pair", "ends", "rate"), [("channeladvisor-tims", True, 4.0), ("clarity-sage100", False, 0.25), ("clarity-tims", True, 0.5)]
)
def test_orders_come_at_a_rate_that_both_sides_have_room_for(pair: str, ends: bool, rate: float) -> None:
    assert chosen(pair).rate(ends=ends) == rate
