"""Small doors that are closed, each with its test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from commands.output import as_json_text
from connectors import registry
from connectors.registry import SYSTEMS
from integration.errors import Misconfigured
from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade
from integration.settings.model import Connection, Secret
from tests.fixtures.connections import CountingBudget
from tests.fixtures.line import configure
from tests.fixtures.simulators import ROOT, ChannelAdvisor, Simulators, Tims

PAGE = ROOT / "docs" / "security.md"


def test_the_ledger_of_sqlite_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        engine = open_engine(f"sqlite:///{tmp_path / 'home' / 'ledger.db'}")
        upgrade(engine)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home").iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert set(modes) >= {"ledger.db", "ledger.db-wal"}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


def test_json_of_a_command_does_not_steer_the_terminal() -> None:
    said = {"a\x9b2J": "x\x1b[2J\x7f\u202ex\u2066é"}
    text = as_json_text(said)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "é" in text
    assert json.loads(text) == said


@pytest.mark.parametrize("value", ["key\r\nX-Evil: 1", "schlüssel", "key\x00"])
def test_a_credential_that_would_break_out_of_its_header_is_refused_without_repeating_it(value: str) -> None:
    system = next(name for name, one in SYSTEMS.items() if "api_key" in one.credentials)
    credentials = {name: Secret(f"env:{name.upper()}", value if name == "api_key" else "words") for name in SYSTEMS[system].credentials}
    with pytest.raises(Misconfigured, match=r"credentials\.api_key") as caught:
        registry.connect(Connection("shop", system, "https://shop.example", credentials), CountingBudget())
    assert value not in str(caught.value)


def test_flower_listens_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, f"sqlite:///{tmp_path / 'x.db'}", "redis://127.0.0.1:1/0")
    told = subprocess.run(
        [sys.executable, "-c", "import flowerconfig; print(flowerconfig.address, flowerconfig.persistent, len(flowerconfig.basic_auth))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["127.0.0.1", "False", "1"]


def test_the_page_on_security_names_tests_that_exist() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 30
    assert set(named) <= written, sorted(set(named) - written)
