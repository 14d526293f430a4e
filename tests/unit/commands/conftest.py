"""A folder with a configuration, and the command line called inside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.cli import cli

CONFIG = """\
[connections.web]
system = "channeladvisor"
url = "http://127.0.0.1:9"
[connections.web.credentials]
application_id = "env:CA_APPLICATION_ID"
shared_secret = "env:CA_SHARED_SECRET"
refresh_token = "env:CA_REFRESH_TOKEN"

[connections.books]
system = "tims"
url = "http://127.0.0.1:9"
[connections.books.credentials]
client_id = "secret:tims-id"
client_secret = "env:TIMS_CLIENT_SECRET"

[flows.orders]
entity = "order"
source = "web"
target = "books"
"""
VARIABLES = ("CA_APPLICATION_ID", "CA_SHARED_SECRET", "CA_REFRESH_TOKEN", "TIMS_CLIENT_ID", "TIMS_CLIENT_SECRET")

ROOT = Path(__file__).parents[3]
REGISTRIES = (
    "connectors/registry.py",
    "connectors/simulation/registry.py",
    "pyproject.toml",
    "tests/integration/connectors/test_contract.py",
)

Call = Callable[..., Result]


def a_checkout(root: Path) -> Path:
    """A checkout with the registries in it, and nothing else: what begins a system writes there."""
    for file in REGISTRIES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    (root / "mappings").mkdir()
    return root


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it; every credential's variable is set."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.setenv(name, f"value-of-{name.lower()}")
    monkeypatch.setenv("FLOWER_PASSWORD", "flower-password")
    return tmp_path


@pytest.fixture
def configured(folder: Path) -> Path:
    (folder / "integration.toml").write_text(CONFIG, encoding="utf-8")
    return folder


@pytest.fixture
def call(folder: Path) -> Call:
    """`call("secrets", "set", "name", input="value")`; a traceback fails the test."""
    assert folder.is_dir()

    def run(*arguments: str, **more: str) -> Result:
        result = CliRunner().invoke(cli, list(arguments), prog_name="integration", input=more.get("input"))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    return run
