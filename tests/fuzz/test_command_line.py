"""Any words on the command line: help, a result, or a sentence with an exit code; never a traceback, and nothing unexpected."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from commands.cli import COMMANDS, cli
from commands.exits import Exit
from commands.scaffold import checkout
from integration.ledger import rotation
from tests.fixtures.fuzz import ODD_TEXTS, fuzz
from tests.unit.commands.conftest import CONFIG, VARIABLES, a_checkout

SERVERS = {"up", "demo", "gateway", "metrics"}
"""They run until they are stopped."""


def _ways(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Each command as it is called, with its options."""
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                if not path and name in SERVERS:
                    continue
                found = command.get_command(context, name)
                assert found is not None
                yield from _ways(found, (*path, name))
    else:
        yield path, [option for one in command.params for option in one.opts if option.startswith("-")]


WAYS = list(_ways(cli, ()))
WORDS = st.one_of(
    st.text(
        st.characters(exclude_characters="\x00", exclude_categories=()), max_size=12
    ),  # also half a surrogate pair, as a wrong byte is read
    ODD_TEXTS.filter(lambda text: "\x00" not in text),
    st.sampled_from(
        [
            "web",
            "books",
            "orders",
            "order",
            "tims",
            "tims/order",
            "1",
            "-1",
            "0",
            "99999999999999999999999",
            "7d",
            "2026-03-02",
            "99999d",
            "now",
            "--",
            "-",
            "=",
            "--help",
            "--json",
            "lines[0].sku=x",
            "a@b.example",
            "../x",
            "/etc/passwd",
            "https://x.example/hooks/web",
            "dead",
            "batch",
        ]
    ),
)


@st.composite
def calls(draw: st.DrawFn) -> list[str]:
    path, options = draw(st.sampled_from(WAYS))
    words = draw(st.lists(WORDS | (st.sampled_from(options) if options else st.nothing()), max_size=5))
    return [*path, *words]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("command-line")
    (made / "integration.toml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setattr(checkout, "ROOT", a_checkout(made / "checkout"))
        patch.setattr(rotation, "SETTLED_AFTER", timedelta(0))  # or `keys rotate` waits a minute and a half
        for name in (*VARIABLES, "FLOWER_PASSWORD"):
            patch.setenv(name, f"value-of-{name.lower()}")
        assert CliRunner().invoke(cli, ["secrets", "set", "tims-id"], input="value\n").exit_code == 0
        yield made


@fuzz(35)
@given(words=calls(), typed=st.text(max_size=10))
@example(words=["trace", "\udcff"], typed="")
@example(words=["trace", "9" * 5000], typed="")
@example(words=["trace", "99999999999999999999999"], typed="")
@example(words=["dead-letters", "show", "99999999999999999999999"], typed="")
@example(words=["holds", "release", "99999999999999999999999"], typed="")
@example(words=["backfill", "orders", "--since", "99999d", "--until", "now"], typed="")
@example(words=["privacy", "export", "\udcff@b.example"], typed="")
@example(words=["mapping", "show", "../../etc/passwd"], typed="")
@example(words=["--config", "\udcff.toml", "check"], typed="")
@example(words=["secrets", "set", "\udcff"], typed="\udcff")
@example(words=["reconcile", "orders", "--since", "0001-01-01T00:00:00+14:00"], typed="")
@example(words=["init", "\x1b[2J"], typed="")
def test_any_words(folder: Path, words: list[str], typed: str):
    result = CliRunner().invoke(
        cli, words, input=typed.encode("utf-8", "surrogateescape" if "\udcff" in typed else "replace"), prog_name="integration"
    )
    called = shlex.join(word.encode("utf-8", "backslashreplace").decode() for word in words)
    assert result.exception is None or isinstance(result.exception, SystemExit), called
    assert result.exit_code in {int(code) for code in Exit}, called
    assert "Traceback" not in result.output, called
    assert "unexpected:" not in result.output, f"{called}\n{result.output}"
    assert "\x1b" not in result.output, called


def test_every_command_is_tried():
    assert {path[0] for path, _ in WAYS} == set(COMMANDS) - SERVERS
