"""Whether an order costs more the more orders the ledger holds already."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import figures
from benchmarks.cpu import our_cpu_seconds, without_flower
from benchmarks.ledger import fill
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import simulated

SIZES = (1_000, 10_000, 50_000)


def run(progress: Progress, *, quick: bool) -> Report:
    sizes, count, times = ((1_000, 5_000), 200, 1) if quick else (SIZES, 1000, 2)
    found: dict[int, list[float]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder, unlimited=True) as systems, progress.of("growth", len(sizes) * times) as advance:
            for turn in range(times):
                for size in sizes if turn % 2 == 0 else reversed(sizes):
                    systems.reset()
                    home = Path(tempfile.mkdtemp(dir=folder))
                    found[size].append(without_flower(our_cpu_seconds(home, systems, 1.0, count, prepare=partial(fill, size))))
                    advance()
    rows: list[tuple[str, ...]] = [
        (f"{size:,}", figures.spread(spent), f"{median(spent) / median(found[sizes[0]]):.2f}") for size, spent in found.items()
    ]
    figure: dict[str, Any] = {str(size): spent for size, spent in found.items()}
    return Report(
        "growth",
        f"CPU seconds per 1,000 orders with orders in the ledger already ({times} × {count} orders, median, least–greatest)",
        ("orders in the ledger", "CPU seconds", "of the first"),
        rows,
        ("SQLite; aim: flat. Measured like `cpu`, every customer new, Flower apart.",),
        figure,
    )
