"""docs/add-a-system.md is followed to the letter, in a copy of the source: its commands, files and outputs, to an order booked in TIMS."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.ports import free_ports
from tests.fixtures.line import MASTER_KEY
from tests.fixtures.simulators import ROOT

PAGE = ROOT / "docs" / "add-a-system.md"
BLOCK = re.compile(r"^```(\w+)(?: (file|append)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PARTS = (
    "commands",
    "connectors",
    "gateway",
    "integration",
    "mappings",
    "tasks",
    "tests",
    "celeryconfig.py",
    "flowerconfig.py",
    "pyproject.toml",
)
SECONDS = 180
"""So long may the whole page take on a busy machine."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the source, with nothing of this one's own in it."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, copy / part)
    return copy


@pytest.fixture
def environment(tmp_path: Path, checkout: Path) -> dict[str, str]:
    """In which `integration`, `pytest` and `python` are those of the copy."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name, arguments in {"integration": "-m commands", "pytest": "-m pytest -p no:cacheprovider", "python": ""}.items():
        (binaries / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n')
        (binaries / name).chmod(0o755)
    paths = {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(checkout), "HOME": str(tmp_path)}
    return {**os.environ, **paths, "INTEGRATION_KEY": MASTER_KEY, "COLUMNS": "300"}


def steps(page: str) -> Iterator[str]:
    """The page as a shell does it."""
    for kind, how, place, text in BLOCK.findall(page):
        if how:
            yield f"cat {'>' if how == 'file' else '>>'} {place} <<'END OF FILE'\n{text}END OF FILE"
        elif kind == "diff":
            yield f"patch -p1 <<'END OF FILE'\n{text}END OF FILE"
        elif kind == "sh":
            yield text


def test_the_page_leads_to_an_order_that_is_booked(checkout: Path, environment: dict[str, str]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    shop, erp, flower, metrics = free_ports(4)
    mine = page.replace("8101", str(shop)).replace("8102", str(erp))
    ports = f"[flower]\nport = {flower}\n[metrics]\nport = {metrics}\n"
    mine = mine.replace("[flows.orders]\n", f"{ports}\n[flows.orders]\n")
    script = "\n".join(["set -euo pipefail", "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT", *steps(mine)])
    returncode, output = _run(script, checkout, environment)
    assert returncode == 0, f"{output[-6000:]}\n{_log(checkout)}"
    said = [" ".join(line.split()) for line in output.splitlines()]
    for kind, _, _, text in BLOCK.findall(page):
        for line in text.splitlines() if kind == "output" else ():
            assert any(" ".join(line.split()) in one for one in said), f"{line!r} was not printed:\n{output[-6000:]}"
    told = next(json.loads(line) for line in output.splitlines() if '"sellerNumber": "SO-' in line or '"sellerNumber":"SO-' in line)
    [order] = told["orders"]
    assert order["number"] == "CO-2001"
    assert order["sellerNumber"] == "SO-0000001"


def _run(script: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """What it printed, and how it ended; nothing of it goes on after that."""
    everything = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    with subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment, **everything) as shell:  # type: ignore[call-overload]
        try:
            output, _ = shell.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGTERM)
            output, _ = shell.communicate(timeout=30)
    return shell.returncode, output


def _log(checkout: Path) -> str:
    log = checkout / "up.log"
    return log.read_text()[-3000:] if log.exists() else "`integration up` was not reached"
