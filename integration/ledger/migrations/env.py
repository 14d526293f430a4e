"""Alembic's entry: runs the migrations on the connection that `integration.ledger.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from integration.ledger import tables

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=tables.metadata, render_as_batch=connection.dialect.name == "sqlite")
with context.begin_transaction():
    context.run_migrations()
