"""Which processes make up a running installation: Valkey where no REDIS_URL is set, two workers, beat, Flower and the metrics endpoint."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from commands import valkey
from commands.child import Child
from commands.ports import is_free
from commands.supervisor import Event, Supervisor
from integration.errors import Misconfigured
from integration.ledger.pulses import BEAT, CONTROL
from integration.settings import Settings
from integration.settings.environment import CONFIG

APP = "tasks.app"
"""The Celery application that they serve."""

WORKER_GRACE = 20.0
"""Seconds for a worker to finish what it has begun. What takes longer is ended, and taken up again from the ledger at the next start."""

CONCURRENCY = 2
"""Processes of a worker: one hanging request holds up no other batch. More gain nothing, for a batch sends side by side by itself."""

SERVES: Mapping[str, Sequence[str]] = {
    "worker-load": ("load",),
    "worker-line": (CONTROL, "extract", "transform", "validate"),
    "beat": (BEAT,),
}
"""The parts of the house that a child serves; one of which none moves is restarted."""

OFTEN = 4.0
"""A child that is started again only after so many seconds has ended several times in a row."""


def start(supervisor: Supervisor, settings: Settings, environment: Mapping[str, str] | None = None) -> None:
    """Start them all, Valkey first; `environment` is for each of them. Raises Misconfigured where one cannot run here."""
    ports = [(settings.flower_port, "flower"), (settings.metrics_port, "metrics")]
    if takes_webhooks(settings):
        ports.append((settings.gateway.port, "gateway"))
    for port, key in ports:
        if not is_free(port):
            raise Misconfigured(f"port {port} is taken by another program; end it, or set `port` under [{key}].", str(settings.path))
    if settings.redis_url is None:
        folder = settings.home / "valkey"
        port = valkey.choose_port(folder)
        supervisor.start(Child("valkey", valkey.command(folder, port)))
        valkey.wait_until_ready(folder, port)
    for child in _ours(settings, {**(environment or {}), CONFIG: str(settings.path)}):
        supervisor.start(child)


def takes_webhooks(settings: Settings) -> bool:
    """Whether there is anything for the gateway to do."""
    return settings.gateway.url is not None or any(one.webhook_secrets for one in settings.connections.values())


def _ours(settings: Settings, environment: Mapping[str, str]) -> Iterator[Child]:
    loads = ",".join(f"{name}.load" for name in settings.connections)
    # Loading waits for the target, with nothing to do. A worker of its own keeps that from delaying reading and polling.
    yield Child("worker-load", _worker("load", "--queues", loads), environment, WORKER_GRACE)
    yield Child("worker-line", _worker("line", "--exclude-queues", loads), environment, WORKER_GRACE)
    yield Child("beat", _celery("beat", "--loglevel", "INFO"), environment)
    yield Child("flower", _celery("flower", f"--conf={_flower_file()}"), environment)
    yield Child("metrics", [sys.executable, "-m", "commands", "metrics"], environment)
    if takes_webhooks(settings):
        yield Child("gateway", [sys.executable, "-m", "commands", "gateway"], environment)


def _worker(name: str, *queues: str) -> list[str]:
    alone = ("--without-mingle", "--without-gossip")  # workers meet in the ledger and need not know of each other
    return _celery("worker", "--hostname", f"{name}@%h", *queues, "--concurrency", str(CONCURRENCY), "--loglevel", "INFO", *alone)


def _celery(command: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", APP, command, *arguments]


def _flower_file() -> str:
    spec = find_spec("flowerconfig")
    assert spec and spec.origin
    return spec.origin


def tell(event: Event, home: Path) -> str:
    """An event of the supervisor as a person says it, with the log where something went wrong."""
    child = event.child
    if event.what == "started":
        return f"{child.name} runs as process {child.pid}"
    exit_code = child.last_exit or 0
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    if event.what == "stopped" or event.again_in is None:
        return f"{child.name} is stopped"
    often = f"{child.name} keeps ending" if event.again_in >= OFTEN else f"{child.name} ended"
    return f"{often} ({how}) and is started again in {event.again_in:g} s; see {log_of(child.name, home)}"


def log_of(name: str, home: Path) -> Path:
    return home / "logs" / f"{name}.log"
