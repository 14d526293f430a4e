"""`python -m chaos`: everything fails while orders flow, by the plan of a seed, and the systems at the end are judged from outside."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from benchmarks.report import keep, show
from chaos import seeds
from chaos.databases import DATABASES
from chaos.plan import LASTS
from chaos.progress import Progress
from chaos.report import picture, report
from chaos.run import Case, play
from commands.demo.pairs import chosen
from commands.pairs import USUAL
from integration.errors import Misconfigured

ORDERS, RATE = 10_000, 8.0
QUICK_ORDERS, QUICK_RATE = 300, 5.0
SHOWN = 20
WIDTH = 140


@click.command()
@click.argument("faults", nargs=-1, type=click.Choice(list(LASTS)), metavar="[FAULT]…")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same orders and the same plan of faults.")
@click.option("--database", "databases", type=click.Choice(DATABASES), multiple=True, help="Only on this one; else on each in turn.")
@click.option("--orders", type=click.IntRange(1), help=f"How many are placed; {ORDERS:,}, or {QUICK_ORDERS} with --quick.")
@click.option("--rate", type=click.FloatRange(0.1, 100), help=f"How many a second; {RATE:g}, or {QUICK_RATE:g} with --quick.")
@click.option("--pair", default=USUAL, show_default=True, metavar="SHOP-ERP", help="What it happens between, as in clarity-sage100.")
@click.option("--quick", is_flag=True, help="A small run of some minutes; what it finds is kept under a name of its own.")
@click.option("--replay", is_flag=True, help="Run the kept cases, one after the other, and nothing else.")
@click.option("--plan", "only_plan", is_flag=True, help="Print what would happen when, and do nothing.")
def main(
    *,
    faults: tuple[str, ...],
    seed: int,
    databases: tuple[str, ...],
    orders: int | None,
    rate: float | None,
    pair: str,
    quick: bool,
    replay: bool,
    only_plan: bool,
) -> None:
    """Strike a running installation by FAULTs (all, where none is named) while orders, shipments and stock flow, and judge the end.

    The faults: kill, flush, valkey, database, full-disk, lost-answers, refusals, outage, twice, freeze, clock, deploy, poison;
    docs/chaos.md explains each. Ends with 1 where anything is not as it must be.
    """
    many, fast = (QUICK_ORDERS, QUICK_RATE) if quick else (ORDERS, RATE)
    chosen(pair)  # says so where there is none
    cases = [Case(seed, one, orders or many, rate or fast, faults or tuple(LASTS), pair=pair) for one in databases or DATABASES]
    if replay:
        cases = [case for case in seeds.kept() if not databases or case.database in databases]
    for case in cases:
        if absent := [name for name in faults if name not in {turn.fault for turn in case.turns()}]:
            raise click.UsageError(f"{' and '.join(absent)} would not come: give it more time, by more --orders or a lower --rate.")
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    if only_plan:
        for turn in cases[0].turns():
            click.echo(f"{turn.at:7.1f} s  {turn.fault}, for {turn.lasts:g} s")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # all that was started ends, as on Ctrl-C
    whole = not (faults or replay)
    failed = [case for case in cases if not _run(case, console, kept=whole, quick=quick)]
    sys.exit(1 if failed else 0)


def _run(case: Case, console: Console, *, kept: bool, quick: bool) -> bool:
    """Whether all was as it must be. What a run leaves is kept where it was not."""
    console.print(seeds.command(case), style="bold", highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.chmod(0o755)  # PostgreSQL may have to run as another user
    progress = Progress(console, case.orders)
    try:
        result = play(case, folder, progress)
    except Misconfigured as error:
        shutil.rmtree(folder)
        raise click.ClickException(str(error)) from None
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise click.ClickException("stopped before its end; everything that was started has ended.") from None
    finally:
        progress.end()
    if result.evidence is not None:
        found = report(result)
        show(found, console)
        if kept:
            keep(found, quick)
            if not quick:
                picture(result)
    if not result.wrong:
        shutil.rmtree(folder)
        return True
    _tell(case, result.wrong, folder, console)
    return False


def _tell(case: Case, wrong: Sequence[str], folder: Path, console: Console) -> None:
    for sentence in wrong[:SHOWN]:
        console.print(f"· {sentence}", highlight=False, markup=False, soft_wrap=True)
    if len(wrong) > SHOWN:
        console.print(f"· and {len(wrong) - SHOWN} more")
    console.print(f"Logs and, on SQLite, the ledger are kept in {folder}. As seeds.toml keeps it:\n", highlight=False, soft_wrap=True)
    console.print(seeds.entry(case, wrong), highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
