"""A configuration of two connections and one flow; nothing that it names is ever asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.line import configure, forget_tasks
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims


@pytest.fixture(autouse=True)
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str) -> None:
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, sqlite_url, redis_url="redis://127.0.0.1:1/0")
    forget_tasks(monkeypatch)
