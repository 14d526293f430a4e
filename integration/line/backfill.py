"""A backfill: a run over windows of creation time, one after the other; it can be stopped, taken up again, and joined from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, select, update

from integration import clock
from integration.ledger import batches, tables
from integration.ledger.batches import Batch
from integration.ledger.database import write

KIND = "backfill"

WINDOW = timedelta(days=1)
"""A backfill that was stopped begins its last window again, so a window is small; an empty one costs a single request."""

SAME_WORDS_FOR = timedelta(days=1)
"""So long do words like `7d` and `now` mean the run that they began."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A backfill that is under way from here on. Everything created before `place` was read already."""

    run_id: int
    how: Literal["started", "taken up", "joined"]
    since: datetime
    until: datetime
    place: datetime


def begin(engine: Engine, flow: str, since: datetime, until: datetime, words: str) -> Begun:
    """Start a backfill of what was created from `since` until before `until`, or go on with one that was begun for the same.

    `words` are the bounds as they were typed: repeated within a day they mean the same run, although `now` has moved.
    """
    since, until = _whole(since), _whole(until)
    with write(engine) as connection:
        run = _unfinished(connection, flow, since, until, words)
        if run is None:
            page = _window(since, until)
            run_id, _ = batches.start_run(connection, flow, KIND, "backfill", page, since=since, until=until, note=words, rung=False)
            return Begun(run_id, "started", since, until, since)
        if run.state == "stopped":
            _take_up(connection, run)
    return Begun(run.id, "joined" if run.state == "open" else "taken up", run.since, run.until, run.place)


def stop(engine: Engine, run_id: int) -> None:
    """Read no further page; what was read goes on to its end."""
    r = tables.run.c
    with write(engine) as connection:
        connection.execute(update(tables.run).where(r.id == run_id, r.state == "open").values(state="stopped"))


def ended(engine: Engine, batch: Batch) -> bool:
    """Whether the backfill was stopped before this page was read; then the batch is closed."""
    with write(engine) as connection:
        stopped: bool = _lock(connection, batch.run_id).state == "stopped"
        if stopped:
            batches.finish(connection, batch, None, note="the backfill was stopped before this page was read")
    return stopped


def next_page(connection: Connection, batch: Batch, token: str | None) -> int | None:
    """The batch of the page after this one, else of the next window; None where the backfill is through."""
    if token is not None:
        return _add(connection, batch.run_id, batch.flow, {**batch.page, "token": token})
    run = _lock(connection, batch.run_id)
    place = clock.instant(batch.page["created"][1])
    connection.execute(update(tables.run).where(tables.run.c.id == run.id).values(place=place))
    return _add(connection, run.id, batch.flow, _window(place, run.until)) if place < run.until else None


def window_again(connection: Connection, batch: Batch) -> int:
    """The batch that begins this batch's window again."""
    run = _lock(connection, batch.run_id)
    return _add(connection, run.id, batch.flow, _window(run.place, run.until))


def _unfinished(connection: Connection, flow: str, since: datetime, until: datetime, words: str) -> Row[Any] | None:
    r = tables.run.c
    unfinished = select(tables.run).where(r.flow == flow, r.kind == KIND, r.state.in_(("open", "stopped"))).order_by(r.id.desc())
    for run in connection.execute(unfinished.with_for_update()).all():
        fresh = clock.now() - run.started_at < SAME_WORDS_FOR
        if (run.since, run.until) == (since, until) or (fresh and run.note == words):
            return run
    return None


def _take_up(connection: Connection, run: Row[Any]) -> None:
    b = tables.batch.c
    connection.execute(update(tables.run).where(tables.run.c.id == run.id).values(state="open", finished_at=None))
    reading = select(b.id).where(b.run_id == run.id, b.state == "open", b.stage == "extract").limit(1)
    # A page may still wait to be read, and sees that it goes on; else the window begins again.
    if connection.execute(reading).first() is None and run.place < run.until:
        _add(connection, run.id, run.flow, _window(run.place, run.until), rung=False)
    batches.close_run_if_done(connection, run.id)


def _lock(connection: Connection, run_id: int) -> Row[Any]:
    return connection.execute(select(tables.run).where(tables.run.c.id == run_id).with_for_update()).one()


def _add(connection: Connection, run_id: int, flow: str, page: dict[str, Any], *, rung: bool = True) -> int:
    return batches.add_batch(connection, run_id, flow, "backfill", "extract", page, rung=rung)


def _window(start: datetime, until: datetime) -> dict[str, Any]:
    return {"only_new": False, "created": [clock.text(start), clock.text(min(start + WINDOW, until))]}


def _whole(moment: datetime) -> datetime:
    """Windows are kept as text in milliseconds; a finer bound would never be reached."""
    return clock.instant(clock.text(moment))
