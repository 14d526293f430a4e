"""What every test may ask for: real servers on free ports, and an environment that holds nothing of the caller's."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ["tests.fixtures.databases", "tests.fixtures.simulators", "tests.fixtures.valkey"]

OURS = ("DATABASE_URL", "REDIS_URL", "INTEGRATION_", "CELERY_", "FLOWER_")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of the caller's shell must not decide what a test sees; proxies are not for loopback."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that sets up logs does so for itself alone."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
