"""The whole loop: holds, stock, what webhooks bring, alerts, the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.ledger.tables import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("told_to", sa.JSON(), nullable=False),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("cleared_at", Instant(), nullable=True),
        sa.Column("all_clear_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(
            "ix_alert_open",
            ["kind", "subject"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_alert_over",
            ["state"],
            unique=False,
            sqlite_where=sa.text("state = 'over'"),
            postgresql_where=sa.text("state = 'over'"),
        )

    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_subject", ["subject"], unique=False)

    op.create_table(
        "commitment",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("order_key", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("accounted_at", Instant(), nullable=True),
        sa.Column("over_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "order_key", "sku", name=op.f("pk_commitment")),
    )
    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.create_index("ix_commitment_sku", ["connection", "sku"], unique=False)
        batch_op.create_index(
            "ix_commitment_over",
            ["over_at"],
            unique=False,
            sqlite_where=sa.text("over_at IS NOT NULL"),
            postgresql_where=sa.text("over_at IS NOT NULL"),
        )

    op.create_table(
        "hint",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=50), nullable=False),
        sa.Column("entity", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hint")),
        sa.UniqueConstraint("connection", "event_id", "entity", name=op.f("uq_hint_connection_event_id_entity")),
    )
    with op.batch_alter_table("hint", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hint_waiting",
            ["connection", "entity"],
            unique=False,
            sqlite_where=sa.text("taken_at IS NULL"),
            postgresql_where=sa.text("taken_at IS NULL"),
        )

    op.create_table(
        "hold",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("awaits", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("deadline", Instant(), nullable=False),
        sa.Column("check_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hold_check", ["check_at"], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.create_index(
            "ix_hold_open",
            ["flow", "source_key"],
            unique=True,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(batch_op.f("ix_hold_record_id"), ["record_id"], unique=False)

    op.create_table(
        "order_line",
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("target_key", sa.String(length=200), nullable=False),
        sa.Column("line_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_key", sa.String(length=200), nullable=False),
        sa.Column("line_key", sa.String(length=200), nullable=False),
        sa.Column("source_sku", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "target", "target_key", "line_number", name=op.f("pk_order_line")),
    )
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index("ix_order_line_order", ["source", "order_key"], unique=False)

    op.create_table(
        "erasure",
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "source_key", name=op.f("pk_erasure")),
    )
    op.create_table(
        "finding",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("repairable", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("amount", sa.String(length=30), nullable=True),
        sa.Column("booked", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_finding_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "source_key", name=op.f("pk_finding")),
    )
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.create_index("ix_finding_verdict", ["run_id", "verdict"], unique=False)

    op.create_table(
        "pulse",
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=100), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("part", "host", name=op.f("pk_pulse")),
    )
    op.create_table(
        "api_call",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("operation", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("up_to_ms", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "operation", "outcome", "up_to_ms", name=op.f("pk_api_call")),
    )
    op.create_table(
        "stage_count",
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow", "stage", "lane", name=op.f("pk_stage_count")),
    )
    op.create_table(
        "shipped_line",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("shipment_key", sa.String(length=200), nullable=False),
        sa.Column("line_key", sa.String(length=200), nullable=False),
        sa.Column("order_key", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("connection", "shipment_key", "line_key", name=op.f("pk_shipped_line")),
    )
    with op.batch_alter_table("shipped_line", schema=None) as batch_op:
        batch_op.create_index("ix_shipped_line_order", ["connection", "order_key"], unique=False)

    op.create_table(
        "stock",
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=True),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("published_as_of", Instant(), nullable=True),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("guarded", Instant(), nullable=True),
        sa.Column("gap", sa.Integer(), nullable=False),
        sa.Column("gap_since", Instant(), nullable=True),
        sa.Column("shown", sa.Integer(), nullable=True),
        sa.Column("shown_at", Instant(), nullable=True),
        sa.Column("drift", sa.String(length=40), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("flow", "sku", name=op.f("pk_stock")),
    )
    with op.batch_alter_table("stock", schema=None) as batch_op:
        batch_op.create_index("ix_stock_item", ["flow", "item"], unique=False)
        batch_op.create_index(
            "ix_stock_due",
            ["flow", "due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )

    with op.batch_alter_table("crosswalk", schema=None) as batch_op:
        batch_op.add_column(sa.Column("agreed", sa.String(length=20), nullable=True))

    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject", sa.String(length=64), nullable=True))
        batch_op.create_index(
            "ix_record_expiring",
            ["flow", "finished_at"],
            unique=False,
            sqlite_where=sa.text("raw IS NOT NULL AND finished_at IS NOT NULL"),
            postgresql_where=sa.text("raw IS NOT NULL AND finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_record_expired",
            ["flow", "finished_at"],
            unique=False,
            sqlite_where=sa.text("raw IS NULL"),
            postgresql_where=sa.text("raw IS NULL"),
        )
        batch_op.create_index(
            "ix_record_subject",
            ["subject"],
            unique=False,
            sqlite_where=sa.text("subject IS NOT NULL"),
            postgresql_where=sa.text("subject IS NOT NULL"),
        )

    with op.batch_alter_table("item", schema=None) as batch_op:
        batch_op.create_index("ix_item_target", ["connection", "target_sku"], unique=False)
