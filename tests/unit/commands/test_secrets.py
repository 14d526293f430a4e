"""`integration secrets` keeps values and never shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands.exits import Exit
from connectors.configured import load_settings
from tests.unit.commands.conftest import Call

ROOT = Path(__file__).parents[3]


def test_set_list_unset(configured: Path, call: Call) -> None:
    shown = [call("secrets", "set", "tims-id", input="hunter2\n"), call("secrets", "set", "other", input="hunter3")]
    assert load_settings(configured / "integration.toml").connections["books"].credentials["client_id"].reveal() == "hunter2"
    listed = call("secrets", "list", "--json")
    assert json.loads(listed.stdout) == [{"name": "other", "used_by": []}, {"name": "tims-id", "used_by": ["books.client_id"]}]
    shown += [listed, call("secrets", "list"), call("secrets", "unset", "tims-id")]
    assert shown[-1].stdout == "tims-id is unset. Still referred to by books.client_id.\n"
    assert [entry["name"] for entry in json.loads(call("secrets", "list", "--json").stdout)] == ["other"]
    assert all(result.exit_code == 0 for result in shown)
    assert not any("hunter" in result.output for result in shown)


def test_a_terminal_is_asked_twice_without_echo(configured: Path) -> None:
    command = [sys.executable, "-m", "commands", "secrets", "set", "tims-id"]
    in_a_terminal = [sys.executable, "-c", f"import pty, sys; sys.exit(pty.spawn({command!r}) >> 8)"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(in_a_terminal, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=configured, env=env, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = b""
        for prompt in (b"tims-id: ", b"Repeat for confirmation: "):
            while not shown.endswith(prompt):
                got = process.stdout.read(1)
                assert got, shown
                shown += got
            process.stdin.write(b"hunter2\n")
        shown += process.stdout.read()
        process.stdin.close()
    assert process.returncode == 0, shown
    assert b"hunter2" not in shown
    assert load_settings(configured / "integration.toml").connections["books"].credentials["client_id"].reveal() == "hunter2"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["set", "a b"], "use letters, digits, dot, hyphen and underscore"),
        (["set", "empty"], "no value came for empty; type one, or pipe it in"),
        (["set", "two-lines"], "has several lines or control characters; give one line."),
        (["unset", "none"], "no secret `none` is set; none is known here."),
    ],
)
def test_refusals(configured: Path, call: Call, arguments: list[str], sentence: str) -> None:
    assert configured.is_dir()
    result = call("secrets", *arguments, input="a\nb\n" if "two-lines" in arguments else " \n")
    assert result.exit_code == Exit.MISCONFIGURED
    assert sentence in result.stderr


def test_a_wrong_master_key_is_one_sentence(configured: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    call("secrets", "set", "tims-id", input="hunter2")
    monkeypatch.setenv("INTEGRATION_KEY", "A" * 43 + "=")
    result = call("secrets", "list")
    assert result.exit_code == Exit.MISCONFIGURED
    assert "the secrets file does not open with this master key" in result.stderr
    assert configured.is_dir()
