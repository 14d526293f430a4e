"""What each process of a running installation holds in memory, at rest and after 1,000 orders; and what rest costs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.installation import Installation, installed
from benchmarks.orders import orders
from benchmarks.processes import Memory, memory
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import simulated

SECONDS = 300.0
MEGABYTE = 1 << 20


def run(progress: Progress, *, quick: bool) -> Report:
    count, rest = (100, 10) if quick else (1000, 60)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder, unlimited=True) as systems, installed(folder, systems, unlimited=True) as installation:
            with progress.of("memory, at rest", rest) as advance:
                spent = sum(installation.cpu_seconds().values())
                for _ in range(rest):
                    time.sleep(1)
                    advance()
                at_rest, spent = memory(installation.processes), sum(installation.cpu_seconds().values()) - spent
            worked = _after(installation, progress, count)
    rows = [
        (one.name, *(f"{size / MEGABYTE:.0f}" for size in (one.resident, one.proportional, after.resident, after.proportional)))
        for one, after in zip((*at_rest, _sum(at_rest)), (*worked, _sum(worked)), strict=True)
    ]
    return Report(
        "memory",
        f"Memory in MB, at rest and after {count} orders",
        ("process", "resident", "proportional", f"resident, {count}", f"proportional, {count}"),
        rows,
        (
            "Resident counts a page in every process that has it; proportional shares it out among them, so that its sum is what is used.",
            f"At rest (beat, polls every 5 s, sweeps, Flower) all together use {spent / rest * 3600:.0f} CPU seconds an hour.",
        ),
        {
            "at_rest": [[one.name, one.resident, one.proportional] for one in at_rest],
            "after": [[one.name, one.resident, one.proportional] for one in worked],
            "cpu_seconds_per_hour_at_rest": spent / rest * 3600,
        },
    )


def _after(installation: Installation, progress: Progress, count: int) -> list[Memory]:
    with progress.of("memory, at work", count) as advance:
        installation.systems.place(orders(0, count))
        installation.take_over(count, SECONDS, lambda: advance(installation.systems.told()))
    return memory(installation.processes)


def _sum(of: list[Memory]) -> Memory:
    return Memory("all", sum(one.resident for one in of), sum(one.proportional for one in of))
