"""`integration reconcile orders`: proves that each order of a stretch of time is booked once with equal money, and repairs what it can."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import func, select

from commands.asking import confirm
from commands.exits import Exit
from commands.failure import Failure
from commands.ledger import known_flow, opened
from commands.moments import Moment, MomentType
from commands.output import Column, console, json_option, print_json, print_table
from integration import clock
from integration.ledger import audit, findings, tables
from integration.ledger.database import read, write
from integration.ledger.findings import Finding, Verdict
from integration.line import reconcile_orders as line
from integration.line.journey import House
from integration.line.proof import FAULTS
from integration.line.reconcile_orders import Reconciliation, Step
from integration.line.stage import work_on
from integration.settings.model import Flow

LOOK_SECONDS = 0.2
VERDICTS: tuple[Verdict, ...] = ("proven", "explained", *FAULTS)

ZERO = Decimal("0.00")

SHOWN = 200
"""Findings in a table for people; --json has all."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one currency: what counts on each side, and how much of the difference belongs to orders that are explained."""

    currency: str
    placed: int
    placed_amount: Decimal
    booked: int
    booked_amount: Decimal
    difference: Decimal
    explained: Decimal


@click.command()
@click.option("--since", type=MomentType(), required=True, metavar="DATE", help="Placed from here on: a day, an instant, or 7d.")
@click.option("--until", type=MomentType(), metavar="DATE", help="Placed before this; now, where it is left out.")
@click.option("--flow", "name", metavar="NAME", help="The flow, where several move orders.")
@click.option("--repair", is_flag=True, help="Send what is missing or behind through the line once more.")
@click.option("--yes", is_flag=True, help="Repair without asking.")
@json_option
@click.pass_context
def orders(ctx: click.Context, since: Moment, until: Moment | None, name: str | None, repair: bool, yes: bool, as_json: bool) -> None:
    """Prove that each order of a stretch of time is booked exactly once with equal money.

    Ctrl-C stops it; the same command goes on where it was. Ends with 3 where an order is missing, double or different.
    """
    end = until or Moment(clock.now(), "now")
    if since.at >= end.at:
        raise click.BadParameter(f"must lie before --until, which is {clock.text(end.at)}.", param_hint="--since")
    with opened(ctx.obj, credentials=True) as house:
        flow = _flow_of(house, name)
        words = f"since {since.words} until {end.words}"
        run, taken_up = findings.begin(house.engine, flow.name, _whole(since), _whole(end), words)
        proof = Reconciliation(house, run)
        if taken_up:
            console(stderr=True).print(f"goes on at {clock.text(run.place)}, in run {run.id}")
        _follow(proof.prove(), "the same command goes on from there.")
        repaired = _repair(house, flow, proof, run.id, yes=yes, quiet=as_json) if repair else 0
        with read(house.engine) as connection:
            found = findings.listed(connection, run.id, (*FAULTS, "explained"))
            everything = findings.listed(connection, run.id, VERDICTS)
    left = [one for one in found if one.verdict in FAULTS]
    sums = _sums(everything)
    if as_json:
        counts: dict[str, int] = {verdict: sum(one.verdict == verdict for one in everything) for verdict in VERDICTS}
        answer = {"run": run.id, "flow": flow.name, "since": run.since, "until": run.until, "orders": len(everything), **counts}
        print_json({**answer, "repaired": repaired, "sums": [asdict(one) for one in sums], "findings": [asdict(one) for one in found]})
    else:
        _tell(found, sums, len(everything), flow)
        if not repair and any(one.repairable for one in left):
            count = sum(one.repairable for one in left)
            console().print(f"\n{count} of these can be sent through the line again: add --repair", style="dim")
    if left:
        ctx.exit(Exit.PERSON)


def _whole(moment: Moment) -> datetime:
    return clock.instant(clock.text(moment.at))


def _flow_of(house: House, name: str | None) -> Flow:
    flows = [flow for flow in house.settings.flows.values() if flow.entity == "order"]
    if name is not None:
        found = house.settings.flows[known_flow(house.settings, name, "--flow")]
        if found.entity != "order":
            raise click.BadParameter(f"{name} moves {found.entity}, not orders.", param_hint="--flow")
        return found
    if not flows:
        raise Failure("no flow moves orders; add one to integration.toml (`integration init` shows how).", Exit.MISCONFIGURED)
    if len(flows) > 1:
        raise click.UsageError(f"several flows move orders: {', '.join(flow.name for flow in flows)}; name one with --flow")
    return flows[0]


def _follow(steps: Iterator[Step], stopped: str) -> None:
    try:
        with _bars() as bars:
            tasks = {}
            for step in steps:
                if step.what not in tasks:
                    tasks[step.what] = bars.add_task(step.what, total=1.0)
                bars.update(tasks[step.what], completed=step.part)
    except KeyboardInterrupt:
        raise Failure(f"stopped; {stopped}", Exit.STOPPED) from None


@contextmanager
def _bars() -> Iterator[Progress]:
    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bars:
        yield bars


def _repair(house: House, flow: Flow, proof: Reconciliation, run_id: int, *, yes: bool, quiet: bool) -> int:
    """Tell the plan, ask, send, and look again; gives how many were sent."""
    with read(house.engine) as connection:
        wanted = [one for one in findings.listed(connection, run_id, FAULTS) if one.repairable]
    if not wanted:
        return 0
    if not quiet:
        print_table([asdict(one) for one in wanted[:SHOWN]], [*_COLUMNS[:2], Column("cause", "Will be sent again, because")])
    confirm(f"Send {_count(len(wanted), 'order')} of {flow.source} through the line once more?", yes)
    keys = [one.source_key for one in wanted]
    repair_id = line.repair(house, flow.name, keys)
    with write(house.engine) as connection:
        audit.record(connection, "repair orders", flow.name, run=repair_id, orders=len(keys))
    _follow(_sent(house, repair_id, len(keys)), f"what was begun goes on by itself: integration status (run {repair_id})")
    _follow(proof.prove_again(keys), "the same command looks again.")
    return len(keys)


def _sent(house: House, run_id: int, total: int) -> Iterator[Step]:
    """Work on the repair, beside whatever workers there are, until it is through."""
    b, r = tables.batch.c, tables.record.c
    while True:
        with read(house.engine) as connection:
            under_way = connection.execute(select(b.id, b.stage, b.due_at).where(b.run_id == run_id, b.state == "open")).all()
            ended = select(func.count()).join(tables.batch, b.id == r.batch_id).where(b.run_id == run_id, r.finished_at.is_not(None))
            done = connection.execute(ended).scalar_one()
        yield Step("sending", done / total)
        if not under_way:
            return
        moment = clock.now()
        for batch in under_way:
            if batch.due_at <= moment:
                work_on(house, batch.id, batch.stage)
        if all(batch.due_at > moment for batch in under_way):
            time.sleep(LOOK_SECONDS)


def _sums(found: Sequence[Finding]) -> list[Sum]:
    by_currency: dict[str, list[Finding]] = defaultdict(list)
    for one in found:
        if one.currency is not None:
            by_currency[one.currency].append(one)
    return [_sum(currency, by_currency[currency]) for currency in sorted(by_currency)]


def _sum(currency: str, found: Sequence[Finding]) -> Sum:
    placed = sum((_placed(one) for one in found), ZERO)
    booked = sum((_booked(one) for one in found), ZERO)
    explained = sum((_booked(one) - _placed(one) for one in found if one.verdict == "explained"), ZERO)
    counts = sum(one.amount is not None for one in found), sum(len(one.booked) for one in found)
    return Sum(currency, counts[0], placed, counts[1], booked, booked - placed, explained)


def _placed(one: Finding) -> Decimal:
    return Decimal(one.amount or 0)


def _booked(one: Finding) -> Decimal:
    return sum((Decimal(amount) for _, amount in one.booked), ZERO)


_COLUMNS = (Column("source_key", "Order", style="bold"), Column("reference", "Number"), Column("verdict", "Verdict"))


def _tell(found: Sequence[Finding], sums: Sequence[Sum], total: int, flow: Flow) -> None:
    order = {verdict: place for place, verdict in enumerate((*FAULTS, "explained"))}
    rows = [asdict(one) for one in sorted(found, key=lambda one: order[one.verdict])]
    columns = [*_COLUMNS, Column("cause", "Why"), Column("advice", "What to do")]
    proven = total - len(found)
    title = f"{_count(total, 'order')}: {proven} proven, {sum(one.verdict == 'explained' for one in found)} explained"
    print_table(rows[:SHOWN], columns, title=title, empty=f"{title}. Each is booked once with equal money.")
    if len(rows) > SHOWN:
        console().print(f"… and {len(rows) - SHOWN} more; --json has all.", style="dim")
    console().print()
    sides = [Column("placed", f"Orders in {flow.source}", right=True), Column("placed_amount", "Money", right=True)]
    sides += [Column("booked", f"Orders in {flow.target}", right=True), Column("booked_amount", "Money", right=True)]
    rest = [Column("difference", "Difference", right=True), Column("explained", "Explained", right=True)]
    print_table([asdict(one) for one in sums], [Column("currency", "Currency", style="bold"), *sides, *rest], empty="")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
