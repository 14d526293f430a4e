"""Messages go out through Apprise to a real server; one that fails or hangs holds up nothing, and no address is ever repeated."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands.cli import cli
from connectors import messenger
from integration.alerts import SENT
from integration.ledger import alerts as kept
from integration.ledger.alerts import Trouble
from integration.settings.model import Secret
from tests.fixtures.line import configure, open_line
from tests.fixtures.simulators import ChannelAdvisor, Simulators, Tims

TOKEN = "very-secret-token"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.hang = threading.Event()
        self.hang.set()
        self.got: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_port}/{TOKEN}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.hang.wait(30)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,))
        thread.start()
        yield made
        made.hang.set()
        made.shutdown()
        thread.join()


def test_a_message_arrives(server: Server) -> None:
    outcomes = messenger.send([Secret("env:HOOK", server.address)], "Integration: 1 alert", "tims: it does not answer.", good=False)
    assert outcomes == {"env:HOOK": SENT}
    [got] = server.got
    assert (got["title"], got["message"], got["type"]) == ("Integration: 1 alert", "tims: it does not answer.", "warning")


def test_what_fails_is_said_without_the_address(
    server: Server, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    server.status = 403
    addresses = [
        Secret("env:HOOK", server.address),
        Secret("env:NOBODY", f"json://127.0.0.1:1/{TOKEN}"),
        Secret("env:NONSENSE", f"no-such-scheme://{TOKEN}"),
    ]
    outcomes = messenger.send(addresses, "title", "body", good=True)
    assert outcomes == {
        "env:HOOK": "it was refused, or could not be reached",
        "env:NOBODY": "it was refused, or could not be reached",
        "env:NONSENSE": "this is no address that Apprise knows",
    }
    assert TOKEN not in "".join([*capfd.readouterr(), caplog.text, str(outcomes)])


def test_one_that_hangs_holds_up_nobody(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messenger, "SECONDS", 0.5)
    server.hang.clear()
    began = time.monotonic()
    assert messenger.send([Secret("env:HOOK", server.address)], "title", "body", good=True) == {"env:HOOK": "no answer within 0 s"}
    assert time.monotonic() - began < 10


@pytest.fixture
def call(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str) -> Callable[..., Any]:
    monkeypatch.setenv("HOOK", server.address)
    nowhere = Simulators(ChannelAdvisor("http://127.0.0.1:1"), Tims("http://127.0.0.1:1"))
    configure(monkeypatch, tmp_path, nowhere, sqlite_url, more='[alerts]\nurls = ["env:HOOK"]\n')
    return lambda *words: CliRunner().invoke(cli, ["alerts", *words], prog_name="integration")


def test_the_addresses_can_be_tried(call: Callable[..., Any], server: Server) -> None:
    tried = call("test")
    assert tried.exit_code == 0
    assert "env:HOOK" in tried.stdout
    assert [one["title"] for one in server.got] == ["Integration: a test"]
    server.status = 500
    failed = call("test", "--json")
    assert failed.exit_code == 1
    assert json.loads(failed.stdout) == [{"address": "env:HOOK", "sent": False, "outcome": "it was refused, or could not be reached"}]
    assert TOKEN not in failed.output


def test_open_alerts_are_listed_and_over_ones_on_demand(call: Callable[..., Any]) -> None:
    assert call().stdout == "No alert is open.\n"
    with open_line() as house:
        trouble = Trouble("outage", "tims", "tims: it does not answer", "Ask whoever runs it.", kept.clock.now())
        kept.keep(house.engine, [trouble], 0.0)
        listed = call()
        kept.keep(house.engine, [], 0.0)
        kept.keep(house.engine, [], 0.0)
    assert listed.exit_code == 3
    assert "tims: it does not answer" in listed.stdout
    assert "Ask whoever runs it." in listed.stdout
    assert call().exit_code == 0
    [over] = json.loads(call("--all", "--json").stdout)
    assert (over["subject"], over["state"]) == ("tims", "closed")


def test_without_addresses_the_test_says_how_to_set_them(call: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "integration.toml"
    file.write_text(file.read_text().replace('urls = ["env:HOOK"]', ""))
    refused = call("test")
    assert refused.exit_code == 2
    assert "no address is configured; set `urls` under [alerts]" in refused.stderr
