"""How a backfill goes, until it is done: a bar with rate and remaining time on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from commands.exits import Exit
from commands.failure import Failure
from commands.output import Column, console, lasting, print_json, print_table, printable
from integration import clock
from integration.ledger.progress import OUTCOMES, Progress, Watch
from integration.line import backfill
from integration.line.backfill import Begun
from integration.line.journey import House

LOOK_SECONDS = 0.5
LINE_SECONDS = 10.0
"""Between two lines where there is no bar."""

PATIENCE_SECONDS = 10.0
"""So long after a batch should have been taken it is said that nobody is there."""

RATE_SECONDS = 30.0
"""The rate is that of this long."""

NOBODY = "nothing works on this backfill: start the workers with `integration up`; it is kept and goes on by itself then."
TITLES = {
    "created": "Created",
    "found": "Found there",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "skipped": "Skipped",
    "held": "On hold",
    "dead": "Put aside",
}

Show = Callable[[Progress], None]


def follow(house: House, flow: str, begun: Begun, *, as_json: bool) -> Progress:
    """Show how it goes until it is over. Ctrl-C stops the backfill; the end of this process does not."""
    watch = Watch(house.engine, begun.run_id)
    began = time.monotonic()
    screen = console(stderr=True)
    try:
        from_here = f", from {_short(begun.place)} on" if begun.how == "taken up" else ""
        window = f"{_short(begun.since)} … {_short(begun.until)}"
        with _ctrl_c() as pressed:
            screen.print(f"backfill of {flow}, {window}, run {begun.run_id}: {begun.how}{from_here}; Ctrl-C stops it")
            seen = _watch(watch, screen, pressed)
    except KeyboardInterrupt:
        backfill.stop(house.engine, begun.run_id)
        raise Failure(
            f"stopped at {_short(watch.look().place)}: no further page is read, and what was read goes on to its end. "
            "The same command goes on from there.",
            Exit.STOPPED,
        ) from None
    _tell(flow, begun, seen, time.monotonic() - began, as_json=as_json)
    if seen.state == "stopped":
        raise Failure(
            f"it ended at {_short(seen.place)}, before all was read: it was stopped, or a page could not be read "
            "(see `integration dead-letters list`). The same command goes on from there.",
            Exit.FAILED,
        )
    return seen


@contextmanager
def _ctrl_c() -> Iterator[Event]:
    """Ctrl-C is noted and obeyed between two looks: raised in the middle of one it could pass for a fault of the database."""
    pressed = Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _watch(watch: Watch, screen: Console, pressed: Event) -> Progress:
    alone_since: float | None = None
    told = False
    with _shown(screen) as show:
        while not (seen := watch.look()).finished:
            show(seen)
            alone_since = (alone_since or time.monotonic()) if seen.abandoned else None
            if alone_since and time.monotonic() - alone_since >= PATIENCE_SECONDS and not told:
                if not screen.is_terminal:
                    raise Failure(NOBODY, Exit.FAILED)
                screen.print(NOBODY, style="yellow")
                told = True
            if pressed.wait(LOOK_SECONDS):
                raise KeyboardInterrupt
        show(seen)
    return seen


def _tell(flow: str, begun: Begun, seen: Progress, seconds: float, *, as_json: bool) -> None:
    counts = {outcome: seen.done[outcome] for outcome in OUTCOMES}
    if as_json:
        bounds = {"since": begun.since, "until": begun.until, "place": seen.place}
        print_json({"run": begun.run_id, "flow": flow, **bounds, "state": seen.state, "records": seen.known, **counts})
        return
    columns = [Column(outcome, TITLES[outcome], right=True) for outcome in OUTCOMES]
    print_table([counts], columns, title=f"{seen.known} records in {lasting(seconds)}")
    if counts["held"]:
        console().print("\nWhat waits, what for and until when: integration holds list")
    if counts["dead"]:
        console().print("\nWhat was put aside, and why: integration dead-letters list")


@contextmanager
def _shown(screen: Console) -> Iterator[Show]:
    if not screen.is_terminal:
        yield _lines(screen)
        return
    columns: list[Any] = [BarColumn(), TaskProgressColumn(), TextColumn("{task.description}", markup=False), TimeRemainingColumn()]
    with Bars(*columns, console=screen, transient=True) as bars:
        task = bars.add_task("begins", total=None)
        rate = _Rate()
        best = 0.0

        def show(seen: Progress) -> None:
            nonlocal best
            # The whole is only known when all is read: an estimate that shrinks would let the bar run backwards.
            best = max(best, seen.part)
            bars.update(task, completed=best, total=1.0 if best else None, description=f"{_words(seen)}, {rate.of(seen):.1f}/s")

        yield show


def _lines(screen: Console) -> Show:
    rate = _Rate()
    due = time.monotonic() + LINE_SECONDS

    def show(seen: Progress) -> None:
        nonlocal due
        speed = rate.of(seen)
        if time.monotonic() >= due:
            due += LINE_SECONDS
            left = f", {lasting((seen.known - seen.done.total()) / speed)} left of what was read" if speed else ""
            screen.print(f"{seen.part:.0%}, {_words(seen)}, {speed:.1f}/s{left}")

    return show


class _Rate:
    """Records a second, of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, seen: Progress) -> float:
        moment = time.monotonic()
        self._seen.append((moment, seen.done.total()))
        while moment - self._seen[0][0] > RATE_SECONDS:
            self._seen.popleft()
        began, before = self._seen[0]
        return (seen.done.total() - before) / (moment - began) if moment > began else 0.0


def _words(seen: Progress) -> str:
    waits = f"; {printable(seen.waits)}" if seen.waits else ""
    aside = f", {seen.done['dead']} put aside" if seen.done["dead"] else ""
    return f"read to {_short(seen.place)}, {seen.done.total()} of {seen.known} records{aside}{waits}"


def _short(moment: Any) -> str:
    return clock.text(moment).removesuffix(".000Z").removesuffix("T00:00:00").removesuffix("Z")
