"""The options of `integration demo`, before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.cli import cli


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config", "x.toml", "demo"], "the demo brings its own configuration; leave --config out."),
        (["demo", "--orders", "0"], "Invalid value for '--orders'"),
        (["demo", "--rate", "0"], "Invalid value for '--rate'"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not list(tmp_path.iterdir())
