"""The service as it runs for real, on each database in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.line import Service, configure
from tests.fixtures.simulators import Simulators


@pytest.fixture
def service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulators: Simulators, database_url: str, redis_url: str
) -> Iterator[Service]:
    configure(monkeypatch, tmp_path, simulators, database_url, redis_url)
    with Service(tmp_path) as service:
        yield service
