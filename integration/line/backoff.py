"""How long to wait before another try: doubling, capped, and spread so that what failed together does not return together."""

from __future__ import annotations

import random

LONGEST = 300.0


def backoff(attempts: int, longest: float = LONGEST) -> float:
    """Seconds before the try after the `attempts`-th: between half of and all of 1, 2, 4 … `longest`."""
    most = min(longest, 2.0 ** min(max(attempts - 1, 0), 10))
    return random.uniform(most / 2, most)  # noqa: S311 - no secret depends on it
