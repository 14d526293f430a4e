"""The ledger's first shape."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from integration.ledger.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "budget",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("paused_until", Instant(), nullable=True),
        sa.Column("pause_reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_budget")),
    )
    op.create_table(
        "budget_grant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("granted_at", Instant(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_grant")),
    )
    with op.batch_alter_table("budget_grant", schema=None) as batch_op:
        batch_op.create_index("ix_budget_grant_connection_granted_at", ["connection", "granted_at"], unique=False)

    op.create_table(
        "budget_slot",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("held_until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "slot", name=op.f("pk_budget_slot")),
    )
    op.create_table(
        "crosswalk",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("entity", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("target_key", sa.String(length=200), nullable=True),
        sa.Column("target_version", sa.BigInteger(), nullable=True),
        sa.Column("delivered_version", sa.String(length=64), nullable=True),
        sa.Column("delivered_hash", sa.String(length=64), nullable=True),
        sa.Column("delivered", sa.LargeBinary(), nullable=True),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("claimed_until", Instant(), nullable=True),
        sa.Column("intent", sa.String(length=20), nullable=True),
        sa.Column("intent_at", Instant(), nullable=True),
        sa.Column("resend_after", Instant(), nullable=True),
        sa.Column("acknowledged_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crosswalk")),
        sa.UniqueConstraint("source", "target", "entity", "source_key", name=op.f("uq_crosswalk_source_target_entity_source_key")),
    )
    with op.batch_alter_table("crosswalk", schema=None) as batch_op:
        batch_op.create_index(
            "ix_crosswalk_owner",
            ["owner"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.create_index("ix_crosswalk_target_key", ["target_key"], unique=False)

    op.create_table(
        "cursor",
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("position", Instant(), nullable=True),
        sa.Column("looked_back_at", Instant(), nullable=True),
        sa.Column("look_back_from", Instant(), nullable=True),
        sa.Column("tick", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("flow", name=op.f("pk_cursor")),
    )
    op.create_table(
        "data_key",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("retired_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_key")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("closed_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dead_letter_open",
            ["flow", "source_key"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(batch_op.f("ix_dead_letter_record_id"), ["record_id"], unique=False)

    op.create_table(
        "item",
        sa.Column("connection", sa.String(length=100), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("target_sku", sa.String(length=200), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("checked_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "sku", name=op.f("pk_item")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("since", Instant(), nullable=True),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("place", Instant(), nullable=True),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(
            "ix_run_open",
            ["flow", "kind"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )

    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("lane", sa.String(length=20), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("page", sa.JSON(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("rung_at", Instant(), nullable=True),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_batch_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batch_in_flight",
            ["flow", "stage"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_batch_open", ["due_at"], unique=False, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")
        )
        batch_op.create_index(batch_op.f("ix_batch_run_id"), ["run_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("crosswalk_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("operation", sa.String(length=20), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("answered_at", Instant(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("target_key", sa.String(length=200), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["crosswalk_id"], ["crosswalk.id"], name=op.f("fk_delivery_crosswalk_id_crosswalk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_crosswalk_id"), ["crosswalk_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_record_id"), ["record_id"], unique=False)

    op.create_table(
        "record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("flow", sa.String(length=100), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("canonical", sa.LargeBinary(), nullable=True),
        sa.Column("parcel", sa.LargeBinary(), nullable=True),
        sa.Column("mapping", sa.String(length=64), nullable=True),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("kills", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("extracted_at", Instant(), nullable=False),
        sa.Column("transformed_at", Instant(), nullable=True),
        sa.Column("validated_at", Instant(), nullable=True),
        sa.Column("booked_at", Instant(), nullable=True),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_record_batch_id_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("flow", "source_key", "version", name=op.f("uq_record_flow_source_key_version")),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index("ix_record_batch_id", ["batch_id"], unique=False)
        batch_op.create_index("ix_record_reference", ["reference"], unique=False)
        batch_op.create_index("ix_record_source_key", ["source_key"], unique=False)
        batch_op.create_index(
            "ix_record_unfinished",
            ["flow", "state"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        batch_op.create_index(
            "ix_record_booked",
            ["flow", "booked_at"],
            unique=False,
            sqlite_where=sa.text("booked_at IS NOT NULL"),
            postgresql_where=sa.text("booked_at IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_record_booked", sqlite_where=sa.text("booked_at IS NOT NULL"), postgresql_where=sa.text("booked_at IS NOT NULL")
        )
        batch_op.drop_index(
            "ix_record_unfinished", sqlite_where=sa.text("finished_at IS NULL"), postgresql_where=sa.text("finished_at IS NULL")
        )
        batch_op.drop_index("ix_record_source_key")
        batch_op.drop_index("ix_record_reference")
        batch_op.drop_index("ix_record_batch_id")

    op.drop_table("record")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_record_id"))
        batch_op.drop_index(batch_op.f("ix_delivery_crosswalk_id"))

    op.drop_table("delivery")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_batch_run_id"))
        batch_op.drop_index("ix_batch_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.drop_index("ix_batch_in_flight", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table("batch")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table("run")
    op.drop_table("item")
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dead_letter_record_id"))
        batch_op.drop_index("ix_dead_letter_open", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table("dead_letter")
    op.drop_table("data_key")
    op.drop_table("cursor")
    with op.batch_alter_table("crosswalk", schema=None) as batch_op:
        batch_op.drop_index("ix_crosswalk_target_key")
        batch_op.drop_index("ix_crosswalk_owner", sqlite_where=sa.text("owner IS NOT NULL"), postgresql_where=sa.text("owner IS NOT NULL"))

    op.drop_table("crosswalk")
    op.drop_table("budget_slot")
    with op.batch_alter_table("budget_grant", schema=None) as batch_op:
        batch_op.drop_index("ix_budget_grant_connection_granted_at")

    op.drop_table("budget_grant")
    op.drop_table("budget")
