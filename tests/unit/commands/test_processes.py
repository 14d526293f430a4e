"""What runs in an installation, and how its starts and ends are told."""

from __future__ import annotations

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from commands import flower_password, processes
from commands.child import Child, ChildState
from commands.supervisor import Event
from connectors.configured import load_settings
from integration.errors import Misconfigured
from integration.liveness import PARTS
from integration.settings import Settings
from integration.settings.model import Gateway, Secret
from tests.unit.commands.conftest import Call

HOME = Path("/home")


class Supervisor:
    """Takes note of what it is to start."""

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}

    def start(self, child: Child) -> None:
        self.children[child.name] = child


@pytest.fixture
def settings(configured: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    text = (configured / "integration.toml").read_text().replace('"secret:tims-id"', '"env:TIMS_CLIENT_ID"')
    (configured / "integration.toml").write_text(text)
    return load_settings(configured / "integration.toml")


@pytest.fixture
def started(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Child]:
    monkeypatch.setattr(processes, "is_free", lambda _port: True)  # whatever runs on this machine
    supervisor = Supervisor()
    processes.start(supervisor, settings, {"MORE": "1"})  # type: ignore[arg-type]  # it only starts
    return supervisor.children


def test_with_a_redis_of_its_own_no_valkey_is_started(started: dict[str, Child]) -> None:
    assert list(started) == ["worker-load", "worker-line", "beat", "flower", "metrics"]


def test_all_work_with_the_same_configuration(started: dict[str, Child], settings: Settings) -> None:
    assert {child.env["INTEGRATION_CONFIG"] for child in started.values()} == {str(settings.path)}
    assert {child.env["MORE"] for child in started.values()} == {"1"}


def test_one_worker_loads_and_the_other_does_all_the_rest(started: dict[str, Child]) -> None:
    load, line = started["worker-load"].command, started["worker-line"].command
    assert load[load.index("--queues") + 1] == "web.load,books.load"
    assert line[line.index("--exclude-queues") + 1] == "web.load,books.load"


def test_every_part_of_the_house_is_watched_in_the_child_that_serves_it(started: dict[str, Child]) -> None:
    assert sorted(part for parts in processes.SERVES.values() for part in parts) == sorted(PARTS)
    assert set(processes.SERVES) <= set(started)


def test_the_gateway_runs_where_webhooks_can_come(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "is_free", lambda _port: True)
    subscribed = replace(settings.connections["web"], webhook_secrets=(Secret("secret:webhook-web", "whsec_"),))
    for wanted in (
        replace(settings, gateway=Gateway(url="https://sync.example")),
        replace(settings, connections={**settings.connections, "web": subscribed}),
    ):
        supervisor = Supervisor()
        processes.start(supervisor, wanted)  # type: ignore[arg-type]  # it only starts
        assert list(supervisor.children)[-1] == "gateway"
        assert supervisor.children["gateway"].command[-2:] == ["commands", "gateway"]


def test_a_port_that_is_taken_is_told_before_anything_starts(settings: Settings) -> None:
    supervisor = Supervisor()
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.metrics_port))
        other.listen()
        with pytest.raises(Misconfigured, match=rf"port {settings.metrics_port} is taken .* under \[metrics\]"):
            processes.start(supervisor, settings)  # type: ignore[arg-type]  # it only starts
    assert not supervisor.children


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (Event("started", ChildState("beat", 17)), "beat runs as process 17"),
        (Event("stopped", ChildState("beat", last_exit=0)), "beat is stopped"),
        (
            Event("exited", ChildState("beat", last_exit=-9), 0.5),
            "beat ended (signal 9) and is started again in 0.5 s; see /home/logs/beat.log",
        ),
        (
            Event("exited", ChildState("beat", last_exit=1), 8.0),
            "beat keeps ending (exit code 1) and is started again in 8 s; see /home/logs/beat.log",
        ),
    ],
)
def test_an_event_is_one_sentence(event: Event, sentence: str) -> None:
    assert processes.tell(event, HOME) == sentence


def test_up_without_a_flow_says_what_to_do(configured: Path, call: Call) -> None:
    (configured / "integration.toml").write_text("")
    result = call("up")
    assert result.exit_code == 2
    assert "no flow is configured, so there is nothing to run; add one, as `integration init` shows." in result.stderr
    assert not (configured / ".integration" / "supervisor.lock").exists()


def test_a_password_for_flower_is_made_once_for_its_owner_alone(settings: Settings) -> None:
    assert settings.flower_auth is None
    assert flower_password.ensure(settings)
    file = settings.home / "flower-password"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert settings.path is not None
    again = load_settings(settings.path)
    assert again.flower_auth is not None
    assert again.flower_auth.reveal() == f"operator:{file.read_text().strip()}"
    assert again.flower_auth.reference == f"file:{file}"
    assert len(file.read_text().strip()) == 24
    assert not flower_password.ensure(again)


def test_a_configured_password_is_used_and_none_is_made(configured: Path, settings: Settings) -> None:
    with (configured / "integration.toml").open("a") as file:
        file.write('\n[flower]\nuser = "ops"\npassword = "env:FLOWER_PASSWORD"\n')
    given = load_settings(configured / "integration.toml")
    assert given.flower_auth is not None
    assert given.flower_auth.reveal() == "ops:flower-password"
    assert not flower_password.ensure(given)
    assert not (given.home / "flower-password").exists()
