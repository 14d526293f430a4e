"""The frame: every failure is a sentence with an exit code, and help costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from commands import cli
from commands.exits import Exit
from commands.failure import Group
from commands.invocation import Invocation
from integration.errors import Conflict, FieldError, Invalid, Limited, Misconfigured, NoAnswer, Refused, SyncError, Transient, Unauthorized
from tests.unit.commands.conftest import Call

ROOT = Path(__file__).parents[3]


def failing(error: BaseException, *, debug: bool = False, home: Path | None = None) -> Result:
    @click.group(cls=Group)
    @click.pass_context
    def group(ctx: click.Context) -> None:
        ctx.obj = Invocation(debug=debug, home=home)

    @group.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(group, ["fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("mend it", "file:3"), Exit.MISCONFIGURED),
        (Unauthorized("no"), Exit.PERSON),
        (Invalid("no"), Exit.PERSON),
        (Refused("no"), Exit.PERSON),
        (Conflict("no"), Exit.PERSON),
        (Transient("no"), Exit.FAILED),
        (NoAnswer("no"), Exit.FAILED),
        (Limited("no", 1.0), Exit.FAILED),
        (SyncError("no"), Exit.FAILED),
        (KeyError("no"), Exit.FAILED),
        (KeyboardInterrupt(), Exit.STOPPED),
    ],
)
def test_the_exit_code_says_what_is_asked_for(error: BaseException, code: Exit) -> None:
    assert failing(error).exit_code == code


def test_a_failure_is_its_sentence_and_its_fields() -> None:
    result = failing(Invalid("the order does not pass", (FieldError("lines[0].sku", "is unknown"),)))
    assert result.stderr == "Error:\nthe order does not pass\n  lines[0].sku: is unknown\n"
    assert result.stdout == ""


def test_what_a_system_says_does_not_steer_the_terminal() -> None:
    assert "\x1b" not in failing(Refused("bad \x1b[2J [red]news[/red]")).stderr
    assert "[red]news[/red]" in failing(Refused("[red]news[/red]")).stderr


def test_an_unexpected_error_keeps_its_stack_but_not_its_text(tmp_path: Path) -> None:
    result = failing(KeyError("jane@buyer.example"), home=tmp_path)
    assert result.stderr.startswith("Error: unexpected: KeyError at test_cli.py:")
    (log,) = (tmp_path / "logs").iterdir()
    assert str(log) in result.stderr
    assert log.stat().st_mode & 0o077 == 0
    assert "raise error" in log.read_text(encoding="utf-8")
    assert "jane" not in log.read_text(encoding="utf-8") + result.output


def test_debug_shows_the_traceback() -> None:
    assert isinstance(failing(KeyError("x"), debug=True).exception, KeyError)


def test_every_command_is_listed_with_its_own_help() -> None:
    for name, row in cli.COMMANDS.items():
        command = cli.cli.get_command(click.Context(cli.cli), name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str(limit=200) == row.help


def test_help_names_commands_and_exit_codes(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in cli.COMMANDS)
    assert "3    a verdict failed" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chekc"], "Error: No such command 'chekc'. Did you mean 'check'?"),
        (["check", "--jsn"], "Error: No such option '--jsn'. Did you mean '--json'?"),
        (["secrets", "list"], "Error: integration.toml: there is no configuration here; run `integration init` to write one"),
        (["--config", "none.toml", "secrets", "list"], "Error: none.toml: there is no configuration here"),
    ],
)
def test_a_wrong_call_is_one_sentence(call: Call, arguments: list[str], sentence: str) -> None:
    result = call(*arguments)
    assert sentence in result.stderr
    assert result.exit_code == Exit.MISCONFIGURED


def test_help_loads_neither_connectors_nor_the_database() -> None:
    probe = "import sys, commands.cli; print([name for name in ('requests', 'sqlalchemy', 'marshmallow') if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["secrets", "list"], 2), (["check"], 3), (["nonsense"], 2), (["mapping", "show", "nonsense"], 2)],
)
def test_exit_codes_of_the_real_process(tmp_path: Path, arguments: list[str], code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "commands", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr


def test_colours_only_on_a_terminal_and_without_no_color(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "commands", "mapping", "show", "tims/order"]
    for more, coloured in ({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False):
        shown = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), **more}, capture_output=True, text=True, check=True)
        assert ("\x1b[35m" in shown.stdout) is coloured
