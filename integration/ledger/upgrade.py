"""Brings a database to the ledger's present shape; safe to call by every process at start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from integration.errors import Misconfigured
from integration.ledger import tables
from integration.ledger.database import read, write

LOCK = 7_215_308_114
"""Any number that nobody else locks in this database."""


def upgrade(engine: Engine) -> None:
    config = configuration()
    head = ScriptDirectory.from_config(config).get_current_head()
    if _revision(engine) == head:
        return
    with write(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        present = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if present is not None and present not in known:
            raise Misconfigured(
                "the database was made by a newer version of this program; install that version, or give another DATABASE_URL"
            )
        config.attributes["connection"] = connection
        if present is None:  # a new one is made as it is to be: all steps together take several times as long
            tables.metadata.create_all(connection)
            command.stamp(config, "head")
        else:
            command.upgrade(config, "head")


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _revision(engine: Engine) -> str | None:
    with read(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
