"""What is installed: pinned with hashes, the packages of this project by name, and a command that exists."""

from __future__ import annotations

import importlib
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED = re.compile(r"^[a-z0-9._-]+==\S+", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Package to version."""
    return dict(line.split("==") for line in PINNED.findall((ROOT / "requirements" / f"{name}.txt").read_text()))


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_package_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    blocks = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
    assert len(blocks) == len(pins(name)) > 20
    assert all("--hash=sha256:" in block for block in blocks)


def test_checks_run_on_the_versions_that_run() -> None:
    assert pins("run").items() <= pins("dev").items()


def bare_python(monkeypatch: pytest.MonkeyPatch, folder: Path, *, root: bool) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """install.py on a Python that cannot make environments until apt-get has run; and what it runs."""
    install = runpy.run_path(str(ROOT / "requirements" / "install.py"))
    ran: list[tuple[str, ...]] = []
    names = install["make_environment"].__globals__
    monkeypatch.setitem(names, "VENV", folder / ".venv")
    monkeypatch.setitem(names, "PYTHON", folder / ".venv" / "bin" / "python")
    monkeypatch.setitem(names, "can_make_environments", lambda: False)
    monkeypatch.setitem(names, "run", lambda *command: ran.append(command))
    monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return install, ran


def test_a_python_without_venv_gets_it_from_debian_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install, ran = bare_python(monkeypatch, tmp_path, root=True)
    monkeypatch.setenv("DEBIAN_FRONTEND", "noninteractive")
    install["make_environment"]()
    assert ran[-1][:2] == ("apt-get", "install") and ran[-1][-1] == "python3-venv"
    assert (tmp_path / ".venv" / "bin" / "pip").exists()


def test_a_python_without_venv_is_one_sentence_where_it_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install, ran = bare_python(monkeypatch, tmp_path, root=False)
    with pytest.raises(SystemExit, match="run `apt-get install python3-venv` as root and try again"):
        install["make_environment"]()
    assert ran == []


def test_the_build_backend_comes_from_the_pins() -> None:
    assert set(PROJECT["build-system"]["requires"]) <= set(pins("run"))


def test_only_packages_by_name_are_installed() -> None:
    include = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.split(".")[0] for name in include} == {"commands", "connectors", "gateway", "integration", "mappings", "tasks"}


def test_the_console_script_exists() -> None:
    module, _, attribute = PROJECT["project"]["scripts"]["integration"].partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))


def test_an_older_python_is_refused_in_one_sentence() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 10, 1); sys.argv = ['install.py', 'run']; runpy.run_path(%r, run_name='__main__')"
    refused = subprocess.run(
        [sys.executable, "-c", pretend % str(ROOT / "requirements" / "install.py")], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 1
    assert re.fullmatch(
        r"Python 3\.11 or newer is needed and this is .*: name another one, such as make PYTHON=python3\.12\.\n", refused.stderr
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "integration demo"),
        (["ORDERS=200"], "integration demo --orders 200"),
        (["PAIR=clarity-sage100"], "integration demo --pair clarity-sage100"),
        (["PAIR=clarity-sage100", "ORDERS=200"], "integration demo --pair clarity-sage100 --orders 200"),
    ],
)
def test_make_demo_passes_pair_and_number_of_orders_on(given: list[str], expected: str) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "demo", *given]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert " ".join(printed.stdout.split()).endswith(expected)
