"""Ours beside its peers: every measurement meets all of them, one after the other, and is kept at once, so that a run which was ended goes
on where it was."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bars import Bar, bars
from benchmarks.peers.contender import EVERY
from benchmarks.peers.contenders import CONTENDERS
from benchmarks.peers.measure import PER_SECOND, Figures, Kind, budget, killed, latency, speed
from benchmarks.processes import ROOT
from benchmarks.progress import Progress
from benchmarks.report import RESULTS, Report
from benchmarks.systems import Systems, simulated

FLOOR = "bare loop"
BY_MARK = "killed, by mark"
PICTURE = ROOT / "docs" / "pictures" / "peers.svg"


@dataclass(frozen=True, slots=True)
class Size:
    """Orders of each measurement; `limited_seconds` of the one under the contracts' limits; `turns` of the one for CPU time."""

    turns: int
    at_once: int
    at_20_ms: int
    at_100_ms: int
    live: int
    limited: int
    limited_seconds: int
    kill: int


FULL = Size(turns=3, at_once=1000, at_20_ms=300, at_100_ms=100, live=40, limited=400, limited_seconds=60, kill=200)
QUICK = Size(turns=1, at_once=200, at_20_ms=60, at_100_ms=30, live=10, limited=200, limited_seconds=15, kill=60)

Measure = Callable[[Kind, Path, Systems], Figures]


@dataclass(frozen=True, slots=True)
class Measurement:
    name: str
    measure: Measure
    limited: bool = False
    turns: int = 1


def measurements(size: Size) -> list[Measurement]:
    return [
        Measurement("at once", partial(speed, count=size.at_once, latency_ms=0, memory=False), turns=size.turns),
        Measurement("20 ms", partial(speed, count=size.at_20_ms, latency_ms=20, memory=True)),
        Measurement("100 ms", partial(speed, count=size.at_100_ms, latency_ms=100, memory=False)),
        Measurement("latency", partial(latency, count=size.live)),
        Measurement("killed, by bookmark", partial(killed, count=size.kill, only_unexported=False)),
        Measurement(BY_MARK, partial(killed, count=size.kill, only_unexported=True)),
        Measurement("limits", partial(budget, count=size.limited, seconds=size.limited_seconds), limited=True),
    ]


def run(progress: Progress, *, quick: bool) -> Report:
    size = QUICK if quick else FULL
    kept = Kept(RESULTS / f"peers{'-quick' if quick else ''}.partial.json")
    todo = measurements(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "limited").mkdir()
        with simulated(folder, unlimited=True) as free, simulated(folder / "limited") as limited:
            for place, one in enumerate(todo, 1):
                with progress.of(f"peers, {place} of {len(todo)}: {one.name}", one.turns * len(CONTENDERS)) as advance:
                    for turn in range(one.turns):
                        for contender in list(CONTENDERS)[:: -1 if turn % 2 else 1]:  # what else the machine does meets all alike
                            if one.name == BY_MARK and not CONTENDERS[contender].reads_mark:
                                advance()
                                continue
                            systems = limited if one.limited else free
                            kept.once(one.name, contender, turn, partial(_attempt, one, contender, systems, folder))
                            advance()
    found = kept.done()
    rows, summary = _rows(found), _summary(found)
    if not quick:
        PICTURE.write_text(_picture(summary))
    return _report(size, rows, {"summary": summary, "measurements": found})


class Kept:
    """`{measurement: {contender: [figures of each turn]}}`, written after each."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._found: dict[str, dict[str, list[Figures]]] = json.loads(file.read_text()) if file.exists() else {}

    def once(self, measurement: str, contender: str, turn: int, measure: Callable[[], Figures]) -> None:
        turns = self._found.setdefault(measurement, {}).setdefault(contender, [])
        if turn < len(turns):
            return
        turns.append(measure())
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._found, indent=1))

    def done(self) -> dict[str, dict[str, list[Figures]]]:
        """What was found; the next run begins anew."""
        self._file.unlink(missing_ok=True)
        return self._found


def _attempt(one: Measurement, contender: str, systems: Systems, folder: Path) -> Figures:
    """A contender that fails is no reason to measure nobody."""
    try:
        return one.measure(CONTENDERS[contender], Path(tempfile.mkdtemp(dir=folder)), systems)
    except (RuntimeError, TimeoutError) as failure:
        return {"failed": str(failure)}


def _summary(found: Mapping[str, Mapping[str, Sequence[Figures]]]) -> dict[str, dict[str, Any]]:
    """One figure of each kind a contender; None where it failed."""

    def value(measurement: str, contender: str, name: str) -> Any:
        values = [figures[name] for figures in found[measurement].get(contender, ()) if name in figures]
        return median(values) if values else None

    summary: dict[str, dict[str, Any]] = {}
    for contender in CONTENDERS:
        cpu, floor = value("at once", contender, "cpu"), value("at once", FLOOR, "cpu")
        summary[contender] = {
            "cpu": cpu,
            "ratio": cpu / floor if cpu is not None and floor else None,
            "a_look": value("at once", contender, "a_look"),
            **{f"elapsed {name}": value(name, contender, "elapsed") for name in ("at once", "20 ms", "100 ms")},
            **{name: value("latency", contender, name) for name in ("p50", "p95")},
            "memory": value("20 ms", contender, "memory"),
            "budget": value("limits", contender, "used"),
            "refused": value("limits", contender, "refused"),
            "missing": value("killed, by bookmark", contender, "missing"),
            "later": value("killed, by bookmark", contender, "later"),
            "double": value("killed, by bookmark", contender, "double"),
            "back": value("killed, by bookmark", contender, "back"),
            "missing by mark": value(BY_MARK, contender, "missing"),
            "double by mark": value(BY_MARK, contender, "double"),
        }
    return summary


FORMATS: Mapping[str, str] = {
    "cpu": "{:.2f}",
    "ratio": "{:.2f}",
    "a_look": "{:.2f}",
    "elapsed at once": "{:.1f}",
    "elapsed 20 ms": "{:.0f}",
    "elapsed 100 ms": "{:.0f}",
    "p50": "{:.1f}",
    "p95": "{:.1f}",
    "memory": "{:.0f}",
    "budget": "{:.0%}",
    "refused": "{:.0f}",
    "missing": "{:.0f}",
    "double": "{:.0f}",
    "double by mark": "{:.0f}",
    "back": "{:.0f} s",
}
COLUMNS = (
    "",
    "CPU",
    "ratio",
    "a look",
    "0 ms",
    "20 ms",
    "100 ms",
    "p50",
    "p95",
    "MB",
    "budget",
    "429s",
    "missing",
    "double",
    "by mark",
    "back",
)


def _rows(found: Mapping[str, Mapping[str, Sequence[Figures]]]) -> list[tuple[str, ...]]:
    return [
        (contender, *("–" if figures[name] is None else form.format(figures[name]) for name, form in FORMATS.items()))
        for contender, figures in _summary(found).items()
    ]


def _report(size: Size, rows: Sequence[Sequence[str]], figures: Mapping[str, Any]) -> Report:
    return Report(
        "peers",
        f"Beside others: the same orders, mapping and requests ({size.turns} × {size.at_once} orders, every customer new)",
        COLUMNS,
        rows,
        (
            "CPU: seconds of all processes per 1,000 orders, answers at once, without those of a look that finds nothing (a look).",
            f"0, 20, 100 ms an answer: seconds per 1,000 orders, first read to last mark ({size.at_20_ms}, {size.at_100_ms} orders).",
            f"p50, p95: seconds from placed to booked, {PER_SECOND} a second, a look every {EVERY:g} s. MB: of all processes, at most.",
            f"budget: share of the ERP's limit used in {size.limited_seconds} s, {size.limited} orders waiting; 429s: refused.",
            f"missing, double: orders, after -9 amid {size.kill} and a new start; by mark: double, reading only what is not marked.",
            "back: seconds from the new start to the last order that it booked.",
        ),
        figures,
    )


def _picture(summary: Mapping[str, Mapping[str, Any]]) -> str:
    def panel(name: str) -> list[Bar]:
        return [Bar(contender, figures[name]) for contender, figures in summary.items()]

    return bars(
        {
            "CPU against the bare loop": panel("ratio"),
            "Orders booked twice after a kill": panel("double"),
            "Orders missing after a kill": panel("missing"),
        },
        "ours",
    )
