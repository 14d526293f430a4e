"""One supervised process: its command, its log, its end and how long to wait before the next start."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from integration.errors import Misconfigured

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 30.0
STEADY_SECONDS = 60.0
"""A child that lived this long had started well: its next backoff begins anew."""
LOG_BYTES = 20_000_000
"""A log is set aside as `<name>.log.1` at this size, so that a service that runs for months cannot fill the disk."""
POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `env` comes on top of our own environment; `grace`: seconds between TERM and KILL."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float = 10.0


@dataclass(frozen=True, slots=True)
class ChildState:
    """`pid` and `since` (when it started) are None while it is down; `last_exit` is negative for a signal."""

    name: str
    pid: int | None = None
    since: datetime | None = None
    restarts: int = 0
    last_exit: int | None = None


class Running:
    """A child and the process that stands for it now, the leader of a process group of its own."""

    def __init__(self, child: Child, logs: Path) -> None:
        self.child = child
        self.state = ChildState(child.name)
        self.backoff = FIRST_BACKOFF
        self._log = logs / f"{child.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._next_start = 0.0

    def launch(self) -> None:
        """Start it as the leader of its group. Raises Misconfigured where the program cannot be started at all."""
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.child.command,
                    env={**os.environ, **self.child.env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise Misconfigured(f"{self.child.name} cannot be started: {self.child.command[0]}: {error.strerror}.") from error
        restarts = self.state.restarts + (self.state.last_exit is not None)
        self.state = replace(self.state, pid=self._process.pid, since=datetime.now(UTC), restarts=restarts)

    def ended(self) -> bool:
        """Whether it has ended since it was last looked at."""
        return self._process is not None and self._process.poll() is not None

    def due(self) -> bool:
        """Whether it is down and its time to start again has come."""
        return self._process is None and time.monotonic() >= self._next_start

    def bury(self) -> float:
        """After an end that nobody asked for: end what it left in its group; gives the seconds until the next start."""
        assert self.state.since
        if (datetime.now(UTC) - self.state.since).total_seconds() >= STEADY_SECONDS:
            self.backoff = FIRST_BACKOFF
        self._end_group()
        return self.put_off()

    def put_off(self) -> float:
        """Plan the next start; gives the seconds until then. Each is twice as long as the one before."""
        wait, self.backoff = self.backoff, min(self.backoff * 2, LONGEST_BACKOFF)
        self._next_start = time.monotonic() + wait
        return wait

    def stop(self, hurry: Callable[[], bool]) -> None:
        """TERM, and KILL once the grace is over or `hurry` says so."""
        if self._process is None:
            return
        self._process.terminate()
        deadline = time.monotonic() + self.child.grace
        while self._process.poll() is None and time.monotonic() < deadline and not hurry():
            time.sleep(POLL_SECONDS)
        self._end_group()

    def kill(self) -> None:
        """End the whole group now; what follows is as after any end that nobody asked for."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _end_group(self) -> None:
        """KILL for what is left of the group (a killed worker leaves its pool behind), and the leader's exit noted."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.state = replace(self.state, pid=None, since=None, last_exit=self._process.wait())
        self._process = None

    def trim_log(self) -> None:
        """The child keeps its log open for appending, so the file is copied and emptied, not renamed."""
        if self._log.stat().st_size > LOG_BYTES:
            shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            os.truncate(self._log, 0)
