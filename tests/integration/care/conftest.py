"""The whole loop between the simulators on each database in turn, and the command line beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands.cli import cli
from integration import clock
from integration.line.journey import House
from tests.fixtures.line import BACK_FLOWS, configure, open_line
from tests.fixtures.simulators import Simulators

Call = Callable[..., Result]
Ask = Callable[..., Any]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str) -> Iterator[House]:
    configure(monkeypatch, tmp_path, simulators, database_url, more=BACK_FLOWS)
    monkeypatch.chdir(tmp_path)
    with open_line() as made:
        yield made


@pytest.fixture
def call() -> Call:
    """`call("audit")`; an unexpected exception fails the test."""

    def run(*arguments: str, exit_code: int = 0, **more: Any) -> Result:
        result = CliRunner().invoke(cli, list(arguments), prog_name="integration", **more)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert "unexpected" not in result.stderr, result.stderr
        assert result.exit_code == exit_code, result.output
        return result

    return run


@pytest.fixture
def ask(call: Call) -> Ask:
    """The same with --json, read."""
    return lambda *arguments, exit_code=0: json.loads(call(*arguments, "--json", exit_code=exit_code).stdout)


@pytest.fixture
def days_pass(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """`days_pass(91)`: the house's clock is that much ahead from now on."""
    passed = timedelta(0)
    real = clock.now

    def now() -> datetime:
        return real() + passed

    def pass_(days: float) -> None:
        nonlocal passed
        passed += timedelta(days=days)
        monkeypatch.setattr(clock, "now", now)

    return pass_
