"""Runs the processes of `up` and `demo`: starts them, starts again what ends, and leaves none behind.

Every child leads a process group of its own, so that Ctrl-C in a terminal reaches the supervisor alone, and a child's own
children end with it. When the supervisor itself is killed, its guardian (`commands/guardian.py`) ends them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, Self, TextIO

from commands import guardian
from commands.child import Child, ChildState, Running
from integration.errors import Misconfigured

LOOK_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Event:
    """`exited` was not asked for and is followed by another start after `again_in` seconds; `stopped` was."""

    what: Literal["started", "exited", "stopped"]
    child: ChildState
    again_in: float | None = None


class Supervisor:
    """`with Supervisor(home) as supervisor:` takes the home's lock; leaving the block stops all, the last started first.

    Inside it SIGTERM, SIGINT and SIGHUP only make `wait` return True; a second one, while stopping, spends no more grace.
    `on_event` is called with every start and end, also from another thread; it must not raise.
    """

    def __init__(self, home: Path, on_event: Callable[[Event], None] = lambda _: None) -> None:
        self.home = home
        self._on_event = on_event
        self._children: list[Running] = []
        self._turn = threading.Lock()
        self._leaving = threading.Event()
        self._signals = 0

    def __enter__(self) -> Self:
        self._lock = _take_lock(self.home)
        self._guardian = self._start_guardian()
        self._handlers = {number: signal.signal(number, self._signalled) for number in STOP_SIGNALS}
        self._watcher = threading.Thread(target=self._watch, name="supervisor")
        self._watcher.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._leaving.set()
        self._watcher.join()
        for running in reversed(self._children):
            group = running.state.pid
            running.stop(hurry=lambda: self._signals > 1)
            self._tell("-", group)
            self._publish("stopped", running)
        self._guardian.communicate()  # its stdin closes, so it ends, and with it the last hold on the lock
        _snapshot_file(self.home).unlink(missing_ok=True)
        self._lock.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, child: Child) -> None:
        """Start a child and keep it running. Raises Misconfigured where its program cannot be started at all."""
        with self._turn:
            running = Running(child, self.home / "logs")
            self._launch(running)
            self._children.append(running)
            self._publish("started", running)

    def restart(self, name: str) -> None:
        """End a child that no longer moves, at once, for one that is frozen hears nothing; it is started again as after any end."""
        with self._turn:
            for running in self._children:
                if running.child.name == name:
                    running.kill()

    def wait(self, seconds: float = float("inf")) -> bool:
        """Whether a signal has asked us to stop; waits for one at most that long."""
        deadline = time.monotonic() + seconds
        while not self._signals:  # looked at, not waited for: a signal handler that sets an Event can lock itself out
            left = min(LOOK_SECONDS, deadline - time.monotonic())
            if left <= 0:
                return False
            time.sleep(left)
        return True

    def snapshot(self) -> list[ChildState]:
        """How each child is now, in the order of their starts."""
        return [running.state for running in self._children]

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _watch(self) -> None:
        while not self._leaving.wait(LOOK_SECONDS):
            with self._turn:
                if self._guardian.poll() is not None:
                    self._guardian = self._start_guardian()
                for running in self._children:
                    with contextlib.suppress(OSError):  # of its log; the next look tries again
                        self._look_after(running)

    def _look_after(self, running: Running) -> None:
        if running.ended():
            self._tell("-", running.state.pid)
            again_in = running.bury()
            self._publish("exited", running, again_in)
        elif running.due():
            try:
                self._launch(running)
            except Misconfigured:  # its program is gone for the moment, as while it is being upgraded
                running.put_off()
            else:
                self._publish("started", running)
        else:
            running.trim_log()

    def _launch(self, running: Running) -> None:
        running.launch()
        self._tell("+", running.state.pid)

    def _start_guardian(self) -> subprocess.Popen[str]:
        groups = [str(running.state.pid) for running in self._children if running.state.pid]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, *groups],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[self._lock.fileno()],
        )

    def _tell(self, sign: Literal["+", "-"], group: int | None) -> None:
        """Tell the guardian of a group that has begun or ended; None is a child that was down."""
        assert self._guardian.stdin
        if group is None:
            return
        with contextlib.suppress(BrokenPipeError):  # killed: the next look starts another, which is told of all
            self._guardian.stdin.write(f"{sign}{group}\n")
            self._guardian.stdin.flush()

    def _publish(self, what: Literal["started", "exited", "stopped"], running: Running, again_in: float | None = None) -> None:
        path = _snapshot_file(self.home)
        fresh = path.with_suffix(".new")
        with contextlib.suppress(OSError):  # a full disk must not keep a child from being started or stopped
            fresh.write_text(json.dumps([asdict(state) for state in self.snapshot()], default=datetime.isoformat))
            fresh.replace(path)
        self._on_event(Event(what, running.state, again_in))


def read_snapshot(home: Path) -> list[ChildState] | None:
    """The children of the supervisor that runs on this home in another process; None where none runs."""
    try:
        with (home / "supervisor.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        with contextlib.suppress(FileNotFoundError):
            states = json.loads(_snapshot_file(home).read_text())
            return [ChildState(**{**state, "since": state["since"] and datetime.fromisoformat(state["since"])}) for state in states]
    return None


def _snapshot_file(home: Path) -> Path:
    return home / "processes.json"


def _take_lock(home: Path) -> TextIO:
    """The home's lock, with our pid in it. Raises Misconfigured where another supervisor lives.

    The guardian of one that was killed keeps the lock until the children are gone; that is waited for.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (home / "supervisor.lock").open("a+")
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            if owner and _lives(int(owner)):
                lock.close()
                raise Misconfigured(f"Process {owner} already runs everything in {home}: stop it first, or set another home.") from None
            time.sleep(LOOK_SECONDS)
        else:
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            return lock


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, as another user's
        return True
    return True
