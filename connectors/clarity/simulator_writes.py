"""What the writes of the simulated Clarity have in common: money in cents, ids, and no-ops that leave updatedAt alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.simulation.answers import Record, Refusal

FUTURE_MS = 5 * 60 * 1000
MOST = 1_000_000


def cents(amount: float | None) -> int:
    """Whole cents of a JSON number."""
    return round((amount or 0) * 100)


def money(count: int) -> float:
    """A JSON number of whole cents."""
    return count // 100 if count % 100 == 0 else count / 100


def changed(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> Record:
    return {name: value for name, value in wanted.items() if record.get(name) != value}


def conflict(code: str, detail: str, **members: Any) -> Refusal:
    return Refusal(409, code, detail, members=members)
