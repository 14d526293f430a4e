"""How long an order takes from the channel to the ERP, by the simulators' own clocks."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import figures
from benchmarks.installation import installed
from benchmarks.orders import orders
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import Systems, simulated
from integration import clock
from integration.settings.model import Flow

PER_SECOND = 2
WARM_UP = 20
SECONDS = 120.0


def run(progress: Progress, *, quick: bool) -> Report:
    count = 30 if quick else 240
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder) as systems, installed(folder, systems) as installation:
            systems.place(orders(0, WARM_UP))
            installation.take_over(WARM_UP, SECONDS)
            started = time.monotonic()
            with progress.of("latency", count) as advance:
                for number in range(count):
                    time.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))
                    systems.place(orders(WARM_UP + number, 1))
                    advance()
            installation.take_over(WARM_UP + count, SECONDS)
            took = _seconds(systems)[-count:]
    points = {f"p{point}": figures.percentile(took, point) for point in (50, 95, 99)}
    return Report(
        "latency",
        f"Seconds from order placed to order booked ({count} orders, {PER_SECOND} a second)",
        (*points, "longest"),
        [tuple(f"{value:.2f}" for value in (*points.values(), max(took)))],
        (f"A poll comes every {Flow.__dataclass_fields__['every'].default:g} s, so an order waits half of that for it on average.",),
        {**points, "longest": max(took), "seconds": took},
    )


def _seconds(systems: Systems) -> list[float]:
    """Of each order in the order of placing."""
    booked = {one["ExternalOrderID"]: clock.instant(one["CreatedAt"]) for one in systems.erp.get("state")["sales_orders"]}
    placed = {str(one["ChannelAdvisorOrderID"]): clock.instant(one["CreatedDate"]) for one in systems.channel.get("state")["orders"]}
    return [(booked[key] - moment).total_seconds() for key, moment in sorted(placed.items())]
