"""One who is compared: started, set to work, measured and killed in the same way as all others."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from benchmarks.processes import ROOT, cpu_seconds, family
from benchmarks.systems import Systems

EVERY = 5.0
"""Seconds between two looks for new orders: ours by default, and given to everybody."""


class Contender(ABC):
    """`home` keeps what it remembers over a kill. `limited`: it is to keep the contracts' limits; `only_unexported`: it asks the channel
    only for orders that are not marked, instead of trusting its own bookmark alone."""

    polls = False
    """Whether it looks by itself every EVERY seconds; else `work` makes it look."""
    reads_mark = True
    """Whether it can do without a bookmark of its own: one that reads ahead of its work cannot."""

    def __init__(self, home: Path, systems: Systems, *, limited: bool = False, only_unexported: bool = True) -> None:
        self.home, self.systems, self.limited = home, systems, limited
        self.environment: Mapping[str, str] = {
            "CHANNEL_URL": systems.channel.url,
            "ERP_URL": systems.erp.url,
            "ONLY_UNEXPORTED": "1" if only_unexported and self.reads_mark else "0",
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DO_NOT_TRACK": "1",
        }
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.stack = stack
            self.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    @abstractmethod
    def start(self) -> None: ...

    def start_again(self) -> None:  # noqa: B027 - most are started by the next look
        """After `kill`, with the same home."""

    def rest(self, told: int) -> None:  # noqa: B027 - most rest once a look is over
        """Wait until it has nothing to do, once the channel was told of all `told` orders."""

    def busy(self) -> bool:
        """Whether something waits in it that it will do by itself, and soon."""
        return False

    def left_in_queue(self) -> int:
        """Orders that come back by themselves, later than anybody waits here."""
        return 0

    def work(self) -> None:  # noqa: B027 - some look by themselves
        """Look once for what is new and take it over, to the end; a failure ends the pass, as it would between two ticks of cron."""

    @abstractmethod
    def roots(self) -> Sequence[int]:
        """The processes that it consists of, without their children."""

    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.roots())

    def processes(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for pid in self.roots():
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                found += family(pid)
        return found

    def kill(self) -> None:
        """-9 to every process of it."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


@contextlib.contextmanager
def looking(contender: Contender) -> Iterator[threading.Event]:
    """It looks for new orders every EVERY seconds while the block runs, as cron would make it; the event ends that early."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            began = time.monotonic()
            contender.work()
            stop.wait(max(0.0, began + EVERY - time.monotonic()))

    thread = threading.Thread(target=look, daemon=True)
    if not contender.polls:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        if thread.ident:
            thread.join(120)
