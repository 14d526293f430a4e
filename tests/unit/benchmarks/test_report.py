"""A report is one table for people and one file for programs."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from benchmarks.report import Report, keep, show

REPORT = Report("cpu", "CPU seconds", ("mix", "ratio"), [("all new", "1.50")], ("how it was measured",), {"ratio": 1.5})


def test_a_table_shows_every_cell_and_note() -> None:
    screen = io.StringIO()
    show(REPORT, Console(file=screen, width=100))
    shown = screen.getvalue()
    assert all(text in shown for text in ("CPU seconds", "mix", "all new", "1.50", "how it was measured"))


def test_figures_are_kept_and_a_quick_run_replaces_none(tmp_path: Path) -> None:
    whole, quick = keep(REPORT, False, tmp_path), keep(REPORT, True, tmp_path)
    assert whole != quick
    kept = json.loads(whole.read_text())
    assert kept["figures"] == {"ratio": 1.5}
    assert kept["rows"] == [["all new", "1.50"]]
    assert kept["measured_at"].endswith("Z")
