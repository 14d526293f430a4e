"""The line at work between the simulators in this process, and the command line called beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.cli import cli
from integration.line.journey import House
from tests.fixtures.line import configure, open_line
from tests.fixtures.simulators import Simulators

Call = Callable[..., Result]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[House]:
    """Configured for both simulators; on each database in turn."""
    configure(monkeypatch, tmp_path, simulators, database_url)
    with open_line() as made:
        yield made


@pytest.fixture
def call() -> Call:
    """`call("trace", "5000000001")`; an unexpected exception fails the test."""

    def run(*arguments: str, exit_code: int = 0, **more: Any) -> Result:
        result = CliRunner().invoke(cli, list(arguments), prog_name="integration", **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "unexpected" not in result.stderr, result.stderr
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def ask(call: Call) -> Callable[..., Any]:
    """The same with --json, read."""
    return lambda *arguments, exit_code=0: json.loads(call(*arguments, "--json", exit_code=exit_code).stdout)
