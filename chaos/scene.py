"""Where it happens: both simulated systems, the database, and `integration up` between them, all of them processes that can be struck."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.installation import SECRETS, free_port
from benchmarks.processes import ROOT, running, wait_for
from chaos.databases import Database, database
from chaos.disk import Disk, disk
from chaos.weakness import CLOCK
from commands.demo.pairs import Pair
from commands.demo.sides import Erp, Shop
from commands.supervisor import read_snapshot
from connectors.registry import SYSTEMS
from connectors.rest.definition import Definition, load
from connectors.simulation.remote import RemoteSimulator

LATENCY_MS = 20
WORKERS = ("worker-load", "worker-line")
START_SECONDS = 120.0
COMMAND_SECONDS = 120.0

REQUESTS = 6000
"""In a minute, many more than the contracts', so that 10,000 orders take minutes; and twice as many at once. Both are met while a backlog
is drained. Who writes to Sage 100 does so alone all the same."""

MARKED = {"tims": "SourceChannel", "sage100": "ConfirmTo"}
"""A member of an ERP's orders whose mapping every deploy changes; an update does not take it."""

CONFIGURATION = """\
[flows.orders]
entity = "order"
source = "{shop}"
target = "{erp}"
every = "1s"
look_back_every = "10s"
out_of_stock = "hold"
[flows.order-status]
entity = "order_status"
source = "{erp}"
target = "{shop}"
every = "2s"
look_back_every = "10s"
[flows.shipments]
entity = "shipment"
source = "{erp}"
target = "{shop}"
every = "2s"
look_back_every = "10s"
[flows.stock]
entity = "stock"
source = "{erp}"
target = "{shop}"
every = "2s"
look_back_every = "10s"
overlap = {late}

[gateway]
port = {gateway}
url = "http://127.0.0.1:{gateway}"
[flower]
port = {flower}
password = "env:FLOWER_PASSWORD"
[metrics]
port = {metrics}
[mappings]
folder = "mappings"
"""

CONNECTION = """\
[connections.{system}]
system = "{system}"
url = "{url}"
[connections.{system}.credentials]
{credentials}
[connections.{system}.overrides]
limits = {{requests = {requests}, concurrent = {at_once}}}
# Shorter than a real system's, so that what never answers is given up before the run is over.
times = {{connect = 2, total = 6, settle = 2}}
"""

MAPPING = "system: {system}\nentity: order\nwrite:\n  {member}: = Chaos {version}\n"
"""An override of one line, by which a deploy brings another version."""


@dataclass(slots=True)
class Scene:
    """`url` of each system is that of its control plane too; every caller has to speak through a RemoteSimulator of its own."""

    folder: Path
    pair: Pair
    urls: Mapping[str, str]
    database: Database
    disk: Disk | None
    environment: Mapping[str, str]
    up: subprocess.Popen[str] | None = None
    deployed: int = 1
    deploying: threading.Lock = field(default_factory=threading.Lock)

    def simulators(self) -> dict[str, RemoteSimulator]:
        return {name: RemoteSimulator(url) for name, url in self.urls.items()}

    def ringing(self) -> list[str]:
        """The systems that have webhooks."""
        return [name for name in self.urls if _declared(name).webhooks is not None]

    def command(self, *words: str) -> Any:
        """What an `integration` command prints as JSON; None where it fails, as while the database is away."""
        done = subprocess.run(
            [sys.executable, "-m", "commands", *words, "--json"],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        try:
            return json.loads(done.stdout)
        except ValueError:
            with (self.folder / "commands.log").open("a") as log:
                log.write(f"{' '.join(words)}: {done.returncode}\n{done.stderr}\n")
            return None

    def start(self) -> None:
        """Returns once the workers serve."""
        before = self._ready()
        with (self.folder / "up.log").open("a") as log:
            self.up = subprocess.Popen(
                [sys.executable, "-m", "chaos.victim", "up"],
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        wait_for(
            lambda: all(now > then for now, then in zip(self._ready(), before, strict=True)) or self._died(),
            START_SECONDS,
            f"the installation did not start; see {self.folder}",
        )

    def stop(self, grace: float = 60.0) -> None:
        """As a deploy does: what has begun is finished, and nothing is left."""
        if self.up is None:
            return
        self.up.send_signal(signal.SIGTERM)
        try:
            self.up.wait(grace)
        except subprocess.TimeoutExpired:
            self.up.kill()  # its guardian ends what it has started
            self.up.wait()
        self.up = None

    def pids(self) -> dict[str, int]:
        """Of the processes that `up` keeps running, by name; those that are down are missing."""
        return {state.name: state.pid for state in read_snapshot(self.folder / ".integration") or () if state.pid}

    def pool(self, name: str) -> list[psutil.Process]:
        """The processes in which a worker does its work."""
        try:
            return psutil.Process(self.pids()[name]).children()
        except (KeyError, psutil.NoSuchProcess):
            return []

    def deploy(self) -> None:
        """Stop everything and start it with another version of a mapping; a slow one is not overtaken by the next."""
        with self.deploying:
            self.stop()
            self.deployed += 1
            self.write_mapping()
            self.start()

    def write_mapping(self) -> None:
        system = self.pair.erp.system
        file = self.folder / "mappings" / system / "order.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MAPPING.format(system=system, member=MARKED[system], version=self.deployed))

    def set_clock(self, ahead: int) -> None:
        """By how many seconds the workers and beat are ahead of the true time from now on."""
        fresh = self.folder / "clock.new"
        fresh.write_text(str(ahead))
        fresh.replace(self.folder / "clock")

    def valkey_port(self) -> int:
        return int((self.folder / ".integration" / "valkey" / "port").read_text())

    def celery(self, name: str, *words: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """A process of another machine that shares the database and Redis."""
        command = [sys.executable, "-m", "celery", "-A", "chaos.worker", *words]
        return running(command, self.folder / f"{name}.log", self.environment)

    def _ready(self) -> list[int]:
        """How often each worker has said that it serves."""
        logs = [self.folder / ".integration" / "logs" / f"{name}.log" for name in WORKERS]
        return [log.read_text().count(" ready.") if log.exists() else 0 for log in logs]

    def _died(self) -> bool:
        if self.up is None or self.up.poll() is None:
            return False
        raise RuntimeError(f"the installation ended at once; see {self.folder / 'up.log'}")


@contextlib.contextmanager
def scene(folder: Path, pair: Pair, kind: str, faults: Sequence[str]) -> Iterator[Scene]:
    """Everything at work while the block runs, with what the `faults` need."""
    with contextlib.ExitStack() as stack:
        place = folder / "database"
        own = stack.enter_context(disk(place)) if "full-disk" in faults else None
        place.mkdir(exist_ok=True)
        ledger = stack.enter_context(database(kind, place))
        urls = {side.system: stack.enter_context(_simulator(side.system, pair.erp.items, folder)) for side in pair.sides}
        ports = {"gateway": free_port(), "flower": free_port(), "metrics": free_port()}
        flows = CONFIGURATION.format(shop=pair.shop.system, erp=pair.erp.system, late=pair.shop.late, **ports)
        connections = [_connection(side, urls[side.system]) for side in pair.sides]
        (folder / "integration.toml").write_text("\n".join([*connections, flows]))
        own_variables = {"INTEGRATION_CONFIG": str(folder / "integration.toml"), "DATABASE_URL": ledger.url, "REDIS_URL": ""}
        credentials = {_variable(side, name): value for side in pair.sides for name, value in side.credentials.items()}
        made = Scene(folder, pair, urls, ledger, own, {**SECRETS, **credentials, **own_variables, CLOCK: str(folder / "clock")})
        made.set_clock(0)
        made.write_mapping()
        stack.callback(made.stop)
        for name in made.ringing():
            if made.command("webhooks", "register", name) is None:
                raise RuntimeError(f"{name} did not take a subscription; see {folder / 'commands.log'}")
        made.start()
        yield made


def _connection(side: Shop | Erp, url: str) -> str:
    credentials = "\n".join(f'{name} = "env:{_variable(side, name)}"' for name in side.credentials)
    return CONNECTION.format(system=side.system, url=url, credentials=credentials, requests=REQUESTS, at_once=_at_once(side.system))


def _declared(system: str) -> Definition:
    return load(SYSTEMS[system].connector_file, {}, system)


def _at_once(system: str) -> int:
    return 2 * _declared(system).limits.concurrent


def _variable(side: Shop | Erp, name: str) -> str:
    return f"CHAOS_{side.system}_{name}".upper()


@contextlib.contextmanager
def _simulator(name: str, items: int, folder: Path) -> Iterator[str]:
    options = ["--items", str(items), "--latency-ms", str(LATENCY_MS), "--no-check-answers"]
    limits = ["--limit-requests", str(REQUESTS), "--limit-concurrent", str(_at_once(name))]
    command = [sys.executable, "-m", "connectors.simulation", name, *options, *limits]
    with running(command, folder / f"{name}.log", {}, talk=True) as process:
        assert process.stdout
        words = process.stdout.readline().split()
        if not words:
            raise RuntimeError(f"the {name} simulator did not start; see {folder / f'{name}.log'}")
        yield words[-1]
