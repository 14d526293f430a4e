"""docker-compose.yml says what is true of the product: its queues, commands, variables and ports are those of the code."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from commands.cli import COMMANDS
from commands.init import TEMPLATE
from integration.liveness import PARTS
from integration.settings import environment
from integration.settings.model import Gateway

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, Any] = YAML(typ="safe").load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
STAGES = ("extract", "transform", "validate", "load")
REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")


def queues(service: dict[str, Any]) -> list[str]:
    words = shlex.split(service["command"])
    return words[words.index("-Q") + 1].split(",") if "-Q" in words else []


def test_every_queue_has_one_service_and_dead_letters_have_none() -> None:
    connections = tomllib.loads(TEMPLATE.read_text())["connections"]
    consumed = sorted(queue for service in OURS.values() for queue in queues(service))
    assert consumed == sorted(["control", *(f"{connection}.{stage}" for connection in connections for stage in STAGES)])


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    program, *arguments = shlex.split(OURS[name]["command"])
    if program == "integration":
        assert arguments[0] in COMMANDS
    else:
        assert [program, *arguments[:2]] == ["celery", "-A", "tasks.app"]
        assert importlib.util.find_spec("tasks.app")
        assert arguments[2] in ("worker", "beat", "flower")
        assert all((ROOT / word.removeprefix("--conf=")).exists() for word in arguments if word.startswith("--conf="))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_comes_back_stops_in_time_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    if name not in OURS or queues(service):  # the others have nothing in flight
        assert service["stop_grace_period"] in ("30s", "60s")


def test_every_worker_and_beat_are_asked_whether_what_they_serve_moves() -> None:
    parts = {}
    for name, service in OURS.items():
        words = str(service["healthcheck"]["test"][1]).partition(";")[0].split()
        if words[:2] == ["integration", "health"]:
            parts[name] = words[2:]
    served = {name: sorted({queue.rpartition(".")[2] for queue in queues(service)}) for name, service in OURS.items() if queues(service)}
    assert {name: sorted(words) for name, words in parts.items()} == {**served, "beat": ["beat"]}
    assert {part for words in parts.values() for part in words} == set(PARTS)


def test_what_observes_is_started_only_on_demand_and_reads_files_that_exist() -> None:
    observing = {name: service for name, service in SERVICES.items() if service.get("profiles") == ["observe"]}
    assert set(observing) == {"prometheus", "grafana"}
    mounted = [volume.partition(":")[0] for service in observing.values() for volume in service["volumes"] if volume.startswith("./")]
    assert mounted
    assert all((ROOT / folder).is_dir() for folder in mounted)


def test_variables_are_those_that_the_settings_read() -> None:
    known = {getattr(environment, name) for name in ("CONFIG", "DATABASE_URL", "REDIS_URL", "KEY")}
    known |= set(re.findall(r'"env:([A-Z_]+)"', TEMPLATE.read_text()))
    for name, service in OURS.items():
        assert set(service["environment"]) <= known, name


def test_no_password_has_a_default_and_none_stands_in_the_file() -> None:
    assert not re.search(r"\$\{[A-Z_]+(:?-|\})", TEXT)
    secrets = [
        (name, key, value)
        for name, service in SERVICES.items()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|KEY|URL", key)
    ]
    assert len(secrets) > len(OURS)
    for secret in secrets:
        assert REQUIRED.search(secret[2]), secret


def test_what_is_open_to_the_host_is_open_on_loopback_alone() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    flower, metrics = environment.FLOWER_PORT, environment.METRICS_PORT
    ours = {"flower": flower, "metrics": metrics, "gateway": Gateway().port, "prometheus": 9090, "grafana": 3000}
    assert ports == {name: [f"127.0.0.1:{port}:{port}"] for name, port in ours.items()}


def test_redis_evicts_nothing_and_keeps_what_it_has() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_compose_itself_accepts_the_file(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False, timeout=30).returncode:
        pytest.skip("the docker command with its compose plugin is not installed")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    variables = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    (tmp_path / ".env").write_text("".join(f"{name}=word\n" for name in variables))
    subprocess.run([docker, "compose", "config", "--quiet"], cwd=tmp_path, check=True, timeout=60)
    (tmp_path / ".env").write_text("")
    refused = subprocess.run([docker, "compose", "config"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode
    assert "set it in .env" in refused.stderr
