"""How many webhooks a second a gateway keeps durably: each answered 202 only after its commit, from senders that wait for their answers.

The gateway is a process of its own; Redis is away, as far as it is concerned, for nothing is to be taken while it is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import Engine, delete, func, select

from benchmarks import figures
from benchmarks.installation import SECRETS
from benchmarks.processes import cpu_seconds, running, wait_for
from benchmarks.progress import Progress
from benchmarks.report import Report
from connectors.simulation.webhooks import sign
from integration import clock
from integration.ledger import tables
from integration.ledger.database import open_engine, read, write
from integration.secrets import SecretsFile
from integration.settings import environment
from integration.webhook_secrets import WebhookSecrets

SENDERS = (1, 16, 64)
"""Connections that deliver side by side, each waiting for its answer. A system delivers some at a time."""

SECRET = "whsec_YmVuY2htYXJrLW9ubHkta2V5LW5vdC1hLXNlY3JldC4u"  # noqa: S105 - says so itself
WARM_UP = 200
START_SECONDS = 30.0

CONFIGURATION = """
[connections.ca]
system = "channeladvisor"
url = "http://127.0.0.1:1"
[connections.ca.credentials]
application_id = "env:CA_APPLICATION_ID"
shared_secret = "env:CA_SHARED_SECRET"
refresh_token = "env:CA_REFRESH_TOKEN"
[connections.tims]
system = "tims"
url = "http://127.0.0.1:1"
[connections.tims.credentials]
client_id = "env:TIMS_CLIENT_ID"
client_secret = "env:TIMS_CLIENT_SECRET"
[flows.orders]
entity = "order"
source = "ca"
target = "tims"
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """`per_second` by the clock, `per_core` by a second of the gateway's CPU; `waits` are the answers' times in seconds."""

    per_second: float
    per_core: float
    waits: Sequence[float]


def run(progress: Progress, *, quick: bool) -> Report:
    count, times = (1000, 1) if quick else (10_000, 3)
    databases = {"SQLite": ""}
    if given := environment.variables().get("BENCHMARK_POSTGRESQL_URL"):
        databases["PostgreSQL"] = given
    rows, figure = [], {}
    with progress.of("intake", len(databases) * len(SENDERS) * times) as advance:
        for name, url in databases.items():
            with tempfile.TemporaryDirectory() as folder:
                for senders, taken in _measure(Path(folder), url, count, times):
                    for _ in taken:
                        advance()
                    rows.append(_row(name, senders, taken))
                    waits = [wait for one in taken for wait in one.waits]
                    figure[f"{name}, {senders}"] = {
                        "per_second": [one.per_second for one in taken],
                        "per_core": [one.per_core for one in taken],
                        "p50_ms": figures.percentile(waits, 50) * 1000,
                        "p99_ms": figures.percentile(waits, 99) * 1000,
                    }
    return Report(
        "intake",
        f"Webhooks accepted durably ({times} × {count:,}, median)",
        ("database", "senders", "a second", "a second and core", "answer p50", "p99"),
        rows,
        (
            "A second and core: deliveries for each CPU second of the gateway. The senders use the same cores and are not counted.",
            "Each delivery is verified, committed (SQLite waits for the disk) and then answered; all were answered 202 and are there.",
            "PostgreSQL is measured where BENCHMARK_POSTGRESQL_URL names an empty database.",
        ),
        figure,
    )


def _row(name: str, senders: int, taken: Sequence[Taken]) -> tuple[str, ...]:
    waits = [wait for one in taken for wait in one.waits]
    rates = [f"{median(values):,.0f}" for values in ([one.per_second for one in taken], [one.per_core for one in taken])]
    return name, str(senders), *rates, *(f"{figures.percentile(waits, percent) * 1000:.1f} ms" for percent in (50, 99))


def _measure(folder: Path, url: str, count: int, times: int) -> Iterator[tuple[int, list[Taken]]]:
    (folder / "integration.toml").write_text(CONFIGURATION)
    WebhookSecrets(SecretsFile(folder / environment.HOME / environment.SECRETS_FILE, SECRETS[environment.KEY]), "ca").write({"1": SECRET})
    database = url or f"sqlite:///{folder / 'ledger.sqlite'}"
    env = {**SECRETS, environment.CONFIG: str(folder / "integration.toml"), environment.DATABASE_URL: database}
    env[environment.REDIS_URL] = "redis://127.0.0.1:1/0"
    log = folder / "gateway.log"
    with running([sys.executable, "-m", "commands", "gateway", "--port", "0"], log, env) as process:
        found = wait_for(lambda: re.search(r"listening on http://127.0.0.1:(\d+)", log.read_text()), START_SECONDS, "no gateway")
        engine = open_engine(environment.database_url({environment.DATABASE_URL: database}, folder))
        try:
            asyncio.run(_deliver(int(found[1]), _messages(WARM_UP), 4))
            for senders in SENDERS:
                yield senders, [_once(engine, process.pid, int(found[1]), count, senders) for _ in range(times)]
        finally:
            engine.dispose()


def _once(engine: Engine, pid: int, port: int, count: int, senders: int) -> Taken:
    with write(engine) as connection:
        connection.execute(delete(tables.hint))
    messages = _messages(count)
    spent, began = cpu_seconds(pid), time.monotonic()
    waits = asyncio.run(_deliver(port, messages, senders))
    elapsed, used = time.monotonic() - began, cpu_seconds(pid) - spent
    with read(engine) as connection:
        there = connection.execute(select(func.count()).select_from(tables.hint)).scalar_one()
    if there != count:
        raise RuntimeError(f"{count} deliveries were answered 202 and {there} are there")
    return Taken(count / elapsed, count / used, waits)


def _messages(count: int) -> list[bytes]:
    """Whole requests, signed beforehand."""
    timestamp, changed = str(int(time.time())), clock.text(clock.now())
    made = []
    for number in range(count):
        event_id = f"msg_{os.urandom(9).hex()}"
        data = {"ChannelAdvisorOrderID": 5_000_000_000 + number, "SiteName": "Amazon Seller Central - US", "UpdatedDate": changed}
        body = json.dumps({"type": "order.updated", "timestamp": changed, "data": data}).encode()
        lines = [
            "POST /hooks/ca HTTP/1.1",
            "Host: gateway",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"webhook-id: {event_id}",
            f"webhook-timestamp: {timestamp}",
            f"webhook-signature: {sign(SECRET, event_id, timestamp, body)}",
        ]
        made.append("\r\n".join([*lines, "", ""]).encode() + body)
    return made


async def _deliver(port: int, messages: Sequence[bytes], senders: int) -> list[float]:
    """Send them all over so many connections; gives how long each answer took."""
    left, waits = iter(messages), []

    async def send() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for message in left:
            began = time.monotonic()
            writer.write(message)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 202 "):
                raise RuntimeError(f"a delivery was answered {answer[:40]!r}")
            waits.append(time.monotonic() - began)
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(senders):
            group.create_task(send())
    return waits
