"""The demo's live table, made to be enjoyed; and the same in a line where the output is no terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from commands.demo.following import Booked, Follower
from commands.output import lasting, printable
from integration.ports import Limits

SPARKS = "▁▂▃▄▅▆▇█"
CAUSES = 8
"""Causes of dead letters that are shown; the demo makes seven."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands around the numbers. `notices` are the last words about the processes."""

    title: str
    limits: Mapping[str, Limits]
    urls: Mapping[str, str]
    config: str
    notices: tuple[str, ...] = ()


def render(follower: Follower, seconds: float, signs: Signs) -> RenderableType:
    head = Text.assemble(("● ", "green"), (signs.title, "bold"), f"   {lasting(seconds)}")
    boxes = Columns([_orders(follower), _latency(follower), _budgets(follower, signs.limits)], padding=(0, 1))
    parts: list[RenderableType] = [head, boxes, _aside(follower), _events(follower), _places(signs)]
    parts += [Text(f"! {notice}", style="yellow") for notice in signs.notices]
    return Group(*parts)


def line(follower: Follower, seconds: float) -> str:
    """`12 s: 60 placed, 51 booked, 3 waiting, 4 dead-lettered, 2 left out; placed → booked p50 0.9 s, p95 1.8 s`"""
    counts = (
        f"{follower.placed} placed, {follower.booked} booked, {len(follower.waiting)} waiting, "
        f"{follower.dead} dead-lettered, {follower.skipped} left out"
    )
    median, tail = follower.quantile(0.5), follower.quantile(0.95)
    latency = f"; placed → booked p50 {median:.1f} s, p95 {tail:.1f} s" if median is not None and tail is not None else ""
    return f"{lasting(seconds)}: {counts}{latency}"


def _orders(follower: Follower) -> Panel:
    rows = Table.grid(padding=(0, 2))
    rows.add_column()
    rows.add_column(justify="right")
    for word, count, style in (
        ("placed", follower.placed, "bold"),
        ("booked", follower.booked, "bold green"),
        ("waiting", len(follower.waiting), "yellow" if follower.waiting else "dim"),
        ("dead-lettered", follower.dead, "bold red" if follower.dead else "dim"),
        ("left out", follower.skipped, "" if follower.skipped else "dim"),
    ):
        rows.add_row(Text(word), Text(f"{count:,}", style=style))
    return Panel(rows, title="Orders", border_style="dim", box=box.ROUNDED, width=26, height=7)


def _latency(follower: Follower) -> Panel:
    rows = Table.grid(padding=(0, 2))
    for word, share in (("p50", 0.5), ("p95", 0.95)):
        found = follower.quantile(share)
        rows.add_row(Text(word), Text("-" if found is None else f"{found:.2f} s", style="bold"))
    newest = list(follower.lasted)[-24:]
    top = max(newest, default=0.0) or 1.0
    spark = "".join(SPARKS[min(int(value / top * len(SPARKS)), len(SPARKS) - 1)] for value in newest)
    return Panel(Group(rows, Text(), Text(spark, style="cyan")), title="Placed → booked", border_style="dim", box=box.ROUNDED, width=30, height=7)


def _budgets(follower: Follower, limits: Mapping[str, Limits]) -> Panel:
    rows = Table.grid(padding=(0, 1))
    limited = []
    for name, limit in limits.items():
        used = follower.uses[name].requests if name in follower.uses else 0
        share = used / limit.requests
        style = "red" if share >= 1 else "yellow" if share > 0.8 else "green"
        bar = ProgressBar(total=limit.requests, completed=min(used, limit.requests), width=14, complete_style=style, finished_style=style)
        rows.add_row(Text(name), bar, Text(f"{used:,} / {limit.requests:,}", justify="right"))
        if share >= 1 and follower.waiting:
            limited.append(name)
    last = Text(f"the limit of {' and '.join(limited)} is what orders wait for", style="yellow") if limited else Text("requests in the last minute", style="dim")
    return Panel(Group(rows, Text(), last), title="API budget", border_style="dim", box=box.ROUNDED, width=52, height=7)


def _aside(follower: Follower) -> RenderableType:
    """Why orders wait, and why others are with the dead letters."""
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column(justify="right", width=4)
    rows.add_column(no_wrap=True, overflow="ellipsis", max_width=40)
    rows.add_column(no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
    for reason, count in follower.reasons.most_common(3):
        rows.add_row(Text(str(count), style="yellow"), Text("waiting"), Text(printable(reason)))
    for group in follower.groups[:CAUSES]:
        rows.add_row(Text(str(group.count), style="bold red"), Text(printable(group.cause)), Text(printable(group.example.reason)))
    if not rows.row_count:
        rows.add_row("", Text("nothing waits, nothing is dead-lettered", style="dim"), "")
    return Panel(rows, title="Waiting and dead letters", title_align="left", border_style="dim", box=box.ROUNDED)


def _events(follower: Follower) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True, justify="right")
    rows.add_column(no_wrap=True, overflow="ellipsis")
    for event in follower.events:
        key = event.placed.key
        if isinstance(event, Booked):
            rows.add_row(Text(event.target_key, style="green"), Text(f"← {key}"), Text(amount(event)), Text(f"{event.lasted:.1f} s", style="dim"))
        else:
            rows.add_row(Text("dead letter", style="red"), Text(f"← {key}"), Text(), Text(printable(event.reason), style="dim"))
    return Panel(rows, title="Last orders", title_align="left", border_style="dim", box=box.ROUNDED, height=follower.events.maxlen + 2 if follower.events.maxlen else None)


def _places(signs: Signs) -> RenderableType:
    places = Table.grid(padding=(0, 2))
    for name, url in signs.urls.items():
        places.add_row(Text(name), Text(url, style=f"cyan link {url}"))
    commands = [
        Text("In another terminal:", style="dim"),
        Text(f"  integration --config {signs.config} dead-letters list"),
        Text(f"  integration --config {signs.config} trace ORDER"),
        Text("Ctrl-C stops everything.", style="dim"),
    ]
    return Columns([places, Group(*commands)], padding=(0, 4))


def amount(event: Booked) -> str:
    order = event.placed.placing.order
    total = f"{Decimal(order['TotalAmount']):,.2f}"
    return f"${total}" if order["Currency"] == "USD" else f"{total} {order['Currency']}"
