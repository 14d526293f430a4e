"""How a system tells when a record changed: as an instant, or by a local day and decimal hours that come twice when its clock goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Literal
from zoneinfo import ZoneInfo

from integration import clock
from integration.errors import Transient

SECOND = timedelta(seconds=1)
SETTLED = timedelta(milliseconds=999)
"""What is added to the version of a record whose second was over when it was read: until then it may change once more within it."""
LONGEST_STEP = timedelta(hours=3)
"""No zone's clock goes back by more at once."""
_PLACES = Decimal("0.00001")


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Local time of the server. `hours`: the member beside the entity's `changed`, which is the day; `since_hours`: the parameter beside
    the listing's `since`. `server_day`, `server_hours` and `zone` are members of every page: what its clock said when it was cut."""

    kind: Literal["local_hours"]
    hours: str
    since_hours: str
    server_day: str
    server_hours: str
    zone: str


class ServerTime:
    """What a connection knows of its server's clock, learned from each page; safe for threads, for what they learn is the same."""

    def __init__(self, declared: LocalHours) -> None:
        self._declared = declared
        self._zone: ZoneInfo | None = None
        self._ahead = timedelta(0)

    @property
    def known(self) -> bool:
        return self._zone is not None

    def is_in(self, zone: ZoneInfo) -> bool:
        """Whether a zone has the server's time, by whatever name, half a year from now too."""
        moments = [clock.now() + timedelta(days=days) for days in (0, 182)]
        return all(self._zone is not None and _offset(one.astimezone(self._zone)) == _offset(one.astimezone(zone)) for one in moments)

    @property
    def zone(self) -> str:
        """Its name, as the server says it."""
        return str(self._zone)

    def learn(self, page: Mapping[str, Any]) -> None:
        """Raises Transient for a page that does not tell its time."""
        declared = self._declared
        try:
            zone = ZoneInfo(page[declared.zone])
            local = _local(page[declared.server_day], page[declared.server_hours])
        except (KeyError, TypeError, ValueError, InvalidOperation, OSError):
            raise Transient("the answer is not a page: it does not tell the server's time and zone") from None
        moment = clock.now()
        # Of the two instants that one local time may mean, the server's is the one nearer to ours.
        server = min(_instants(local, zone), key=lambda one: abs(one - (moment + self._ahead)))
        self._zone, self._ahead = zone, server - moment

    def since(self, day: str, moment: datetime) -> dict[str, str]:
        """The parameters that ask for all that changed at or after the moment. When the clock is about to go back, later changes will
        carry earlier times, so that the look goes back as far."""
        assert self._zone is not None
        here, later = moment.astimezone(self._zone), (moment + LONGEST_STEP).astimezone(self._zone)
        back = _offset(here) - _offset(later)
        if back > timedelta(0) and _offset((moment + back).astimezone(self._zone)) < _offset(here):
            here = (here.replace(tzinfo=None) - back).replace(tzinfo=self._zone)
        part = (Decimal(here.minute * 60 + here.second) / 3600).quantize(_PLACES, ROUND_HALF_UP)
        return {day: here.strftime("%Y%m%d"), self._declared.since_hours: f"{here.hour + part:08.5f}"}

    def stamp(self, day: Any, record: Mapping[str, Any]) -> tuple[str, datetime] | None:
        """Version and instant of a record's last change; None where it tells none.

        A time that comes twice means the later one that has been, and never one that is still to come: so no later change of the record
        is dated before this one. What changes while the page is being read is dated rightly when it is read again.
        """
        assert self._zone is not None
        try:
            local = _local(day, record[self._declared.hours])
        except (KeyError, TypeError, ValueError, InvalidOperation):
            return None
        now = clock.now() + self._ahead
        possible = _instants(local, self._zone)
        changed = max((one for one in possible if one <= now), default=possible[0])
        return clock.text(changed + SETTLED if changed + SECOND <= now else changed), changed


def _local(day: str, hours: str) -> datetime:
    seconds = int((Decimal(hours) * 3600).quantize(Decimal(1), ROUND_HALF_UP))
    return datetime.strptime(day, "%Y%m%d") + timedelta(seconds=seconds)  # noqa: DTZ007 - a local time, whose zone is put to it next


def _instants(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """What a local time may mean, the earlier first."""
    return sorted({local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta(0)
