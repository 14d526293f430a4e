"""The arithmetic of measurements: medians, percentiles, and the least time that an API limit allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any


def spread(values: Sequence[float], unit: str = "") -> str:
    """The median with the least and the greatest value."""
    return f"{median(values):.2f}{unit} ({min(values):.2f}–{max(values):.2f})"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def least_seconds(requests: int, limits: Any, latency: float) -> float:
    """The least time from the first request to the last answer, at `latency` seconds each and within `integration.ports.Limits`.

    Request k may start once request k - concurrent is answered, and once request k - limit has left the sliding window:
    start(k) = max(start(k - concurrent) + latency, start(k - limit) + window), and the answer comes `latency` later.
    """
    starts: list[float] = []
    for k in range(requests):
        slot = starts[k - limits.concurrent] + latency if k >= limits.concurrent else 0.0
        window = starts[k - limits.requests] + limits.per_seconds if k >= limits.requests else 0.0
        starts.append(max(slot, window))
    return starts[-1] + latency if starts else 0.0
