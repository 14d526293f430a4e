"""Any shop to any ERP, and orders that are booked in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.ledger.tables import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "first_part",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("order_key", sa.String(length=200), nullable=False),
        sa.Column("line_key", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "target", "order_key", "line_key", name=op.f("pk_first_part")),
    )
    op.create_table(
        "occasion",
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "source_key", name=op.f("pk_occasion")),
    )
    op.create_index("ix_occasion_flow_due_at", "occasion", ["flow", "due_at"])
    op.create_table(
        "billed",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("invoice_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("sequence", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("order_key", sa.String(length=200)),
        sa.Column("applies_to", sa.String(length=200)),
        sa.Column("total", sa.String(length=30), nullable=False),
        sa.Column("balance", sa.String(length=30), nullable=False),
        sa.PrimaryKeyConstraint("connection", "invoice_key", name=op.f("pk_billed")),
    )
    op.create_index("ix_billed_order", "billed", ["connection", "order_key"])
    op.create_index("ix_billed_number", "billed", ["connection", "number"])
    op.create_index("ix_billed_applies_to", "billed", ["connection", "applies_to"])
    op.add_column("stock", sa.Column("written_at", Instant()))
    op.add_column("stock", sa.Column("unexplained", sa.Integer(), nullable=False, server_default="0"))
    # They were timed by another clock; whoever upgrades has stopped everything, and nobody sends.
    op.execute(sa.delete(sa.table("budget_grant")))
    op.execute(sa.delete(sa.table("budget_slot")))
