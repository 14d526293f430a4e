"""Whether the parts of the house move: judged by their pulses and by the work that waits for them, not by whether a socket answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from integration import clock
from integration.ledger import pulses
from integration.ledger.batches import STAGES
from integration.ledger.pulses import BEAT, CONTROL, RESTARTED, Waiting

SILENT = timedelta(seconds=40)
"""A part that left no pulse for so long does not move: eight times as long as one at work leaves between two."""

WAITS_SECONDS = 30.0
"""Work that nobody took for so long shows that its stage does not move; one without work need not."""

RESTARTED_FOR = timedelta(minutes=10)
"""How long it is said that a process was restarted because it did not move."""

PARTS = (BEAT, CONTROL, *STAGES)


@dataclass(frozen=True, slots=True)
class Signs:
    """What there was to see at a `moment`: pulses by part and host, and the work that has waited too long."""

    moment: datetime
    pulses: Mapping[tuple[str, str], datetime]
    waiting: Sequence[Waiting]

    def newest(self, part: str) -> datetime | None:
        """The last pulse of the part, on whatever host."""
        return max((at for (name, _), at in self.pulses.items() if name == part), default=None)

    def moves(self, at: datetime | None) -> bool:
        return at is not None and at > self.moment - SILENT


def look(engine: Engine, flows: Collection[str]) -> Signs:
    return Signs(clock.now(), pulses.pulses(engine), pulses.waiting(engine, flows, WAITS_SECONDS))


def stuck(signs: Signs, parts: Sequence[str], host: str, since: datetime | None = None) -> str | None:
    """Why the process that serves these parts on the host must be restarted, None where it need not be; `since`: it runs, and could
    be judged, since then."""
    if signs.moves(since) or any(signs.moves(signs.pulses.get((part, host))) for part in parts):
        return None
    return next((reason for part in parts if (reason := _silent(signs, part, host))), None)


def _silent(signs: Signs, part: str, host: str) -> str | None:
    if part == BEAT:
        return "beat does not tick"
    newest = signs.newest(part)
    if part == CONTROL:
        ticks = signs.moves(signs.newest(BEAT))  # else it is for beat to be restarted
        return "nobody takes polls and sweeps, although beat ticks" if ticks and not signs.moves(newest) else None
    for one in signs.waiting:
        if one.stage == part and (one.host == host or (one.host is None and not signs.moves(newest))):
            seconds = (signs.moment - one.since).total_seconds()
            return f"work has waited at {part} for {seconds:.0f} s and does not move"
    return None


def silent_parts(signs: Signs) -> dict[str, tuple[str, datetime]]:
    """Why a part does not move, on whatever host, and since when. One that never moved has not begun."""
    found: dict[str, tuple[str, datetime]] = {}
    for part in PARTS:
        newest = signs.newest(part)
        if newest is None or (part == BEAT and signs.moves(newest)):
            continue
        for host in {one.host or "" for one in signs.waiting if one.stage == part} or {""}:
            reason = stuck(signs, [part], host)
            if reason:
                found[part] = (reason, signs.pulses.get((part, host), newest))
    return found


def restarted(signs: Signs) -> dict[str, datetime]:
    """Processes, as `worker-load on HOST`, that were restarted lately because they did not move."""
    return {
        f"{part.removeprefix(RESTARTED)} on {host}": at
        for (part, host), at in signs.pulses.items()
        if part.startswith(RESTARTED) and at > signs.moment - RESTARTED_FOR
    }
