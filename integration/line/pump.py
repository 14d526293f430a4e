"""Sends many things side by side: a handful is planned in one transaction, sent by threads, and written as answers come back."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Self, TypeVar

HANDFUL = 24
"""Intents that are written together; so many look-ups at most does a killed worker cost."""

FLUSH_SECONDS = 0.25
FLUSH_SIZE = 32


Job = TypeVar("Job")
Answer = TypeVar("Answer")


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
        under_way: set[Future[Answer]] = set()
        answers: list[Answer] = []
        written = time.monotonic()
        while pending or under_way or answers:
            if stopped():
                pending = []
            if pending and len(under_way) < self._side_by_side:
                handful, pending = pending[:HANDFUL], pending[HANDFUL:]
                under_way |= {self._pool.submit(contextvars.copy_context().run, send, job) for job in plan(handful)}
            if under_way:
                done, under_way = wait(under_way, timeout=FLUSH_SECONDS, return_when=FIRST_COMPLETED)
                answers += [one.result() for one in done]
            late = time.monotonic() - written > FLUSH_SECONDS
            if answers and (not under_way or len(answers) >= FLUSH_SIZE or late):
                write(answers)
                answers, written = [], time.monotonic()
