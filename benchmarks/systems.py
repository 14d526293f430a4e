"""The simulated systems of a benchmark, each a process of its own, and their control planes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from benchmarks.processes import running

SECONDS = 60.0
"""For a call of the control plane; thousands of orders are placed in one."""

PLENTY = 10_000_000
"""Requests per window where the rate is not to be what limits."""


@dataclass(frozen=True, slots=True)
class System:
    """A running simulator."""

    url: str

    def get(self, what: str) -> Any:
        return self._call("GET", what)

    def post(self, what: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._call("POST", what, body)

    def counted(self, operation: str) -> int:
        """How many requests of an operation were accepted."""
        return int(self.get("stats")["requests"].get(operation, 0))

    def _call(self, method: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.url}/_sim/{what}", json=body, timeout=SECONDS)
        answer.raise_for_status()
        return answer.json()


@dataclass(frozen=True, slots=True)
class Systems:
    channel: System
    erp: System

    def place(self, orders: Sequence[Mapping[str, Any]]) -> None:
        self.channel.post("orders", {"orders": list(orders), "check": True})

    def reset(self, latency_ms: int = 0) -> None:
        """Both as they were when they started; each answer takes so long."""
        for system in (self.channel, self.erp):
            system.post("reset")
            system.post("latency", {"ms": latency_ms})

    def told(self) -> int:
        """Orders that the channel was told of: each is booked and done."""
        return self.channel.counted("exportOrder")

    def refused(self) -> dict[str, int]:
        """Answers of 400 and more, by status; there should be none."""
        return {status: count for system in (self.channel, self.erp) for status, count in system.get("stats")["refused"].items()}


@contextlib.contextmanager
def simulated(folder: Path, *, unlimited: bool = False, latency_ms: int = 0, items: int = 20) -> Iterator[Systems]:
    """Both systems with so many items, `latency_ms` that of the ERP; answers are not checked against the contract, which would cost more
    than the rest."""
    limit = [*(["--limit-requests", str(PLENTY)] if unlimited else []), "--items", str(items)]
    with (
        _simulator("channeladvisor", folder, *limit) as channel,
        _simulator("tims", folder, "--latency-ms", str(latency_ms), *limit) as erp,
    ):
        yield Systems(channel, erp)


@contextlib.contextmanager
def _simulator(name: str, folder: Path, *arguments: str) -> Iterator[System]:
    command = [sys.executable, "-m", "connectors.simulation", name, "--no-check-answers", *arguments]
    with running(command, folder / f"{name}.log", {}, talk=True) as process:
        assert process.stdout
        words = process.stdout.readline().split()
        if not words:
            raise RuntimeError(f"the {name} simulator did not start; see {folder / f'{name}.log'}")
        yield System(words[-1])
