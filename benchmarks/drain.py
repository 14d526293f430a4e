"""How long a backlog takes at the contract's limits, against the least time that rate and concurrency allow."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import figures
from benchmarks.installation import installed
from benchmarks.orders import SKUS, orders
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import System, simulated
from integration import clock
from integration.ports import Limits

AIM = 1.1
LATENCY_MS = 100
KNOWN = 100
TIMS = Limits(requests=600, per_seconds=60, concurrent=8)
"""The contract's `x-rate-limit`."""

WRITES = ("listCustomers", "createCustomer", "createSalesOrder")
SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Drained:
    requests: int
    seconds: float
    refused: int


def run(progress: Progress, *, quick: bool) -> Report:
    count = 120 if quick else 1000
    rows, figure = [], {}
    for name, new in (("customers known beforehand", 0.0), ("every customer new", 1.0)):
        found = _drain(progress, name, count, new, quick=quick)
        least = figures.least_seconds(found.requests, TIMS, LATENCY_MS / 1000)
        ratio = found.seconds / least
        refused = str(found.refused or "none")
        rows.append((name, str(found.requests), f"{least:.1f} s", f"{found.seconds:.1f} s", f"{ratio:.2f}", f"≤ {AIM}", refused))
        figure[name] = {**asdict(found), "least_seconds": least, "ratio": ratio}
    return Report(
        "drain",
        f"Time to drain {count} orders (TIMS: {LATENCY_MS} ms an answer, {TIMS.requests} requests in {TIMS.per_seconds} s, 8 at once)",
        ("backlog", "requests", "least", "ours", "ratio", "aim", "refused"),
        rows,
        (
            "From the tick that finds the backlog to the last sales order, by the simulators' clocks; the window was empty at the start.",
            "Least: request k starts when request k-8 is answered and request k-600 is 60 s old; one pipe, nothing wasted.",
        ),
        figure,
    )


def _drain(progress: Progress, name: str, count: int, new: float, *, quick: bool) -> Drained:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with simulated(home, latency_ms=LATENCY_MS) as systems, installed(home, systems) as installation:
            # Items and, where there are known ones, customers are met beforehand, and then leave the window of the limit.
            warm_up = KNOWN if not new else len(SKUS)
            systems.erp.post("latency", {"ms": 0})
            systems.place(orders(0, warm_up, 0.0))
            installation.take_over(warm_up, SECONDS)
            if not quick:
                _let_the_window_empty(progress, name)
            systems.erp.post("latency", {"ms": LATENCY_MS})
            before = _sent(systems.erp)
            systems.place(orders(warm_up, count, new))
            with progress.of(f"drain, {name}", count) as advance:
                installation.take_over(warm_up + count, SECONDS, lambda: advance(systems.erp.counted("createSalesOrder") - warm_up))
            requests = _sent(systems.erp) - before
            booked = sorted(clock.instant(one["CreatedAt"]) for one in systems.erp.get("state")["sales_orders"])
            started = installation.first_read(warm_up)
            return Drained(requests, (booked[-1] - started).total_seconds(), sum(systems.refused().values()))


def _let_the_window_empty(progress: Progress, name: str) -> None:
    seconds = TIMS.per_seconds + 5
    with progress.of(f"drain, {name}: the window of the warm-up empties", seconds) as advance:
        for _ in range(seconds):
            time.sleep(1)
            advance()


def _sent(erp: System) -> int:
    return sum(count for operation, count in erp.get("stats")["requests"].items() if operation != "getToken")
