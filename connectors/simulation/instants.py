"""The simulators' time: whole milliseconds since 1970, written as the contracts write instants."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_text(ms: int) -> str:
    """As in `2026-03-02T14:05:09.120Z`."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def to_ms(text: str) -> int:
    """The instant of an RFC 3339 text in UTC; ValueError where it is none."""
    if text[17:19] == "60":  # a leap second, which RFC 3339 knows and Python does not
        return to_ms(text[:17] + "59" + text[19:]) + 1000
    return (datetime.fromisoformat(text).astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)


class Clock:
    """Wall time that never goes back, so that no later change of a record gets an earlier instant."""

    def __init__(self) -> None:
        self._latest = 0

    def now(self) -> int:
        self._latest = max(self._latest, time.time_ns() // 1_000_000)
        return self._latest

    def text(self) -> str:
        return to_text(self.now())
