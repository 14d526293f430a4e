"""The rate and concurrency limit of one client, counted as the contracts' `x-rate-limit-rule` says."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable


class Limit:
    """At most `requests` accepted in any `per_seconds` seconds (sliding) and `concurrent` in progress; the refused are not counted."""

    def __init__(self, requests: int, per_seconds: float, concurrent: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests = requests
        self.per_seconds = per_seconds
        self.concurrent = concurrent
        self.in_progress = 0
        self.peak_concurrent = 0
        self.peak_window = 0
        self._clock = clock
        self._accepted: deque[float] = deque()

    def enter(self, *, writes: bool = False) -> int | None:  # some systems count writes apart
        """Accept a request and answer None, or refuse it and answer the whole seconds to wait."""
        now = self._clock()
        while self._accepted and self._accepted[0] <= now - self.per_seconds:
            self._accepted.popleft()
        if len(self._accepted) >= self.requests:
            return max(1, math.ceil(self._accepted[0] + self.per_seconds - now))
        if self.in_progress >= self.concurrent:
            return 1
        self._accepted.append(now)
        self.in_progress += 1
        self.peak_concurrent = max(self.peak_concurrent, self.in_progress)
        self.peak_window = max(self.peak_window, len(self._accepted))
        return None

    def leave(self, *, writes: bool = False) -> None:
        self.in_progress -= 1
