"""Clocks that are set: a budget's pauses are timed by one that nobody sets, and of a batch is known when its time was put."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.ledger.tables import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("put_at", Instant()))
    op.add_column("budget", sa.Column("paused_at", Instant()))
    # They were timed by another clock; who is asked too early says so again.
    op.execute(sa.update(sa.table("budget", sa.column("paused_until"))).values(paused_until=None))
