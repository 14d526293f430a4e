"""CPU seconds of all our processes per 1,000 orders, side by side with the bare loop of `floor.py`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import figures
from benchmarks.installation import installed
from benchmarks.orders import orders
from benchmarks.processes import running
from benchmarks.progress import Progress
from benchmarks.report import Report
from benchmarks.systems import Systems, simulated
from integration.line.journey import House

AIM = 1.6
WARM_UP = 100
"""Orders before the measurement: what a process does once in its life is not what an order costs."""

SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Mix:
    """Which part of the orders has a new customer, and how long each answer of the systems takes."""

    new_customers: float
    latency_ms: int = 0


MIXES = {
    "every customer new": Mix(1.0),
    "10 % of customers new": Mix(0.1),
    "every customer new, 5 ms an answer": Mix(1.0, latency_ms=5),
}


def run(progress: Progress, *, quick: bool) -> Report:
    count, times = (200, 1) if quick else (1000, 3)
    rows, figure = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated(folder, unlimited=True) as systems, progress.of("cpu", len(MIXES) * times * 2) as advance:
            for words, mix in MIXES.items():
                floor: list[float] = []
                ours: list[dict[str, float]] = []
                for turn in range(2 * times):
                    systems.reset(mix.latency_ms)
                    home = Path(tempfile.mkdtemp(dir=folder))
                    if turn % 4 in (0, 3):  # now one first, now the other: what else the machine does meets both alike
                        floor.append(floor_cpu_seconds(home, systems, mix.new_customers, count))
                    else:
                        ours.append(our_cpu_seconds(home, systems, mix.new_customers, count))
                    advance()
                rows.append(_row(words, floor, ours))
                figure[words] = {"floor": floor, "ours": ours, "ratio": median(map(without_flower, ours)) / median(floor)}
    return Report(
        "cpu",
        f"CPU seconds per 1,000 orders ({times} × {count} orders, median, least–greatest)",
        ("mix", "bare loop", "ours", "ratio", "aim", "with Flower", "ratio"),
        rows,
        (
            "Ours is all that `integration up` runs, from the placing of the orders to the end of the last batch; Flower apart.",
            f"Both warmed up with {WARM_UP} orders; simulators not counted, their rate raised, their answers not checked.",
        ),
        figure,
    )


def without_flower(spent: Mapping[str, float]) -> float:
    return sum(seconds for name, seconds in spent.items() if name != "flower")


def _row(mix: str, floor: Sequence[float], ours: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    lean, whole = [without_flower(spent) for spent in ours], [sum(spent.values()) for spent in ours]
    ratios = [f"{median(side) / median(floor):.2f}" for side in (lean, whole)]
    return mix, figures.spread(floor), figures.spread(lean), ratios[0], f"≤ {AIM}", figures.spread(whole), ratios[1]


def floor_cpu_seconds(home: Path, systems: Systems, new_customers: float, count: int) -> float:
    """What the bare loop uses for 1,000 orders; measured with `count`."""
    command = [sys.executable, "-m", "benchmarks.floor", systems.channel.url, systems.erp.url]
    with running(command, home / "floor.log", {}, talk=True) as loop:
        systems.place(orders(0, WARM_UP, new_customers))
        _take_over(loop, WARM_UP)
        systems.place(orders(WARM_UP, count, new_customers))
        return _take_over(loop, count) / count * 1000


def _take_over(loop: subprocess.Popen[str], count: int) -> float:
    """Let the bare loop take over what was placed; gives its CPU seconds."""
    assert loop.stdin and loop.stdout
    loop.stdin.write("\n")
    loop.stdin.flush()
    answer = json.loads(loop.stdout.readline())
    if answer["orders"] != count:
        raise RuntimeError(f"the bare loop took over {answer['orders']} of {count} orders")
    return float(answer["cpu"])


def our_cpu_seconds(
    home: Path, systems: Systems, new_customers: float, count: int, prepare: Callable[[House], None] = lambda _: None
) -> dict[str, float]:
    """What each process of an installation uses, by name, for 1,000 orders; measured with `count`."""
    with installed(home, systems, unlimited=True, prepare=prepare) as installation:
        systems.place(orders(0, WARM_UP, new_customers))
        installation.take_over(WARM_UP, SECONDS)
        before = installation.cpu_seconds()
        systems.place(orders(WARM_UP, count, new_customers))
        installation.take_over(WARM_UP + count, SECONDS)
        return {name: (spent - before[name]) / count * 1000 for name, spent in installation.cpu_seconds().items()}
