"""What a run showed: a table for people, figures for programs, and a plot of what waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.figures import percentile
from benchmarks.plot import Line, plot
from benchmarks.processes import ROOT
from benchmarks.report import Report
from chaos.plan import LASTS
from chaos.run import Case, Result, Times, refused_by_limit, requests
from chaos.storm import Struck
from commands.demo.pairs import chosen
from commands.pairs import USUAL

DELAYED_SECONDS = 10.0
"""An order that takes longer was delayed: undisturbed it takes some three seconds."""

PICTURES = ROOT / "docs" / "pictures"


def report(result: Result) -> Report:
    times = result.times
    took = [(booked - placed).total_seconds() for placed, booked in times.values()]
    recovered = {name: [_recovery(one, times) for one in result.struck if one.fault == name] for name in LASTS}
    every = [seconds for found in recovered.values() for seconds in found]
    rows = [_row(name, found) for name, found in {**recovered, "all": every}.items() if found]
    case = result.case
    figures = {
        "seed": case.seed,
        "database": case.database,
        "pair": case.pair,
        "orders": case.orders,
        "rate": case.rate,
        "faults": list(case.faults),
        "wrong": result.wrong,
        "recovery": recovered,
        "delayed": sum(seconds > DELAYED_SECONDS for seconds in took),
        "seconds": {"p50": percentile(took, 50), "p99": percentile(took, 99), "longest": max(took)},
        "shipments": result.shipped,
        "counts": result.counted,
        "read_backs": result.read_backs,
        "refused_by_limit": refused_by_limit(result),
        "requests": requests(result),
        "waiting": [(round(at, 1), count) for at, count in result.waiting],
    }
    between = "" if case.pair == USUAL else f" from {chosen(case.pair).title}"
    what = f"{case.orders:,} orders{between} under {len(result.struck)} faults, on {case.database} (seed {case.seed})"
    title = f"{what}: seconds until all were booked again"
    return Report(_name(case), title, ("fault", "struck", "p50", "p99", "longest"), rows, _notes(result, figures), figures)


def _notes(result: Result, figures: Mapping[str, Any]) -> Sequence[str]:
    fates = [placing.fate for placing in result.placed.values()]
    dead, held, good = sum(fate in ("dead", "too late") for fate in fates), fates.count("held"), fates.count("booked")
    took, asked = figures["seconds"], " and ".join(f"{count:,} to {name}" for name, count in figures["requests"].items())
    verdict = (
        f"Verdict: {good:,} good orders are booked once, with their money, lines and customers; {dead} that a person must see are "
        f"dead letters and {held} that wait are on hold, each with its reason, and nothing else is. Every shipment is in the shop once, "
        "and the stock is equal."
    )
    if result.wrong:
        verdict = f"Verdict: {len(result.wrong)} things are not as they must be."
    load = (
        f"{result.shipped:,} shipments and {result.counted:,} counts of stock meanwhile. From placed to booked: p50 {took['p50']:.1f} s, "
        f"p99 {took['p99']:.1f} s; {figures['delayed']:,} orders took more than {DELAYED_SECONDS:g} s."
    )
    kept = (
        f"{result.read_backs} writes without an answer were found by reading back, and not sent again. "
        f"{figures['refused_by_limit'] or 'No'} requests were refused by a limit, of {asked}."
    )
    recovery = (
        "Recovery: from the end of a fault until the last order that was placed before it was booked; 0 where none had to wait. Faults "
        f"overlap, and each is charged with what the next one did. The run took {result.seconds / 60:.0f} min."
    )
    return verdict, load, kept, recovery


def picture(result: Result) -> None:
    """How many good orders waited, over time, for docs/evidence.md."""
    lines = [Line("good orders placed and not booked", result.waiting, "#cf222e")]
    title = f"{result.case.orders:,} orders under faults, on {result.case.database}"
    (PICTURES / f"{_name(result.case)}.svg").write_text(plot(title, "seconds", lines, result.shaded))


def _name(case: Case) -> str:
    return f"chaos-{case.database}" if case.pair == USUAL else f"chaos-{case.pair}-{case.database}"


def _recovery(one: Struck, times: Times) -> float:
    last = max((booked for placed, booked in times.values() if placed < one.ended), default=one.ended)
    return max(0.0, (last - one.ended).total_seconds())


def _row(name: str, seconds: Sequence[float]) -> tuple[str, ...]:
    return name, str(len(seconds)), f"{percentile(seconds, 50):.1f}", f"{percentile(seconds, 99):.1f}", f"{max(seconds):.1f}"
