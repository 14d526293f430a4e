"""`python -m benchmarks [NAME…] [--quick]`: runs the named benchmarks (all by default), prints their tables and keeps them as JSON."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

import click
from rich.console import Console

from benchmarks import accuracy, cpu, drain, growth, intake, lanes, latency, memory, stock
from benchmarks.peers import compare
from benchmarks.progress import Progress
from benchmarks.report import RESULTS, Report, keep, show

BENCHMARKS: Mapping[str, Callable[..., Report]] = {
    "cpu": cpu.run,
    "drain": drain.run,
    "latency": latency.run,
    "lanes": lanes.run,
    "memory": memory.run,
    "growth": growth.run,
    "stock": stock.run,
    "accuracy": accuracy.run,
    "intake": intake.run,
    "peers": compare.run,
}

WIDTH = 140
"""Of the tables where they are written to a file."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)), metavar="[NAME]…")
@click.option("--quick", is_flag=True, help="A small version of each, within about three minutes: does everything work?")
def main(names: tuple[str, ...], *, quick: bool) -> None:
    """Measure a running installation between simulated systems on this machine: cpu, drain, latency, lanes, memory, growth, stock,
    accuracy, intake, peers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all that was started ends, as on Ctrl-C
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    progress = Progress(console)
    for name in names or BENCHMARKS:
        report = BENCHMARKS[name](progress, quick=quick)
        show(report, console)
        keep(report, quick)
    console.print(f"Kept as JSON in {RESULTS}", style="dim", highlight=False)


if __name__ == "__main__":
    main()
