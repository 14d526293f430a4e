"""A ledger for each test, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from integration.ledger.database import open_engine
from integration.ledger.upgrade import upgrade


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """In its present shape."""
    made = open_engine(database_url)
    upgrade(made)
    yield made
    made.dispose()
