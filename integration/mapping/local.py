"""Functions of the mapping language on local time: of systems that tell days and decimal hours, and no zone. It is the connection's,
unless the line names another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integration import clock
from integration.errors import Invalid
from integration.mapping.values import Step, of_text
from integration.mapping.words import Scope


def local_day(scope: Scope, zone: str = "") -> Step:
    """The calendar day of an instant in a zone: 20260302."""
    there = _zone(scope, zone)

    def step(value: str) -> str:
        try:
            return clock.instant(value).astimezone(there).strftime("%Y%m%d")
        except ValueError:
            raise Invalid("is not an instant such as 2026-03-02T14:05:09.120Z") from None

    return of_text(step)


def day_begins(scope: Scope, zone: str = "") -> Step:
    """The instant at which a day such as 20260302 begins in a zone."""
    there = _zone(scope, zone)
    return of_text(lambda value: clock.text(_day(value).replace(tzinfo=there).astimezone(UTC)))


def day_ends(scope: Scope, zone: str = "") -> Step:
    """The instant at which a day such as 20260302 is over in a zone."""
    there = _zone(scope, zone)
    return of_text(lambda value: clock.text((_day(value) + timedelta(days=1)).replace(tzinfo=there).astimezone(UTC)))


def calendar_day() -> Step:
    """A day such as 20260302 as 2026-03-02."""
    return of_text(lambda value: _day(value).date().isoformat())


def local_instant(scope: Scope, zone: str = "") -> Step:
    """The instant of a day and decimal hours (10.50000 is half past ten) in a zone; takes both. Of one that came twice, the earlier."""
    there = _zone(scope, zone)

    def step(values: Any) -> str | None:
        day, hours = values
        if not day or not hours:
            return None
        try:
            seconds = int((Decimal(hours) * 3600).quantize(Decimal(1), ROUND_HALF_UP))
        except (InvalidOperation, TypeError):
            raise Invalid("is no time in decimal hours such as 14.08583") from None
        return clock.text((_day(day) + timedelta(seconds=seconds)).replace(tzinfo=there).astimezone(UTC))

    return step


def zone_named(name: str) -> ZoneInfo:
    """Raises ValueError for a zone that does not exist."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"zone {name!r} does not exist; write one like America/Chicago") from None


def _zone(scope: Scope, named: str) -> ZoneInfo:
    if not (name := named or scope.zone):
        raise ValueError("the connection says no zone; set overrides.zone there, or name the zone here")
    return zone_named(name)


def _day(value: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y%m%d")  # noqa: DTZ007 - a local day, whose zone is put to it next
    except ValueError:
        raise Invalid("is no day such as 20260302") from None
