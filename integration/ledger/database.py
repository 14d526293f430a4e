"""Opens the ledger's database and gives transactions: SQLite in WAL mode when embedded, PostgreSQL where a URL is given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import backoff
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import InterfaceError, OperationalError

BUSY_SECONDS = 30
"""How long a writer of SQLite waits for another; a page's transaction takes milliseconds."""


IDLE_SECONDS = 30
"""A process that stands still amid a transaction, or whose machine is gone, keeps its locks from others for so long; nothing of ours waits
for anything else within one."""

outlasting_a_restart = backoff.on_exception(
    backoff.constant, (OperationalError, InterfaceError), interval=0.5, max_time=60, jitter=None, logger=None
)
"""For what gives a lease back: were it lost with the database's restart, the work would wait for the lease's end."""


def open_engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return _open_postgresql(url)
    options: dict[str, Any] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    engine = create_engine(url, connect_args=options, pool_size=4, max_overflow=12, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def make_private(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        """Its owner's alone; what SQLite puts beside the file gets the same mode."""
        file = Path(str(engine.url.database))
        with suppress(OSError):  # it is there, or SQLite says what stands in the way
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not open transactions by itself, see `begin`
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # An intent must survive a power cut before its request leaves, so each commit waits for the disk.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten, also where it lay before a change; it costs a few percent of a write.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later could not wait for its turn, so writers say so at the start.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def _open_postgresql(url: str) -> Engine:
    engine = create_engine(
        url, pool_pre_ping=True, pool_size=4, max_overflow=12, hide_parameters=True, connect_args={"connect_timeout": 10}
    )

    @event.listens_for(engine, "connect")
    def give_up_idle_transactions(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}")
        connection.commit()

    @event.listens_for(engine, "handle_error")
    def like_any_lost_connection(context: ExceptionContext) -> None:
        if isinstance(context.original_exception, IdleInTransactionSessionTimeout):
            context.is_disconnect = True
            raise OperationalError(context.statement, None, context.original_exception, hide_parameters=True)

    return engine


@contextmanager
def write(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; on SQLite it has the database to itself."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def read(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; it sees one state of the database."""
    with engine.connect() as connection, connection.begin():
        yield connection


def empty_journal(engine: Engine) -> None:
    """Have SQLite forget the older pages in its write-ahead log, as far as no reader needs them; PostgreSQL sees to its own."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
