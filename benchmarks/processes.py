"""Child processes of a benchmark, each with its log and ended by its pid; their CPU time and memory, their children's included."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import psutil

END_SECONDS = 40.0
"""An installation finishes what it has begun."""
LOOK_SECONDS = 0.05

ROOT = Path(__file__).parents[1]

T = TypeVar("T")


@contextlib.contextmanager
def running(command: Sequence[str | Path], log: Path, env: Mapping[str, str], *, talk: bool = False) -> Iterator[subprocess.Popen[str]]:
    """The process of `command` while the block runs; with `talk` its stdin and stdout are ours, else what it says goes to `log`."""
    with log.open("a") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talk else output,
            stderr=output,
            env={**os.environ, **env, "PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(END_SECONDS)
    with contextlib.suppress(ProcessLookupError):  # what it has left in its group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    pipes: tuple[IO[str] | None, ...] = (process.stdin, process.stdout)
    for pipe in pipes:
        if pipe is not None:
            pipe.close()


def wait_for(what: Callable[[], T | None], seconds: float, message: str) -> T:
    """The first true result of `what`. Raises TimeoutError with `message` when none comes within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(message)
        time.sleep(LOOK_SECONDS)
    return result


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its family, the ended ones included."""
    times = [process.cpu_times() for process in family(pid)]
    return float(sum(spent.user + spent.system + spent.children_user + spent.children_system for spent in times))


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; `proportional` counts a page that several share in parts (Linux; elsewhere the same as `resident`)."""

    name: str
    resident: int
    proportional: int


def memory(named: Mapping[str, int]) -> list[Memory]:
    """Of each process by its name and pid, and of each child that it has."""
    found = []
    for name, pid in named.items():
        for place, process in enumerate(family(pid)):
            full = process.memory_full_info()
            found.append(Memory(f"{name}, child {place}" if place else name, full.rss, getattr(full, "pss", full.rss)))
    return found


def family(pid: int) -> list[psutil.Process]:
    """The process and all under it that share its session: a supervisor's children have sessions, and pids, of their own."""
    process = psutil.Process(pid)
    return [process, *(child for child in process.children(recursive=True) if os.getsid(child.pid) == os.getsid(pid))]
