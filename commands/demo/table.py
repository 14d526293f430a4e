"""The demo's live table, made to be enjoyed; and the same in a line where the output is no terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from commands.demo.following import EVENTS, Booked, Follower, OnHold, Told
from commands.output import lasting, printable

STEPS = "▁▂▃▄▅▆▇█"
SPARKS = 16
BOX_HEIGHT = 10
NOTICES, REASONS = 3, 3
CAUSES = 8
"""Causes of dead letters that are shown; the demo makes seven."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands around the numbers."""

    title: str
    urls: Mapping[str, str]
    config: str

    @property
    def command(self) -> str:
        """What to type in another terminal, where the virtual environment may not be in the PATH."""
        program = Path(sys.executable).with_name("integration")
        return f"{'integration' if shutil.which('integration') else os.path.relpath(program)} --config {self.config}"


def render(follower: Follower, seconds: float, signs: Signs, notices: Sequence[str]) -> RenderableType:
    """The most wanted first: a terminal that is too low cuts the end off."""
    head = Text.assemble(("● ", "green"), ("integration demo", "bold"), f"   {signs.title}, for {lasting(seconds)}")
    boxes = Table.grid(padding=(0, 1, 0, 0), expand=True)
    for ratio in (5, 5, 8):
        boxes.add_column(ratio=ratio)
    boxes.add_row(_orders(follower), _latency(follower), _budgets(follower))
    said = [Text(f"! {notice}", style="yellow") for notice in notices[-NOTICES:]]
    return Group(head, boxes, _places(follower, signs), *said, _aside(follower), _events(follower))


def line(follower: Follower) -> str:
    """`60 placed, 51 booked, 3 waiting, 4 dead-lettered, 2 left out; placed → booked p50 0.9 s, p95 1.8 s`"""
    counts = (
        f"{follower.placed} placed, {follower.booked} booked, {len(follower.waiting)} waiting, "
        f"{follower.held} on hold, {follower.dead} dead-lettered, {follower.skipped} left out, {follower.shipped} shipments told"
    )
    median, tail = follower.quantile(0.5), follower.quantile(0.95)
    latency = f"; placed → booked p50 {median:.1f} s, p95 {tail:.1f} s" if median is not None and tail is not None else ""
    return f"{counts}{latency}"


def _panel(content: RenderableType, title: str, height: int | None = None) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim", box=box.ROUNDED, height=height)


def _orders(follower: Follower) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_column()
    rows.add_column(justify="right")
    for word, count, style in (
        ("placed", follower.placed, "bold"),
        ("booked", follower.booked, "bold green"),
        ("waiting", len(follower.waiting), "yellow"),
        ("on hold", follower.held, "bold yellow"),
        ("dead-lettered", follower.dead, "bold red"),
        ("left out", follower.skipped, ""),  # cancelled before they were booked
        ("shipments told", follower.shipped, "bold cyan"),
        ("stock changes", follower.stock_changes, "cyan"),
    ):
        rows.add_row(word, Text(f"{count:,}", style=style if count else "dim"))
    return _panel(rows, "Orders", BOX_HEIGHT)


def _latency(follower: Follower) -> Panel:
    rows = Table.grid(padding=(0, 2))
    for word, share in (("p50", 0.5), ("p95", 0.95)):
        found = follower.quantile(share)
        rows.add_row(word, Text("-" if found is None else f"{found:.2f} s", style="bold"))
    newest = list(follower.lasted)[-SPARKS:]
    top = max(newest, default=0.0) or 1.0
    spark = "".join(STEPS[min(int(seconds / top * len(STEPS)), len(STEPS) - 1)] for seconds in newest)
    return _panel(Group(rows, "", Text(spark, style="cyan")), "Placed → booked", BOX_HEIGHT)


def _budgets(follower: Follower) -> Panel:
    rows = Table.grid(padding=(0, 1), expand=True)
    rows.add_column()
    rows.add_column(ratio=1)
    rows.add_column(justify="right", no_wrap=True)
    full = []
    for name, limit in follower.limits.items():
        used = follower.uses[name].requests if name in follower.uses else 0
        style = "red" if used >= limit.requests else "yellow" if used > 0.8 * limit.requests else "green"
        bar = ProgressBar(total=limit.requests, completed=min(used, limit.requests), complete_style=style, finished_style=style)
        rows.add_row(name, bar, f"{used:,} / {limit.requests:,}")
        if used >= limit.requests and follower.waiting:
            full.append(name)
    said = (
        Text(f"orders wait for the limit of {' and '.join(full)}", style="yellow")
        if full
        else Text("requests in the last minute", style="dim")
    )
    return _panel(Group(rows, "", said), "API budget", BOX_HEIGHT)


def _places(follower: Follower, signs: Signs) -> RenderableType:
    places = Table.grid(padding=(0, 2))
    for name, url in signs.urls.items():
        places.add_row(name, Text(url, style=f"cyan link {url}"))
    command = f"  {signs.command}"
    hints = Text.assemble(
        ("In another terminal:\n", "dim"),
        f"{command} dead-letters list\n{command} trace {follower.first or 'ORDER'}\n",
        ("Ctrl-C stops everything.", "dim"),
    )
    return Columns([places, hints], padding=(0, 4))


def _aside(follower: Follower) -> RenderableType:
    """Why orders wait, what the ERP warned of, and why others are with the dead letters."""
    rows = Table.grid(padding=(0, 2, 0, 0), expand=True)
    rows.add_column(justify="right", min_width=3)
    rows.add_column(no_wrap=True, overflow="ellipsis", min_width=20, max_width=36)
    rows.add_column(no_wrap=True, overflow="ellipsis", style="dim", ratio=1)
    for reason, count in follower.reasons.most_common(REASONS):
        rows.add_row(Text(str(count), style="yellow"), Text("waiting", style="yellow"), Text(printable(reason)))
    if follower.warned:
        rows.add_row(
            Text(str(follower.warned), style="green"), Text("booked with a warning", style="green"), Text(printable(follower.warning))
        )
    kinds = Counter(hold.kind for hold in follower.on_hold)
    newest = {hold.kind: hold for hold in follower.on_hold}
    for kind, count in kinds.most_common():
        waits = Text(f"on hold: {kind.replace('_', ' ')}", style="yellow")
        rows.add_row(Text(str(count), style="yellow"), waits, Text(printable(newest[kind].reason)))
    for group in follower.groups[:CAUSES]:
        rows.add_row(Text(str(group.count), style="bold red"), Text(printable(group.cause)), Text(printable(group.example.reason)))
    return _panel(
        rows if rows.row_count else Text("nothing waits, nothing is dead-lettered", style="dim"),
        "Waiting, on hold, and dead letters by cause",
    )


def _events(follower: Follower) -> RenderableType:
    rows = Table.grid(padding=(0, 2, 0, 0), expand=True)
    rows.add_column(no_wrap=True, min_width=11)
    rows.add_column(no_wrap=True, min_width=12)
    rows.add_column(no_wrap=True, min_width=9, justify="right")
    rows.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for event in reversed(follower.events):
        key = "" if isinstance(event, Told) else f"← {event.placed.key}"
        if isinstance(event, Booked):
            took = Text(f"{event.lasted:.1f} s", style="dim")
            if event.note:
                took.append(f"  {printable(event.note)}", style="yellow")
            rows.add_row(Text(event.target_key, style="green"), key, _amount(event), took)
        elif isinstance(event, Told):
            rows.add_row(Text(event.shipment, style="cyan"), f"→ {event.order_key}", "", Text("shipment told to the shop", style="dim"))
        else:
            word, style = ("on hold", "yellow") if isinstance(event, OnHold) else ("dead letter", "red")
            rows.add_row(Text(word, style=style), key, "", Text(printable(event.reason), style="dim"))
    return _panel(rows, "Last orders", EVENTS + 2)


def _amount(event: Booked) -> str:
    sale = event.placed.placing.sale
    return f"${sale.total:,.2f}" if sale.currency == "USD" else f"{sale.total:,.2f} {sale.currency}"
