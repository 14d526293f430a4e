"""A ledger that was made by an older version gets the shape of a new one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from integration.ledger import tables
from integration.ledger.database import open_engine, write
from integration.ledger.upgrade import configuration, upgrade


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


def test_every_older_shape_becomes_the_present_one(empty: Engine) -> None:
    config = configuration()
    with write(empty) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    upgrade(empty)
    with write(empty) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == ScriptDirectory.from_config(config).get_current_head()


def test_a_new_ledger_has_the_present_shape_and_is_left_alone(empty: Engine) -> None:
    upgrade(empty)
    upgrade(empty)
    with write(empty) as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == ScriptDirectory.from_config(configuration()).get_current_head()
        assert set(tables.metadata.tables) < set(inspect(connection).get_table_names())
