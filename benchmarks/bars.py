"""Panels of horizontal bars as SVG, one for each question, with the same names in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

PANEL, NAMES, ROW, TOP, LABEL = 280, 110, 22, 40, 50
OURS, OTHERS = "#1a7f37", "#8c959f"


@dataclass(frozen=True, slots=True)
class Bar:
    """`value` is None where there is none."""

    name: str
    value: float | None


def bars(panels: Mapping[str, Sequence[Bar]], highlight: str) -> str:
    """An SVG document; the bar of the name `highlight` has a colour of its own."""
    rows = max(map(len, panels.values()), default=0)
    width, height = NAMES + PANEL * len(panels), TOP + ROW * rows + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for place, (title, panel) in enumerate(panels.items()):
        left = NAMES + PANEL * place
        most = max((bar.value or 0.0 for bar in panel), default=0.0) or 1.0
        parts.append(f'<text x="{left}" y="20" font-weight="bold">{escape(title)}</text>')
        for row, bar in enumerate(panel):
            y = TOP + ROW * row
            if not place:
                parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(bar.name)}</text>')
            long = (bar.value or 0.0) / most * (PANEL - LABEL)
            colour = OURS if bar.name == highlight else OTHERS
            parts.append(f'<rect x="{left}" y="{y}" width="{max(long, 1):.1f}" height="{ROW - 6}" fill="{colour}"/>')
            value = "–" if bar.value is None else f"{bar.value:.4g}"
            parts.append(f'<text x="{left + max(long, 1) + 5:.1f}" y="{y + 12}">{value}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
