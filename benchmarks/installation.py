"""A real installation, `integration up`, between the simulated systems, with a home of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select

from benchmarks.processes import cpu_seconds, running, wait_for
from benchmarks.systems import PLENTY, Systems
from commands.supervisor import read_snapshot
from connectors.configured import load_settings
from connectors.wiring import open_house
from integration.ledger import tables
from integration.ledger.batches import open_batches
from integration.ledger.database import read
from integration.line.journey import House

FLOW = "orders"
START_SECONDS = 60.0
WORKERS = 2

CONFIGURATION = """
[connections.ca]
system = "channeladvisor"
url = "{channel}"
[connections.ca.credentials]
application_id = "env:CA_APPLICATION_ID"
shared_secret = "env:CA_SHARED_SECRET"
refresh_token = "env:CA_REFRESH_TOKEN"
{channel_limits}
[connections.tims]
system = "tims"
url = "{erp}"
[connections.tims.credentials]
client_id = "env:TIMS_CLIENT_ID"
client_secret = "env:TIMS_CLIENT_SECRET"
{erp_limits}
[flows.{flow}]
entity = "order"
source = "ca"
target = "tims"
[flower]
port = {flower}
password = "env:FLOWER_PASSWORD"
[metrics]
port = {metrics}
"""

GATEWAY = """
[gateway]
port = {port}
url = "http://127.0.0.1:{port}"
"""

SECRETS = {
    "CA_APPLICATION_ID": "demo-application",
    "CA_SHARED_SECRET": "demo-shared-secret",
    "CA_REFRESH_TOKEN": "demo-refresh-token",
    "TIMS_CLIENT_ID": "demo-client",
    "TIMS_CLIENT_SECRET": "demo-client-secret",
    "FLOWER_PASSWORD": "demo-flower-password",
    "INTEGRATION_KEY": "bm90IGEga2V5LCBvbmx5IGEgdGVzdCBvZiBvbmUuLi4=",  # says so itself
}


@dataclass(frozen=True, slots=True)
class Installation:
    """`processes` are the pids of the supervisor and of all that it started, by name."""

    systems: Systems
    engine: Engine
    processes: Mapping[str, int]

    def cpu_seconds(self) -> dict[str, float]:
        """What each process and its children have used since they were started, by name."""
        return {name: cpu_seconds(pid) for name, pid in self.processes.items()}

    def first_read(self, after: int) -> datetime:
        """When the tick came that read the record behind the first `after` ones."""
        record, batch = tables.record.c, tables.batch.c
        with read(self.engine) as connection:
            begun: datetime = connection.execute(
                select(func.min(batch.created_at)).join(tables.record, record.batch_id == batch.id).where(record.id > after)
            ).scalar_one()
        return begun

    def take_over(self, told: int, seconds: float, look: Callable[[], object] = lambda: None) -> None:
        """Wait until the channel was told of so many orders in all, and the line is empty; `look` is called in between."""

        def through() -> bool:
            look()
            return self.systems.told() >= told and not open_batches(self.engine)

        try:
            wait_for(through, seconds, "")
        except TimeoutError:
            there = f"{self.systems.told()} of {told} orders and {open_batches(self.engine)} batches open"
            raise TimeoutError(f"after {seconds:.0f} s the line was not empty: {there}") from None


@contextlib.contextmanager
def installed(
    folder: Path,
    systems: Systems,
    *,
    unlimited: bool = False,
    prepare: Callable[[House], None] = lambda _: None,
    flows: str = "",
    hooks: Sequence[str] = (),
) -> Iterator[Installation]:
    """Everything at work while the block runs. `prepare` gets the empty ledger before anything starts; `flows` are those besides that of
    orders, as the configuration has them; `hooks` are the connections whose webhooks are subscribed to."""
    home = folder / ".integration"
    home.mkdir(exist_ok=True)  # one that was killed is started again
    environment = {**SECRETS, "INTEGRATION_CONFIG": str(folder / "integration.toml"), "REDIS_URL": "", "DATABASE_URL": ""}
    (folder / "integration.toml").write_text(
        _configuration(systems, unlimited=unlimited) + flows + (GATEWAY.format(port=free_port()) if hooks else "")
    )
    os.environ.update(environment)
    house = open_house(load_settings())
    try:
        prepare(house)
        with running([sys.executable, "-m", "commands", "up"], folder / "up.log", environment) as up:
            processes = wait_for(lambda: _processes(home), START_SECONDS, f"the installation did not start; see {folder}")
            for name in hooks:
                register = [sys.executable, "-m", "commands", "webhooks", "register", name]
                subprocess.run(register, check=True, capture_output=True, timeout=START_SECONDS)
            yield Installation(systems, house.engine, {"supervisor": up.pid, **processes})
    finally:
        house.engine.dispose()


def _processes(home: Path) -> dict[str, int] | None:
    """The pid of each process, once all are there and the workers serve."""
    found = {state.name: state.pid for state in read_snapshot(home) or () if state.pid}
    workers = [home / "logs" / f"{name}.log" for name in found if name.startswith("worker")]
    return found if len(workers) == WORKERS and all(" ready." in log.read_text() for log in workers) and "metrics" in found else None


def _configuration(systems: Systems, *, unlimited: bool) -> str:
    def limits(name: str) -> str:
        return f"[connections.{name}.overrides.limits]\nrequests = {PLENTY}" if unlimited else ""

    return CONFIGURATION.format(
        channel=systems.channel.url,
        erp=systems.erp.url,
        channel_limits=limits("ca"),
        erp_limits=limits("tims"),
        flow=FLOW,
        flower=free_port(),
        metrics=free_port(),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
