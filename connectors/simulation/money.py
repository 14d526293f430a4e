"""Money of the contracts as whole units of its last decimal, so that sums are exact."""

from __future__ import annotations


def units(text: str) -> int:
    """Cents of `"19.90"`; ten-thousandths of `"24.0000"`."""
    return int(text.replace(".", "", 1))


def amount(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
