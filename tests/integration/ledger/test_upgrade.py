"""A ledger that was made by an older version gets the shape of a new one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.engine.interfaces import ReflectedIndex

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
        grown = shape(connection)
        tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
        assert grown == shape(connection)


def shape(connection: Connection) -> dict[str, Any]:
    """What else decides how the ledger behaves: by table its indexes, with the conditions of partial ones, keys and constraints."""
    present = inspect(connection)
    return {
        table: [
            sorted(map(index, present.get_indexes(table))),
            present.get_pk_constraint(table)["constrained_columns"],
            sorted(map(repr, present.get_foreign_keys(table))),
            sorted(map(repr, present.get_unique_constraints(table))),
            sorted(map(repr, present.get_check_constraints(table))),
            {column["name"]: (str(column["type"]), column["nullable"], column["default"]) for column in present.get_columns(table)},
        ]
        for table in tables.metadata.tables
    }


def index(found: ReflectedIndex) -> str:
    conditions = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return repr((found["name"], found["column_names"], found["unique"], conditions))


def test_a_new_ledger_has_the_present_shape_and_is_left_alone(empty: Engine) -> None:
    upgrade(empty)
    upgrade(empty)
    with write(empty) as connection:
        context = MigrationContext.configure(connection)
        assert context.get_current_revision() == ScriptDirectory.from_config(configuration()).get_current_head()
        assert set(tables.metadata.tables) < set(inspect(connection).get_table_names())
