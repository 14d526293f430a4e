"""A plot of lines over time as SVG, drawn by hand: nothing more is needed here than axes, lines and a few words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 360, 60, 50, 20, 45
TICKS = 5


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: Sequence[tuple[float, float]]
    colour: str


def plot(title: str, unit: str, lines: Sequence[Line], shaded: Sequence[tuple[float, float]] = ()) -> str:
    """An SVG document; `shaded` are stretches of the horizontal axis."""
    most_x = max((x for line in lines for x, _ in line.points), default=1.0) or 1.0
    most_y = max((y for line in lines for _, y in line.points), default=1.0) or 1.0
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / most_x * wide, TOP + high - y / most_y * high

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for start, end in shaded:
        (x0, y0), (x1, _) = at(start, most_y), at(min(end, most_x), 0)
        parts.append(f'<rect x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{high}" fill="#eaeef2"/>')
    for step in range(TICKS + 1):
        (x, base), (_, y) = at(most_x * step / TICKS, 0), at(0, most_y * step / TICKS)
        parts.append(f'<text x="{x:.1f}" y="{base + 18:.1f}" text-anchor="middle">{most_x * step / TICKS:.0f}</text>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{most_y * step / TICKS:.0f}</text>')
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#d0d7de" stroke-width="0.5"/>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{escape(unit)}; shaded: a system does not answer</text>')
    for place, line in enumerate(lines):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line.points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="1.3"/>')
        parts.append(f'<text x="{LEFT + place * 220}" y="40" fill="{line.colour}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
