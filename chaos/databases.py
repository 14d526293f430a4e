"""The ledger's database of a run: a SQLite file, or a PostgreSQL server of its own; each can be struck."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg

from benchmarks.installation import free_port
from benchmarks.processes import wait_for
from integration.errors import Misconfigured

DATABASES = ("sqlite", "postgresql")
SUPERUSER = "postgres"
START_SECONDS = 60.0
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "200", "max_wal_size": "256MB"}


class Database(Protocol):
    url: str

    def strike(self, seconds: float) -> None:
        """Take it away for so long: PostgreSQL is stopped at once and started again, SQLite's file is locked by somebody else."""

    def revive(self) -> None:
        """Start it where it has ended by itself, as PostgreSQL does on a full disk."""


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "ledger.db"
        self.url = f"sqlite:///{self._file}"

    def strike(self, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as other, contextlib.suppress(sqlite3.Error):
            other.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            other.execute("ROLLBACK")

    def revive(self) -> None:
        """There is no server that could have ended."""

    def copy_to(self, file: Path) -> None:
        with contextlib.closing(sqlite3.connect(self._file)) as here, contextlib.closing(sqlite3.connect(file)) as there:
            here.backup(there)


class Postgresql:
    """`folder` is the server's own; it must be one that the server's user may enter."""

    def __init__(self, folder: Path) -> None:
        self._programs = _programs()
        self._identity: dict[str, Any] = {}
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            self._identity = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres", "postgres")
        self._folder = folder
        self._port = free_port()
        self._server: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://{SUPERUSER}@127.0.0.1:{self._port}/integration"

    def make(self) -> None:
        words = ["--pgdata", str(self._folder / "data"), "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"]
        subprocess.run(
            [self._programs / "initdb", *words], cwd=self._folder, check=True, capture_output=True, timeout=START_SECONDS, **self._identity
        )
        self.start()
        with psycopg.connect(self.url.replace("/integration", "/postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE integration")

    def start(self) -> None:
        options = [word for name, value in {**SETTINGS, "port": str(self._port)}.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *options],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity,
            )
        wait_for(self._answers, START_SECONDS, f"PostgreSQL did not start; see {self._folder / 'server.log'}")

    def stop(self) -> None:
        """At once, as a crash: it recovers from its log at the next start."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait()
            self._server = None

    def strike(self, seconds: float) -> None:
        self.stop()
        time.sleep(seconds)
        self.start()

    def revive(self) -> None:
        if self._server is not None and self._server.poll() is not None:
            self.start()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url.replace("/integration", "/postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[Database]:
    """An empty one in `folder` while the block runs."""
    if kind == "sqlite":
        ledger = Sqlite(folder)
        yield ledger
        if folder.is_mount():  # a disk of its own goes with the run
            ledger.copy_to(folder.parent / "ledger.db")
        return
    server = Postgresql(folder)
    try:
        server.make()
        yield server
    finally:
        server.stop()


def _programs() -> Path:
    """The folder with initdb and postgres: PATH first, then the newest of Debian's."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Misconfigured("PostgreSQL is not installed: there is no initdb in PATH or /usr/lib/postgresql; try --database sqlite.")
