"""Sends many things side by side: a handful is planned in one transaction, sent by threads, and written as answers come back."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Self, TypeVar

HANDFUL = 50
"""Intents that are written together; so many look-ups at most does a killed worker cost."""

FLUSH_SECONDS = 0.5
FLUSH_SIZE = 50


Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Inbox(Generic[Answer]):
    """Answers as the threads bring them; the reader is woken once for many, not for each."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._done: list[Future[Answer]] = []
        self._enough = 1

    def put(self, done: Future[Answer]) -> None:
        with self._changed:
            self._done.append(done)
            if len(self._done) >= self._enough:
                self._changed.notify()

    def take(self, enough: int, seconds: float) -> list[Answer]:
        """What has come in, as soon as it is `enough` or `seconds` have passed. Raises what a thread raised."""
        with self._changed:
            self._enough = enough
            self._changed.wait_for(lambda: len(self._done) >= enough, seconds)
            done, self._done = self._done, []
        return [one.result() for one in done]


class Pump:
    """Threads for the requests of one batch; each request runs in the context (lane, end of the claim) in which it was handed over."""

    def __init__(self, side_by_side: int) -> None:
        self._side_by_side = side_by_side
        self._pool = ThreadPoolExecutor(side_by_side, thread_name_prefix="send")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)  # after an exception: what has not left need not leave

    def run(
        self,
        jobs: Sequence[Job],
        plan: Callable[[Sequence[Job]], Sequence[Job]],
        send: Callable[[Job], Answer],
        write: Callable[[Sequence[Answer]], None],
        stopped: Callable[[], bool],
    ) -> None:
        """`plan` gives those of a handful that are to be sent, `write` takes the answers; once `stopped` says so no more are planned."""
        pending = list(jobs)
        inbox: Inbox[Answer] = Inbox()
        under_way = 0
        answers: list[Answer] = []
        written = time.monotonic()
        while pending or under_way or answers:
            if stopped():
                pending = []
            if pending and under_way < self._side_by_side:
                handful, pending = pending[:HANDFUL], pending[HANDFUL:]
                for job in plan(handful):
                    self._pool.submit(contextvars.copy_context().run, send, job).add_done_callback(inbox.put)
                    under_way += 1
            if under_way:
                # With `pending` left the threads are handed more before they run dry.
                spare = under_way - self._side_by_side + 1 if pending else under_way
                came_in = inbox.take(max(1, min(spare, FLUSH_SIZE - len(answers))), FLUSH_SECONDS)
                under_way -= len(came_in)
                answers += came_in
            late = time.monotonic() - written > FLUSH_SECONDS
            if answers and (not under_way or len(answers) >= FLUSH_SIZE or late):
                write(answers)
                answers, written = [], time.monotonic()
