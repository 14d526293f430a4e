"""What a benchmark found: an aligned table for people, and the same figures as JSON in `results/`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from integration import clock

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Report:
    """`rows` are printed under `columns`; `notes` say what was measured and how; `figures` are the numbers for programs."""

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


def show(report: Report, console: Console) -> None:
    table = Table(title=report.title, title_justify="left", title_style="bold")
    for place, column in enumerate(report.columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in report.rows:
        table.add_row(*row)
    console.print(table)
    for note in report.notes:
        console.print(note, style="dim", highlight=False)
    console.print()


def keep(report: Report, quick: bool, folder: Path = RESULTS) -> Path:
    """Write the report beside the others; a quick one under a name of its own, so that it replaces no real one."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{report.name}{'-quick' if quick else ''}.json"
    machine = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()}
    file.write_text(json.dumps({"measured_at": clock.text(clock.now()), "on": machine, **asdict(report)}, indent=2) + "\n")
    return file
