"""`integration demo` as a person runs it: a process of its own in an empty folder, with nothing configured."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.fixtures.families import alive, family
from tests.fixtures.processes import running, wait_for
from tests.fixtures.simulators import ROOT

# Longer than a demo in which nothing moves goes on, so that it says itself what it waits for.
SECONDS = 180.0

pytestmark = pytest.mark.timeout(SECONDS + 60)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "commands", "demo", *arguments]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty. What is configured in the environment is not the demo's, and would fail it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("INTEGRATION_CONFIG", "/nowhere/integration.toml")
    return tmp_path


def wait_for_configuration(folder: Path) -> dict[str, Any]:
    """What the demo has written for itself, as soon as it is there and the simulated systems answer."""
    file = folder / ".integration-demo" / "integration.toml"
    configuration = tomllib.loads(wait_for(lambda: file.exists() and file.read_text()))

    def answers() -> bool:
        try:
            return all(requests.get(f"{one['url']}/_sim/stats", timeout=5).ok for one in configuration["connections"].values())
        except requests.ConnectionError:
            return False

    wait_for(answers)
    return configuration


def test_a_demo_ends_well_by_itself_and_leaves_nothing(folder: Path) -> None:
    ended = subprocess.run(command("--orders", "24"), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "24 placed, 22 booked, 0 waiting, 1 on hold, 1 dead-lettered, 0 left out, " in ended.stdout
    assert "All 22 good orders are booked once" in ended.stdout
    assert "none was refused by a limit" in ended.stdout
    assert ended.stderr == ""
    assert not list(folder.iterdir())


def test_the_second_pair_ends_well_with_what_is_particular_to_it(folder: Path) -> None:
    """Of these twenty one is by a buyer on credit hold, one of an unknown item, one waits for stock, and one has a street of two lines."""
    arguments = ("--pair", "clarity-sage100", "--orders", "20", "--rate", "4", "--seed", "6")
    ended = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Clarity eCommerce → Sage 100: 20 orders, 4 a second" in ended.stdout
    assert "20 placed, 18 booked, 0 waiting, 2 on hold, 0 dead-lettered, 0 left out, " in ended.stdout
    assert "shipments are in the shop with their tracking numbers, and it shows the right stock." in ended.stdout
    assert "none was refused by a limit" in ended.stdout
    assert ended.stderr == ""
    assert not list(folder.iterdir())


def test_an_order_that_is_not_booked_fails_the_demo_and_is_told(folder: Path) -> None:
    with running(command("--orders", "5"), folder / "output") as demo:
        tims = wait_for_configuration(folder)["connections"]["tims"]["url"]
        fault = {"refuse": {"times": 1, "operations": ["createSalesOrder"]}}
        assert requests.post(f"{tims}/_sim/faults", json=fault, timeout=5).ok
        assert demo.wait(SECONDS) == 1
    said = (folder / "output").read_text()
    assert re.search(r"^order 50\d+ is not booked$", said, re.MULTILINE), said
    assert re.search(r"^order 50\d+ is a dead letter: ", said, re.MULTILINE), said
    assert "2 things are not as it must be; the ledger and the logs are kept in .integration-demo." in said
    assert (folder / ".integration-demo" / "ledger.db").exists()


def test_ctrl_c_stops_everything_and_leaves_nothing(folder: Path) -> None:
    with running(command(), folder / "output", stop=signal.SIGINT) as demo:
        flower = f"http://127.0.0.1:{wait_for_configuration(folder)['flower']['port']}"
        wait_for(lambda: re.search(r"[1-9]\d* booked", (folder / "output").read_text()))
        assert wait_for(lambda: requests.get(f"{flower}/broker", timeout=10)).status_code == 200
        everybody = family(demo.pid)
        assert len(everybody) > 10
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    assert not alive(everybody)
    assert [entry.name for entry in folder.iterdir()] == ["output"]
