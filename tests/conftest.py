"""What every test may ask for: real servers on free ports, and an environment that holds nothing of the caller's."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import structlog

pytest_plugins = ["tests.fixtures.databases", "tests.fixtures.simulators", "tests.fixtures.valkey"]

# What is shown of each log beside a failure: the last lines mostly say why.
LOG_CHARACTERS = 4000
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the ends of the logs in the test's folder: what fails once on a busy machine must be read from that one time."""
    report = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if report.when == "call" and report.failed and isinstance(folder, Path):
        for log in sorted(folder.rglob("*.log")):
            report.sections.append((f"end of {log.relative_to(folder)}", log.read_text(errors="replace")[-LOG_CHARACTERS:]))
    return report
