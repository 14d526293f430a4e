"""`integration reconcile stock`: compares every SKU on both sides, says what differs and why, and with --repair writes what is right."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from sqlalchemy import func, select

from commands.exits import Exit
from commands.failure import Failure
from commands.ledger import known_flow, opened
from commands.output import Column, console, json_option, print_json, print_table
from integration import clock
from integration.ledger import stock as ledger
from integration.ledger import tables
from integration.ledger.database import read, write
from integration.line import stock_pass
from integration.line.journey import House
from integration.line.stage import work_on
from integration.line.stock_pass import Difference
from integration.settings.model import Flow

LOOK_SECONDS = 0.2
REPAIR_SECONDS = 600.0
SHOWN = 200
"""Differences in a table for people; --json has all."""


@click.command("stock")
@click.option("--flow", "name", metavar="NAME", help="The flow, where several move stock.")
@click.option("--repair", is_flag=True, help="Write what should stand; without it nothing is sent.")
@json_option
@click.pass_context
def stock(ctx: click.Context, name: str | None, repair: bool, as_json: bool) -> None:
    """Compare every SKU on both sides, and repair what differs.

    Ctrl-C stops it; the same command goes on where it was. Ends with 3 where differences are left.
    """
    with opened(ctx.obj, credentials=True) as house:
        flow = _flow_of(house, name)
        _compare(house, flow, quiet=as_json)
        found = _differences(house, flow)
        left = found
        if repair and found:
            if not as_json:
                _tell(found, flow)
            _repair(house, flow, {one.sku for one in found})
            left = _differences(house, flow)
    if as_json:
        print_json(
            {"flow": flow.name, "differences": [asdict(one) for one in found], "repaired": repair, "left": [one.sku for one in left]}
        )
    elif not repair or not found:
        _tell(found, flow)
        if found:
            console().print(f"\nPlan: {len(found)} quantities would be written. Do it: integration reconcile stock --repair", style="dim")
    else:
        console().print(f"\n{len(found) - len(left)} of {len(found)} quantities are right now.")
    if left:
        ctx.exit(Exit.PERSON)


def _flow_of(house: House, name: str | None) -> Flow:
    flows = [flow for flow in house.settings.flows.values() if flow.entity == "stock"]
    if name is not None:
        found = house.settings.flows[known_flow(house.settings, name, "--flow")]
        if found.entity != "stock":
            raise click.BadParameter(f"{name} moves {found.entity}, not stock.", param_hint="--flow")
        return found
    if not flows:
        raise Failure("no flow moves stock; add one to integration.toml (`integration init` shows how).", Exit.MISCONFIGURED)
    if len(flows) > 1:
        raise click.UsageError(f"several flows move stock: {', '.join(flow.name for flow in flows)}; name one with --flow")
    return flows[0]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A batch of the pass that is open: where it stands."""

    batch_id: int
    side: str
    read: int
    due_in: float
    note: str | None


def _compare(house: House, flow: Flow, *, quiet: bool) -> None:
    """Do the pass, here and with whatever workers there are; one that was begun before is gone on with."""
    with write(house.engine) as connection:
        ledger.lock(connection, flow.name)
        run_id = connection.execute(
            select(tables.run.c.id).where(
                tables.run.c.flow == flow.name, tables.run.c.kind == stock_pass.ON_DEMAND, tables.run.c.state == "open"
            )
        ).scalar()
        if run_id is None:
            batch_id = stock_pass.begin(connection, flow, stock_pass.ON_DEMAND)
            run_id = connection.execute(select(tables.batch.c.run_id).where(tables.batch.c.id == batch_id)).scalar_one()
        known = connection.execute(select(func.count()).where(tables.stock.c.flow == flow.name)).scalar_one()
    with _bars(quiet=quiet) as bars:
        tasks = {side: bars.add_task(f"{words}", total=known or None) for side, words in _SIDES.items()}
        while (turn := _turn(house, run_id)) is not None:
            bars.update(tasks[turn.side], completed=turn.read, note=turn.note or "")
            if turn.due_in > 0:
                time.sleep(min(turn.due_in, LOOK_SECONDS))
            elif not work_on(house, turn.batch_id, "extract"):
                time.sleep(LOOK_SECONDS / 10)


_SIDES = {stock_pass.WAREHOUSE: "the ERP's quantities", stock_pass.CHANNEL: "the channel's"}


def _turn(house: House, run_id: int) -> _Turn | None:
    b = tables.batch.c
    with read(house.engine) as connection:
        row = connection.execute(
            select(b.id, b.page, b.due_at, b.note).where(b.run_id == run_id, b.state == "open").order_by(b.id.desc()).limit(1)
        ).one_or_none()
    if row is None:
        return None
    due_in = (row.due_at - clock.now()).total_seconds()
    return _Turn(row.id, row.page[stock_pass.PASS], row.page.get("read", 0), due_in, row.note)


@contextmanager
def _bars(*, quiet: bool) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    screen = console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=quiet or not screen.is_terminal) as bars:
        yield bars


def _differences(house: House, flow: Flow) -> list[Difference]:
    with read(house.engine) as connection:
        return stock_pass.differences(connection, flow)


def _repair(house: House, flow: Flow, skus: set[str]) -> None:
    """Have the publisher write these, here if nobody else does."""
    with write(house.engine) as connection:
        ledger.mark_due(connection, flow.name, skus)
        batch_id = ledger.ring(connection, flow.name)
    deadline = clock.now() + timedelta(seconds=REPAIR_SECONDS)
    while clock.now() < deadline:
        work_on(house, batch_id, "load")
        with read(house.engine) as connection:
            due = ledger.next_due(connection, flow.name)
        if due is None or due > clock.now() + timedelta(seconds=30):
            return
        time.sleep(LOOK_SECONDS)


def _tell(found: list[Difference], flow: Flow) -> None:
    columns = [
        Column("sku", "SKU", style="bold"),
        Column("available", "Available in the ERP", right=True),
        Column("promised", "Promised", right=True),
        Column("buffer", "Buffer", right=True),
        Column("should", "Should show", right=True),
        Column("shows", "Shows", right=True),
        Column("cause", "Cause"),
    ]
    rows = [{**asdict(one), "buffer": flow.buffer.of(one.item)} for one in found[:SHOWN]]
    print_table(rows, columns, empty="Every SKU that the channel knows shows what it should.")
    if len(found) > SHOWN:
        console().print(f"… and {len(found) - SHOWN} more; --json has all.", style="dim")
