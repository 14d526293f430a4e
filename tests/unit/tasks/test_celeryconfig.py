"""Every task has a queue that is declared, every flow a tick, and what is unknown fails loudly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from celery.exceptions import QueueNotFound

from commands import valkey
from integration.ledger.batches import STAGE_SECONDS, STAGES
from tests.fixtures.simulators import ROOT

FLOW = "orders"


def test_every_stage_of_every_flow_has_a_declared_queue_of_the_connection_that_it_uses() -> None:
    import celeryconfig
    from tasks.app import app

    declared = {queue.name for queue in celeryconfig.task_queues}
    for name in celeryconfig.load_settings().flows:
        routed = {stage: app.amqp.router.route({}, stage, (1, name))["queue"].name for stage in STAGES}
        assert routed == {"extract": "ca.extract", "transform": "ca.transform", "validate": "tims.validate", "load": "tims.load"}
        assert set(routed.values()) <= declared


def test_every_registered_task_is_routed() -> None:
    import celeryconfig
    from tasks.app import app

    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert ours == set(celeryconfig.QUEUE_OF)
    assert {name: app.amqp.router.route({}, name, ())["queue"].name for name in ours - set(STAGES)} == {
        "poll": "control",
        "hint": "control",
        "sweep": "control",
        "watch": "control",
        "forget": "control",
        "dead_letter": "dead_letters",
    }


def test_what_is_unknown_fails_loudly() -> None:
    from tasks.app import app

    with pytest.raises(LookupError):
        app.amqp.router.route({}, "extrakt", (1, FLOW))
    with pytest.raises(LookupError):
        app.amqp.router.route({}, "extract", (1, "no-such-flow"))
    with pytest.raises(QueueNotFound):
        app.amqp.router.route({"queue": "ca.extrakt"}, "poll", (FLOW,))


def test_no_worker_serves_the_dead_letters_unless_it_is_told_to() -> None:
    from tasks.app import app

    assert "dead_letters" not in app.amqp.queues.consume_from
    assert next(iter(app.amqp.queues.consume_from)) == "control"


def test_beat_polls_every_flow_and_what_is_late_is_void() -> None:
    import celeryconfig

    polled = {entry["args"][0]: entry for entry in celeryconfig.beat_schedule.values() if entry["task"] == "poll"}
    flows = celeryconfig.load_settings().flows
    assert {name: entry["schedule"] for name, entry in polled.items()} == {name: flow.every for name, flow in flows.items()}
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in celeryconfig.beat_schedule.values())


def test_time_limits_nest() -> None:
    import celeryconfig

    soft, hard = celeryconfig.task_soft_time_limit, celeryconfig.task_time_limit
    assert soft < hard < STAGE_SECONDS < celeryconfig.broker_transport_options["visibility_timeout"]


def test_only_json_is_accepted() -> None:
    from tasks.app import app

    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == app.conf.result_serializer == app.conf.event_serializer == "json"


def test_without_redis_url_the_embedded_server_is_found_by_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL")
    folder = tmp_path / ".integration" / "valkey"
    with pytest.raises(SystemExit, match="integration up"):
        import celeryconfig
    port = valkey.choose_port(folder)
    import celeryconfig

    assert celeryconfig.broker_url == valkey.url(port)


def test_a_wrong_configuration_ends_celery_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "integration.toml").write_text("[flows.orders]\nentity = 'odrer'\n")
    command = [sys.executable, "-m", "celery", "-A", "tasks.app", "worker"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert run.returncode == 1
    assert f"{tmp_path / 'integration.toml'}:2" in run.stderr
    assert "Traceback" not in run.stderr


def test_flower_wants_a_password_outside_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def settings() -> dict[str, object]:
        found: dict[str, object] = {}
        exec(compile((ROOT / "flowerconfig.py").read_text(), "flowerconfig.py", "exec"), found)  # noqa: S102  # as Flower reads it
        return found

    assert settings()["basic_auth"] == ["operator:demo-flower-password"]
    file = tmp_path / "integration.toml"
    file.write_text(file.read_text().replace('password = "env:FLOWER_PASSWORD"', ""))
    with pytest.raises(SystemExit, match=r"password.*\[flower\]"):
        settings()
    monkeypatch.setenv("INTEGRATION_DEMO", "1")
    open_one = settings()
    assert "basic_auth" not in open_one
    assert open_one["address"] == "127.0.0.1"
