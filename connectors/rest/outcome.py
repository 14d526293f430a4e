"""What an answer means: one table from status to the decision it asks for, and the error that says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

from integration import clock
from integration.errors import NoAnswer, Transient

DEFAULT_PAUSE = 30.0
"""Seconds to pause after a 429 that does not say how long."""
LONGEST_PAUSE = 3600.0
"""A Retry-After beyond an hour is a mistake of the server or of its clock."""


class Outcome(Enum):
    DONE = "done"
    DENIED = "denied"  # renew the token, once
    FORBIDDEN = "forbidden"
    MOVED = "moved"
    REFUSED = "refused"
    ABSENT = "absent"
    CONFLICT = "conflict"
    LIMITED = "limited"
    LATER = "later"  # surely not done
    UNKNOWN = "unknown"  # a write may have been committed


# Contracts: a request answered 4xx changed nothing; after a 5xx a write may or may not have been committed, 503 included.
# The first row that holds the status counts.
_TABLE: tuple[tuple[range, Outcome], ...] = (
    (range(200, 300), Outcome.DONE),
    (range(300, 400), Outcome.MOVED),
    (range(401, 402), Outcome.DENIED),
    (range(403, 404), Outcome.FORBIDDEN),
    (range(404, 405), Outcome.ABSENT),
    (range(408, 409), Outcome.UNKNOWN),  # a proxy's word, which does not know what the server behind it did
    (range(409, 410), Outcome.CONFLICT),
    (range(423, 424), Outcome.LATER),
    (range(429, 430), Outcome.LIMITED),
    (range(400, 500), Outcome.REFUSED),
)


def of(status: int) -> Outcome:
    return next((outcome for statuses, outcome in _TABLE if status in statuses), Outcome.UNKNOWN)


def again(message: str, *, writes: bool, retry_after: float | None = None) -> Transient:
    """The error for an outcome that is not known: a read is simply done again, a write is looked up first."""
    return NoAnswer(message, retry_after) if writes else Transient(message, retry_after)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header (RFC 9110), a number or a date; None where none can be read. `headers` have names in lower case."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if text.isdecimal() else (parsedate_to_datetime(text).astimezone(UTC) - clock.now()).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)
