"""`python -m benchmarks.evidence` writes docs/evidence.md anew from the figures that the last runs have left as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.report import RESULTS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
PICTURES = ROOT / "docs" / "pictures"

HEAD = """# Evidence

What we claim, measured. Each table is what its command printed when it ran last, and stands with all its figures as JSON in
`benchmarks/results/`; a run replaces its own. How each is measured, and what it does not say: [benchmarks.md](benchmarks.md) and
[chaos.md](chaos.md). This page is written by `python -m benchmarks.evidence`.
"""

CHAPTERS: Mapping[str, tuple[str, ...]] = {
    "Faults": ("chaos-sqlite", "chaos-postgresql", "chaos-clarity-sage100-sqlite", "chaos-clarity-sage100-postgresql"),
    "Beside others": ("peers", "cpu"),
    "Limits": ("drain", "lanes"),
    "Time": ("latency", "stock", "accuracy", "intake"),
    "Size": ("memory", "growth"),
}
"""In this order; a result that has not been measured in full is shown as its quick run, and says so."""


def page(results: Path = RESULTS, pictures: Path = PICTURES) -> str:
    parts = [HEAD]
    for chapter, names in CHAPTERS.items():
        sections = [section for name in names if (section := _section(name, results, pictures))]
        if sections:
            parts += [f"## {chapter}", *sections]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(name: str, results: Path, pictures: Path) -> str:
    full, quick = results / f"{name}.json", results / f"{name}-quick.json"
    file = full if full.exists() else quick
    if not file.exists():
        return ""
    found = json.loads(file.read_text())
    small = " This was the small version of it." if file == quick else ""
    lines = [
        f"### {found['title']}",
        "\n".join(_table(found["columns"], found["rows"])),
        " ".join([*found["notes"], f"Measured on {found['measured_at'][:10]}, {_machine(found['on'])}.{small}"]),
    ]
    if (pictures / f"{name}.svg").exists():
        lines.append(f"![{found['title']}](pictures/{name}.svg)")
    return "\n\n".join(lines)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [_row(columns), _row(["---", *("---:" for _ in columns[1:])])]
    return lines + [_row(row) for row in rows]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _machine(on: Mapping[str, Any]) -> str:
    return f"{on['cpus']} cores ({on['machine']}), {on['system']}, Python {on['python']}"


@click.command()
def main() -> None:
    """Write docs/evidence.md anew from benchmarks/results."""
    PAGE.write_text(page())
    click.echo(f"{PAGE.relative_to(ROOT)} is written anew.")


if __name__ == "__main__":
    main()
