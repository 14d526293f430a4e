"""Alerts: one open row for each trouble, told once when it has lasted and once when it is over, however many processes watch.

A trouble that comes back before its alert is over continues it, so that a connection that comes and goes is told of once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from integration import clock
from integration.ledger import tables
from integration.ledger.database import read, write

OPEN, OVER, CLOSED = "open", "over", "closed"
"""`over`: it has ended, and not everybody who was told knows."""

CALM = 3
"""An alert is over when its trouble was away for so many times as long as a trouble lasts before it is told."""

TELLING_SECONDS = 120.0
"""Who has taken alerts to tell them has so long; should it die meanwhile, another tells them again."""

TRY_AGAIN_SECONDS = 60.0
"""Where an address could not be reached."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong now. `subject`: with what; `count`: how many it touches; `advice`: what to do, in one sentence."""

    kind: str
    subject: str
    message: str
    advice: str
    since: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class Alert:
    """`told_to`: the references of the addresses that were told of it and not yet of its end. `cleared_at`: since when the trouble is
    away."""

    id: int
    kind: str
    subject: str
    message: str
    advice: str
    count: int
    since: datetime
    state: str
    told_at: datetime | None
    told_to: tuple[str, ...]
    cleared_at: datetime | None

    @property
    def lasting(self) -> bool:
        """Whether it is as it was when it was last looked at."""
        return self.state == OPEN and self.cleared_at is None


def keep(engine: Engine, troubles: Iterable[Trouble], after: float) -> None:
    """Bring the open alerts to what is wrong now; `after`: seconds that a trouble lasts before it is told."""
    moment = clock.now()
    present = {(one.kind, one.subject[:200]): one for one in troubles}
    a = tables.alert.c
    with write(engine) as connection:
        rows = connection.execute(select(tables.alert).where(a.state == OPEN).order_by(a.id).with_for_update()).all()
        for row in rows:
            trouble = present.pop((row.kind, row.subject), None)
            if values := _changes(row, trouble, moment, timedelta(seconds=CALM * after)):
                connection.execute(update(tables.alert).where(a.id == row.id).values(**values))
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        for (kind, subject), one in present.items():
            values = {"kind": kind, "subject": subject, "message": one.message, "advice": one.advice, "count": one.count}
            row = dialect.insert(tables.alert).values(**values, since=one.since, state=OPEN, told_to=[])
            connection.execute(row.on_conflict_do_nothing())  # another watcher saw it too


def _changes(row: Any, trouble: Trouble | None, moment: datetime, calm: timedelta) -> dict[str, Any]:
    if trouble is not None:
        new = {"message": trouble.message, "advice": trouble.advice, "count": trouble.count, "cleared_at": None}
        return {name: value for name, value in new.items() if getattr(row, name) != value}
    if row.cleared_at is None:
        return {"cleared_at": moment}
    being_told = row.claimed_until is not None and row.claimed_until > moment
    if moment - row.cleared_at < calm or being_told:
        return {}
    return {"state": OVER} if row.told_to else {"state": CLOSED, "all_clear_at": moment}


def take(engine: Engine, addresses: Collection[str], after: float) -> list[Alert]:
    """What somebody of `addresses` is to be told now, taken so that no other process tells it too; to be given back with `told`."""
    moment = clock.now()
    a = tables.alert.c
    lasted = (a.state == OPEN) & a.cleared_at.is_(None) & (a.since <= moment - timedelta(seconds=after))
    free = or_(a.claimed_until.is_(None), a.claimed_until < moment)
    with write(engine) as connection:
        rows = connection.execute(
            select(tables.alert).where(or_(lasted, a.state == OVER), free).order_by(a.id).with_for_update(skip_locked=True)
        ).all()
        wanted = [one for one in map(_alert, rows) if one.state == OVER or set(addresses) - set(one.told_to)]
        if wanted:
            until = moment + timedelta(seconds=TELLING_SECONDS)
            connection.execute(update(tables.alert).where(a.id.in_([one.id for one in wanted])).values(claimed_until=until))
    return wanted


def told(engine: Engine, alerts: Sequence[Alert], reached: Collection[str], missed: Collection[str], addresses: Collection[str]) -> None:
    """Give back what was taken: the addresses `reached` know of it now, those `missed` are tried again later; `addresses` are all."""
    moment = clock.now()
    with write(engine) as connection:
        for one in alerts:
            values = _told(one, set(reached), set(addresses), moment)
            values["claimed_until"] = moment + timedelta(seconds=TRY_AGAIN_SECONDS) if missed else None
            connection.execute(update(tables.alert).where(tables.alert.c.id == one.id).values(**values))


def _told(alert: Alert, reached: set[str], addresses: set[str], moment: datetime) -> dict[str, Any]:
    if alert.state == OPEN:
        knowing = set(alert.told_to) | reached
        return {"told_to": sorted(knowing), "told_at": alert.told_at or (moment if knowing else None)}
    knowing = (set(alert.told_to) - reached) & addresses  # one that was taken out of the settings need not be told
    over = {} if knowing else {"state": CLOSED, "all_clear_at": moment}
    return {"told_to": sorted(knowing), **over}


def listed(engine: Engine, *, everything: bool = False, limit: int = 200) -> list[Alert]:
    """The open alerts, the oldest first; with `everything` those that are over too, the newest first."""
    a = tables.alert.c
    wanted = select(tables.alert)
    wanted = wanted.order_by(a.id.desc()).limit(limit) if everything else wanted.where(a.state == OPEN).order_by(a.since)
    with read(engine) as connection:
        found = [_alert(row) for row in connection.execute(wanted)]
    return found if everything else [one for one in found if one.lasting]


def forget(engine: Engine, before: datetime) -> None:
    """Alerts that were over before that moment leave no trace."""
    a = tables.alert.c
    with write(engine) as connection:
        connection.execute(delete(tables.alert).where(a.state == CLOSED, a.all_clear_at < before))


def _alert(row: Any) -> Alert:
    values = {name: getattr(row, name) for name in Alert.__dataclass_fields__}
    return Alert(**{**values, "told_to": tuple(row.told_to)})
