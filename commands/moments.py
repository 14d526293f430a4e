"""Moments on the command line: a day, an instant, or how long ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from integration import clock

EARLIEST, LATEST = 1990, 2100
"""Years; what lies outside is a slip of the finger, and some databases cannot keep it."""

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_AGO = re.compile(r"(\d{1,5})([mhdw])", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """`words` are those that were typed: `7d` typed again means the same, although the moment has moved."""

    at: datetime
    words: str


class MomentType(click.ParamType[Moment]):
    """`2026-03-02` (its beginning in UTC), an RFC 3339 instant, `now`, or `30m`, `12h`, `7d`, `2w` ago."""

    name = "moment"

    def convert(self, value: Moment | str, param: click.Parameter | None, ctx: click.Context | None) -> Moment:
        if isinstance(value, Moment):
            return value
        words = value.strip()
        try:
            return Moment(_read(words), words)
        except (ValueError, OverflowError):
            known = "a day such as 2026-03-02, an instant such as 2026-03-02T14:05:00Z, or how long ago, such as 7d or 12h"
            return self.fail(f"`{value}` is no moment; give {known}.", param, ctx)


def _read(words: str) -> datetime:
    moment = _parse(words)
    if not EARLIEST <= moment.year <= LATEST:
        raise ValueError("no shop was open then")
    return moment


def _parse(words: str) -> datetime:
    if words == "now":
        return clock.now()
    if match := _AGO.fullmatch(words):
        return clock.now() - int(match[1]) * _UNITS[match[2]]
    if _DAY.fullmatch(words):
        return datetime.fromisoformat(words).replace(tzinfo=UTC)
    return clock.instant(words)
