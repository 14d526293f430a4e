"""The one clock of the house: aware, UTC, whole milliseconds; tests put another in its place."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def instant(text: str) -> datetime:
    """Read an RFC 3339 instant such as `2026-03-02T14:05:09.12Z`; ValueError where it has no offset or is no date."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # in the first or last hours of the calendar
        raise ValueError("an instant must be a date in UTC too") from None


def text(moment: datetime) -> str:
    """An instant as fixed-width text, so that the order of texts is the order of instants."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
