"""The page of evidence says what the kept figures say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import evidence


def test_the_page_is_written_from_the_present_figures() -> None:
    assert evidence.PAGE.read_text() == evidence.page(), "run `python -m benchmarks.evidence`"


def test_a_quick_run_says_so_until_there_is_a_whole_one(tmp_path: Path) -> None:
    report = {
        "title": "Time to drain",
        "columns": ["what", "figure"],
        "rows": [["a|b", "1.07"]],
        "notes": ["Noted."],
        "measured_at": "2026-11-21T01:12:41.097Z",
        "on": {"cpus": 2, "machine": "x86_64", "system": "Linux", "python": "3.11.7"},
    }
    (tmp_path / "drain-quick.json").write_text(json.dumps(report))
    (tmp_path / "drain.svg").write_text("")
    quick = evidence.page(tmp_path, tmp_path)
    assert "| a/b | 1.07 |" in quick
    assert "small version" in quick
    assert "(pictures/drain.svg)" in quick
    (tmp_path / "drain.json").write_text(json.dumps({**report, "title": "Whole"}))
    assert "small version" not in evidence.page(tmp_path, tmp_path)
    assert "Whole" in evidence.page(tmp_path, tmp_path)
