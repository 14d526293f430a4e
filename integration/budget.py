"""Keeps a connection's API limit across all processes: a process takes requests in small lots and slots on lease, then sends.

What is not used of a lot within a second goes back. The ledger counts lots over a window longer than the limit's by that second and by
what a request may be late on its way, so that no window of the system's own clock can see more than the limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from integration.errors import Limited, Waiting
from integration.ledger import budgets, lease
from integration.ports import Limits

LOT = 100
LOT_SHARE = 10
"""Most requests that one process takes at a time, and at most this part of the limit: a smaller lot costs transactions, a larger one
starves the others."""

LOT_SECONDS = 1.0
LATE_SECONDS = 1.0
"""How much later than another a request may arrive on its way."""

PATIENCE_SECONDS = 5.0
"""A longer wait than this is not slept through: the batch goes back and is rung when the time comes."""

CROWDED_SECONDS = 0.1
"""A process that has fewer slots than it could use goes on with those, and asks for more only so often: asking is a transaction."""

SEND_WITHIN_SECONDS = 10.0
"""A request leaves this soon after its intent was written, or not at all: so its successor knows how long it may still take effect."""

SHARE = {"live": 1.0, "retries": 1.0, "backfill": 0.7, "reconcile": 0.5}
"""How much of the limit a lane may fill; what lies above is kept free for the lanes before it."""


@dataclass(frozen=True, slots=True)
class Work:
    """On whose behalf requests are sent: the lane, and the monotonic time after which none may leave because the claim may have ended."""

    lane: str = "live"
    not_after: float | None = None


work: ContextVar[Work] = ContextVar("work", default=Work())  # noqa: B039 - Work is frozen


class SharedBudget:
    """The budget of one connection as one process sees it; safe to share between threads."""

    def __init__(
        self, engine: Engine, connection: str, limits: Limits, longest: float, settle: float = 0.0, *, slots_of: str | None = None
    ) -> None:
        """A request takes `longest` seconds at most, and where it was given up on the system may be at work on it for `settle` more.
        `slots_of` is the name under which slots are kept, if not the connection's: writes have their own where they are counted apart;
        requests and pauses are the connection's."""
        self._writing: SharedBudget | None = None
        if limits.writers is not None:
            own = replace(limits, concurrent=limits.writers, readers=None, writers=None)
            self._writing = SharedBudget(engine, connection, own, longest, settle, slots_of=f"{connection} writes")
        limits = replace(limits, concurrent=limits.readers or limits.concurrent)
        self._slots_of = slots_of or connection
        self._engine = engine
        self._connection = connection
        self._limits = limits
        self._longest, self._settle = longest, settle
        self._owner = lease.new_owner()
        self._changed = threading.Condition()
        self._lot = 0
        self._lot_ends = 0.0
        self._grant: int | None = None
        self._ask_again = 0.0
        self._slots: tuple[int, ...] = ()
        self._crowded_until = 0.0
        self._in_use = 0
        self._lingering: list[float] = []
        self._waiting = 0
        self._expected = 0
        self._asking = False

    @property
    def window(self) -> float:
        return self._limits.per_seconds + LOT_SECONDS + LATE_SECONDS

    def side_by_side(self) -> int:
        """How many requests may run at a time on behalf of the present work; more threads would only wait."""
        most = self._own_limit(work.get())
        # One reads while another writes; what is more would only wait for the writer.
        return most if self._writing is None else min(most, self._writing.side_by_side() + 1)

    @contextmanager
    def expecting(self, requests: int) -> Iterator[None]:
        """Announce so many requests: lots are taken for what is left of them, and slots are kept between them."""
        with self._changed:
            before = self._expected
            self._expected += requests
        try:
            yield
        finally:
            with self._changed:
                self._expected = min(self._expected, before)
            self._give_back_idle()

    @contextmanager
    def request(self, *, writes: bool = False) -> Iterator[None]:
        """Wait for a turn, at most `PATIENCE_SECONDS`; Limited where it would take longer, Waiting where the claim has run out."""
        if writes and self._writing is not None:
            with self._writing.request():
                yield
            return
        self._take_turn()
        try:
            yield
        finally:
            with self._changed:
                self._in_use -= 1
                self._changed.notify()
            self._give_back_idle()

    def linger(self, seconds: float, *, writes: bool = False) -> None:
        """A request was given up on, but the system may count it as running for that long: its slot stays taken."""
        if writes and self._writing is not None:
            self._writing.linger(seconds)
            return
        with self._changed:
            self._lingering.append(time.monotonic() + seconds)

    def pause(self, seconds: float, reason: str = "the system asked for a pause") -> None:
        with self._changed:
            self._lot = 0
        budgets.pause(self._engine, self._connection, seconds, reason)

    def _take_turn(self) -> None:
        job = work.get()
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self._changed:
                moment = time.monotonic()
                if job.not_after is not None and moment > job.not_after:
                    raise Waiting("the claim ran out before the request could leave; it is taken up again", 1.0)
                fresh = self._lot > 0 and moment < self._lot_ends
                if fresh and self._running() < len(self._slots):
                    self._lot -= 1
                    self._in_use += 1
                    self._expected = max(0, self._expected - 1)
                    return
                if moment > give_up:
                    raise Limited(f"{self._connection}: no turn within {PATIENCE_SECONDS:.0f} s", 1.0)
                more = self._slots_wanted(job)
                if self._asking or moment < self._ask_again or (fresh and not more):
                    # One thread asks for all, and not before the ledger said; or everything that may run is running.
                    self._waiting += 1
                    self._changed.wait(self._ask_again - moment if moment < self._ask_again else 0.1)
                    self._waiting -= 1
                    continue
                self._asking = True
            granted = self._ask(job, more, new_lot=not fresh)
            if granted.wait > give_up - time.monotonic():
                raise Limited(f"{self._connection}: {granted.reason}", granted.wait)
            with self._changed:
                self._ask_again = time.monotonic() + granted.wait

    def _ask(self, job: Work, more: int, *, new_lot: bool) -> budgets.Granted:
        share = SHARE[job.lane]
        try:
            asked = time.monotonic()
            with self._changed:
                want = self._lot_wanted() if new_lot else 0
                slots = len(self._slots) + more  # in all: of those that we think we have some may have gone to others
                spare = self._spare() if new_lot else None
            granted = budgets.take(
                self._engine,
                self._connection,
                self._owner,
                requests=want,
                limit=max(1, int(self._limits.requests * share)),
                window=self.window,
                slots=slots,
                slot_limit=self._slot_limit(job),
                slot_seconds=self._longest + self._settle,
                settle_seconds=self._settle,
                spare=spare,
                slots_of=self._slots_of,
            )
            with self._changed:
                if granted.requests:
                    self._lot, self._lot_ends, self._grant = granted.requests, asked + LOT_SECONDS, granted.id
                if granted.slots:
                    self._slots = granted.slots
                    self._crowded_until = time.monotonic() + CROWDED_SECONDS if len(granted.slots) < slots else 0.0
            return granted
        finally:
            with self._changed:
                self._asking = False
                self._changed.notify_all()

    def _lot_wanted(self) -> int:
        most = max(1, min(LOT, self._limits.requests // LOT_SHARE))
        return max(1, min(most, max(self._expected, self._waiting + 1)))

    def _spare(self) -> budgets.Spare | None:
        """Take out what is left of the lot, to be given back: it has not been sent, and will not be."""
        spare, self._lot = self._lot, 0
        return budgets.Spare(self._grant, spare) if spare and self._grant is not None else None

    def _slots_wanted(self, job: Work) -> int:
        if self._slots and time.monotonic() < self._crowded_until:
            return 0
        most = self._own_limit(job)
        needed = max(self._running() + self._waiting + 1, min(self._expected, most))
        return max(0, min(needed, most) - len(self._slots))

    def _running(self) -> int:
        """How many requests the system may count as ours."""
        moment = time.monotonic()
        self._lingering = [end for end in self._lingering if end > moment]
        return self._in_use + len(self._lingering)

    def _slot_limit(self, job: Work) -> int:
        # One slot is left free: the system may still count a request whose answer we have just read.
        most = max(1, self._limits.concurrent - 1)
        return max(1, int(most * SHARE[job.lane]))

    def _own_limit(self, job: Work) -> int:
        """Of the lane's slots what one process may take: it leaves one, or nobody could speak to the system while it stood still."""
        return min(self._slot_limit(job), max(1, self._limits.concurrent - 2))

    def _give_back_idle(self) -> None:
        with self._changed:
            if self._in_use or self._waiting or self._asking or self._expected or not self._slots:
                return
            # A slot that lingers is given back when its time is over and we come by, or else by the end of its lease.
            still = self._running()
            slots, self._slots = self._slots[still:], self._slots[:still]
            spare = self._spare()
        budgets.give_back(self._engine, self._connection, self._owner, slots, spare, self.window, self._slots_of)
