"""Those who are compared, in the order of the table."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import redis

from benchmarks.installation import installed
from benchmarks.peers.contender import EVERY, Contender
from benchmarks.peers.environment import python_of
from benchmarks.processes import ROOT, family, running, wait_for
from commands import valkey
from integration.ledger.batches import open_batches

START_SECONDS = 60.0


class Standing(Contender):
    """A process of our own that works once for each line it reads."""

    threads = 1

    def start(self) -> None:
        command = [sys.executable, "-m", "benchmarks.peers.loop", str(self.threads)]
        self._process = self.stack.enter_context(running(command, self.home / "loop.log", self.environment, talk=True))

    def work(self) -> None:
        if self._process.poll() is not None:  # it has ended by an error, and somebody starts it again
            self.start()
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        self._process.stdout.readline()

    def roots(self) -> Sequence[int]:
        return [self._process.pid]


class Threads(Standing):
    """As many as the channel allows requests at once."""

    threads = 5


class Pass(Contender):
    """A command that is run again and again."""

    def start(self) -> None:
        self._spent = 0.0
        self._running: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str | Path]: ...

    def work(self) -> None:
        with (self.home / "pass.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        self._running = process
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._running = None
        self._spent += used.ru_utime + used.ru_stime

    def roots(self) -> Sequence[int]:
        return [self._running.pid] if self._running else []

    def cpu_seconds(self) -> float:
        """Of the passes that have ended, their children's included."""
        return self._spent

    def kill(self) -> None:
        if self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)


class Singer(Pass):
    def command(self) -> Sequence[str | Path]:
        return ["sh", ROOT / "benchmarks/peers/singer/run.sh", python_of("singer"), self.home]


class Dlt(Pass):
    def command(self) -> Sequence[str | Path]:
        return [python_of("dlt"), "-m", "benchmarks.peers.dlt.pipeline", self.home]


SYNC = """name: orders
model: SELECT * FROM orders
destination: {{type: tims}}
sync:
  mode: incremental
  cursor_field: UpdatedDate
  on_error: fail
  rate_limit: {{requests_per_second: {rate}}}
"""


class Drt(Pass):
    def start(self) -> None:
        super().start()
        for folder in (".drt", "syncs"):
            (self.home / folder).mkdir(exist_ok=True)
        (self.home / ".drt" / "profiles.yml").write_text("channel: {type: channeladvisor}\n")
        (self.home / "drt_project.yml").write_text("name: peer\nversion: '0.1'\nprofile: channel\n")
        rate = 3 if self.limited else 1_000_000  # in orders, three requests each
        (self.home / "syncs" / "orders.yml").write_text(SYNC.format(rate=rate))

    def command(self) -> Sequence[str | Path]:
        return ["sh", ROOT / "benchmarks/peers/drt/run.sh", python_of("drt"), self.home]


class Celery(Contender):
    polls = True
    reads_mark = False

    def start(self) -> None:
        python = python_of("celery")
        port = valkey.choose_port(self.home)
        self._valkey = self.stack.enter_context(running(valkey.command(self.home, port), self.home / "valkey.log", {}))
        valkey.wait_until_ready(self.home, port)
        beat = str(self.home / "beat")
        self._environment = {**self.environment, "PEER_REDIS_URL": valkey.url(port), "PEER_EVERY": str(EVERY), "PEER_BEAT": beat}
        self._python = python
        self.start_again()

    def start_again(self) -> None:
        app: list[str | Path] = [self._python, "-m", "celery", "--app", "benchmarks.peers.celery.tasks"]
        log = self.home / "worker.log"
        log.write_text("")
        worker = running([*app, "worker", "--loglevel", "INFO", "--concurrency", "2"], log, self._environment)
        beat = running([*app, "beat"], self.home / "beat.log", self._environment)
        self._pids = [self.stack.enter_context(one).pid for one in (worker, beat)]
        wait_for(lambda: " ready." in log.read_text(), START_SECONDS, f"Celery did not start; see {log}")

    def rest(self, told: int) -> None:
        time.sleep(1)

    def busy(self) -> bool:
        with self._redis() as client:
            return bool(client.llen("celery"))

    def left_in_queue(self) -> int:
        """What the killed worker had fetched; kombu gives it back after its `visibility_timeout` of an hour."""
        with self._redis() as client:
            return int(client.hlen("unacked"))

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self._environment["PEER_REDIS_URL"])

    def roots(self) -> Sequence[int]:
        return [*self._pids, self._valkey.pid]

    def kill(self) -> None:
        """Its worker and beat; Redis is a service of somebody else's, and lives."""
        for pid in self._pids:
            for process in family(pid):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)


class Ours(Contender):
    """`integration up`, Flower apart; when it is killed its Valkey dies with it."""

    polls = True
    reads_mark = False

    def start(self) -> None:
        self._installation = self.stack.enter_context(installed(self.home, self.systems, unlimited=not self.limited))

    def start_again(self) -> None:
        self.start()

    def busy(self) -> bool:
        return bool(open_batches(self._installation.engine))

    def rest(self, told: int) -> None:
        self._installation.take_over(told, START_SECONDS)

    def roots(self) -> Sequence[int]:
        return [pid for name, pid in self._installation.processes.items() if name != "flower"]

    def kill(self) -> None:
        supervisor = psutil.Process(self._installation.processes["supervisor"])
        for process in (supervisor, *supervisor.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


CONTENDERS: Mapping[str, type[Contender]] = {
    "bare loop": Standing,
    "thread pool": Threads,
    "plain Celery": Celery,
    "singer": Singer,
    "dlt": Dlt,
    "drt": Drt,
    "ours": Ours,
}
