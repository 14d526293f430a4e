"""What commands print: aligned tables for people, JSON for scripts, times as a person says them.

Colours and full width are rich's decision: none where the output is no terminal or NO_COLOR is set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from integration import clock

F = TypeVar("F", bound=Callable[..., Any])

_UNCUT = 1000  # columns of what is no terminal: a script gets every table whole
_UNITS = ((86400, "day"), (3600, "h"), (60, "min"), (1, "s"))
_steering = re.compile("[\\x7f-\\x9f\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]")
"""What JSON leaves as it is and a terminal obeys."""
_MARKS = {True: Text("✓", style="green"), False: Text("✗", style="bold red")}


@dataclass(frozen=True, slots=True)
class Column:
    """`key` of the row. Values: text, number, Decimal, bool (a mark), datetime (how long ago), None (a dash), or a rich Text."""

    key: str
    title: str
    right: bool = False
    style: str = ""


def json_option(command: F) -> F:
    """Adds `--json`, which the command takes as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of a table.")(command)


def console(*, stderr: bool = False) -> Console:
    """A console on what stdout or stderr is now; it reads no markup, so that data is printed as it is."""
    screen = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not screen.is_terminal:
        screen.width = _UNCUT
    return screen


def print_json(data: Any) -> None:
    click.echo(as_json_text(data))


def as_json_text(data: Any) -> str:
    """Decimals as text, instants in UTC with Z."""
    text = json.dumps(data, default=_plain, indent=2, ensure_ascii=False)
    return _steering.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[Column], *, title: str = "", empty: str = "nothing") -> None:
    """One line a row; `empty` is the sentence where there are none."""
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column.title, justify="right" if column.right else "left", style=column.style, overflow="fold")
    for row in rows:
        table.add_row(*(cell(row.get(column.key)) for column in columns))
    console().print(table if table.row_count else empty)


def cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if isinstance(value, bool):
        return _MARKS[value]
    if isinstance(value, datetime):
        return Text(ago(value))
    return Text("-" if value is None else printable(str(value)))


def printable(text: str) -> str:
    """Without control characters: what a system says must not steer the terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`2 min ago`, `just now`, `in 3 h`."""
    seconds = ((now or clock.now()) - moment).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    return f"{lasting(seconds, parts=1)} ago" if seconds > 0 else f"in {lasting(-seconds, parts=1)}"


def lasting(seconds: float, parts: int = 2) -> str:
    """`850 ms`, `12 s`, `2 min 5 s`, `3 days 4 h`: the largest `parts` units, cut, not rounded."""
    if seconds < 1:
        return f"{int(seconds * 1000)} ms"
    rest = int(seconds)
    words = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''}")
        if words and len(words) < parts and not count:
            break
    return " ".join(words[:parts])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return clock.text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
