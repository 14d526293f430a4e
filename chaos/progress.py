"""How a run goes, on one line: how far, how fast, how long it will take, and what rages."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.status import Status

from chaos.world import World

LINE_SECONDS = 10.0
"""Between two lines where the output is no terminal."""


class Progress:
    def __init__(self, console: Console, orders: int) -> None:
        self._console = console
        self._orders = orders
        self._status: Status | None = None
        self._said_at = 0.0

    def show(self, world: World, raging: Sequence[str], seconds: float) -> None:
        placed = len(world.placed)
        rate = placed / seconds if seconds else 0.0
        left = max(0, self._orders - placed) / rate if rate else 0.0
        self._say(
            f"{seconds:4.0f} s  {placed:,} of {self._orders:,} orders placed, {rate:.1f}/s, {_lasting(left)} left; "
            f"{len(world.booked):,} booked, {world.shipped:,} parcels, {world.counted:,} counts; now: {', '.join(sorted(raging)) or 'calm'}"
        )

    def rest(self, wrong: int, left: float) -> None:
        self._say(f"at rest: {wrong:,} things are not as they must be yet; judged for {_lasting(max(0.0, left))} more")

    def end(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _say(self, line: str) -> None:
        if self._console.is_terminal:
            if self._status is None:
                self._status = Status(line, console=self._console)
                self._status.start()
            self._status.update(line)
        elif time.monotonic() - self._said_at >= LINE_SECONDS:
            self._said_at = time.monotonic()
            self._console.print(line, highlight=False, soft_wrap=True)


def _lasting(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
