"""The simulated Sage 100's clock: settable, and told as its tables tell it, by local day and decimal hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from connectors.simulation.answers import Command, ControlError
from connectors.simulation.instants import Clock, to_ms

ZONE = "America/Chicago"
_PLACES = Decimal("0.00001")


class LocalClock(Clock):
    """UTC never goes back unless somebody sets the clock; local time does, when daylight saving ends."""

    def __init__(self, zone: str = ZONE, wall: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self.zone = ZoneInfo(zone)
        self._wall = wall
        self._ahead = 0
        self._stopped: int | None = None

    def now(self) -> int:
        if self._stopped is None:
            self._latest = max(self._latest, self._wall() // 1_000_000 + self._ahead)
        return self._latest if self._stopped is None else self._stopped

    def local(self) -> datetime:
        return datetime.fromtimestamp(self.now() // 1000, UTC).astimezone(self.zone)

    def stamp(self) -> tuple[str, str]:
        """DateUpdated and TimeUpdated of a change that is made now."""
        return told(self.local())

    def today(self) -> str:
        return self.stamp()[0]

    def set(self, command: Command) -> dict[str, str]:
        """Control plane: `{"now"?: an instant, "zone"?: an IANA name, "stopped"?: true}`; without `now` it stays where it is."""
        body = command.body
        try:
            now = to_ms(body["now"]) if "now" in body else self.now()
            self.zone = ZoneInfo(body.get("zone", self.zone.key))
        except (TypeError, ValueError, KeyError):
            raise ControlError('Send {"now": "2026-11-01T06:59:50Z", "zone": "America/Chicago", "stopped": true or false}.') from None
        self._move_to(now, stopped=body.get("stopped") is True)
        date, hours = self.stamp()
        return {"now": self.text(), "DateUpdated": date, "TimeUpdated": hours, "TimeZone": self.zone.key}

    def to_the_end_of_daylight_saving(self, seconds: float) -> None:
        """So many seconds before the next time at which local time goes back an hour."""
        moment = datetime.fromtimestamp(self.now() // 1000, UTC).replace(minute=0, second=0)
        for _ in range(366 * 24):
            later = moment + timedelta(hours=1)
            if later.astimezone(self.zone).utcoffset() < moment.astimezone(self.zone).utcoffset():  # type: ignore[operator]
                self._move_to(int((later.timestamp() - seconds) * 1000), stopped=False)
                return
            moment = later

    def _move_to(self, now: int, *, stopped: bool) -> None:
        self._stopped = now if stopped else None
        self._ahead = now - self._wall() // 1_000_000
        self._latest = now


def told(moment: datetime) -> tuple[str, str]:
    """A local moment as YYYYMMDD and "HH.ddddd": the hour and the seconds of the hour / 3600, rounded half up to 5 places."""
    part = (Decimal(moment.minute * 60 + moment.second) / 3600).quantize(_PLACES, ROUND_HALF_UP)
    return moment.strftime("%Y%m%d"), f"{Decimal(moment.hour) + part:08.5f}"
