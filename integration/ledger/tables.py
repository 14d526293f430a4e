"""The tables of the ledger. Payloads are sealed by the vault; keys, versions and states are in the clear so that they can be searched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant on every database; SQLite keeps no offset, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger keeps aware times only")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only numbers rows by itself for a column of type INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")
NAME = String(100)
KEY = String(200)


def _id() -> Column[Any]:
    return Column("id", Id, primary_key=True, autoincrement=True)


cursor = Table(
    "cursor",
    metadata,
    Column("flow", NAME, primary_key=True),
    Column("position", Instant),
    Column("looked_back_at", Instant),
    Column("look_back_from", Instant),
    Column("tick", BigInteger, nullable=False, default=-1),
    Column("updated_at", Instant, nullable=False),
)

run = Table(
    "run",
    metadata,
    _id(),
    Column("flow", NAME, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("lane", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("since", Instant),
    Column("until", Instant),
    Column("place", Instant),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("note", Text),
    Index("ix_run_open", "flow", "kind", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

batch = Table(
    "batch",
    metadata,
    _id(),
    Column("run_id", ForeignKey("run.id"), nullable=False, index=True),
    Column("flow", NAME, nullable=False),
    Column("lane", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("page", JSON, nullable=False),
    Column("size", Integer, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("losses", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
    Column("put_at", Instant),  # when due_at was set
    Column("rung_at", Instant),
    Column("owner", String(120)),
    Column("lease_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("note", Text),
    Index("ix_batch_open", "due_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_batch_in_flight", "flow", "stage", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

record = Table(
    "record",
    metadata,
    _id(),
    Column("batch_id", ForeignKey("batch.id"), nullable=False),
    Column("flow", NAME, nullable=False),
    Column("source_key", KEY, nullable=False),
    Column("version", String(64), nullable=False),
    Column("reference", KEY),
    Column("subject", String(64)),
    Column("state", String(20), nullable=False),
    Column("raw", LargeBinary),
    Column("canonical", LargeBinary),
    Column("parcel", LargeBinary),
    Column("mapping", String(64)),
    Column("edited", Boolean, nullable=False, default=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("kills", Integer, nullable=False, default=0),
    Column("due_at", Instant),
    Column("reason", Text),
    Column("extracted_at", Instant, nullable=False),
    Column("transformed_at", Instant),
    Column("validated_at", Instant),
    Column("booked_at", Instant),
    Column("finished_at", Instant),
    UniqueConstraint("flow", "source_key", "version"),
    Index("ix_record_batch_id", "batch_id"),
    Index("ix_record_source_key", "source_key"),
    Index("ix_record_reference", "reference"),
    Index("ix_record_subject", "subject", sqlite_where=text("subject IS NOT NULL"), postgresql_where=text("subject IS NOT NULL")),
    Index(
        "ix_record_unfinished",
        "flow",
        "state",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "ix_record_expiring",
        "flow",
        "finished_at",
        sqlite_where=text("raw IS NOT NULL AND finished_at IS NOT NULL"),
        postgresql_where=text("raw IS NOT NULL AND finished_at IS NOT NULL"),
    ),
    Index("ix_record_expired", "flow", "finished_at", sqlite_where=text("raw IS NULL"), postgresql_where=text("raw IS NULL")),
    Index(
        "ix_record_booked",
        "flow",
        "booked_at",
        sqlite_where=text("booked_at IS NOT NULL"),
        postgresql_where=text("booked_at IS NOT NULL"),
    ),
)

crosswalk = Table(
    "crosswalk",
    metadata,
    _id(),
    Column("source", NAME, nullable=False),
    Column("target", NAME, nullable=False),
    Column("entity", NAME, nullable=False),
    Column("source_key", KEY, nullable=False),
    Column("target_key", KEY),
    Column("target_version", BigInteger),
    Column("delivered_version", String(64)),
    Column("delivered_hash", String(64)),
    Column("delivered", LargeBinary),
    Column("agreed", String(20)),
    Column("owner", String(120)),
    Column("claimed_until", Instant),
    Column("intent", String(20)),
    Column("intent_at", Instant),
    Column("resend_after", Instant),
    Column("acknowledged_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("source", "target", "entity", "source_key"),
    Index("ix_crosswalk_target_key", "target_key"),
    Index("ix_crosswalk_owner", "owner", sqlite_where=text("owner IS NOT NULL"), postgresql_where=text("owner IS NOT NULL")),
)

delivery = Table(
    "delivery",
    metadata,
    _id(),
    Column("crosswalk_id", ForeignKey("crosswalk.id"), nullable=False, index=True),
    Column("record_id", Id, index=True),
    Column("operation", String(20), nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("outcome", String(20), nullable=False),
    Column("target_key", KEY),
    Column("message", Text),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    _id(),
    Column("flow", NAME, nullable=False),
    Column("batch_id", Id, nullable=False),
    Column("record_id", Id, index=True),
    Column("source_key", KEY, nullable=False),
    Column("version", String(64)),
    Column("stage", String(20), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("cause", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_note", Text),
    Index("ix_dead_letter_open", "flow", "source_key", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

hold = Table(
    "hold",
    metadata,
    _id(),
    Column("flow", NAME, nullable=False),
    Column("record_id", Id, nullable=False, index=True),
    Column("source_key", KEY, nullable=False),
    Column("kind", String(30), nullable=False),
    Column("awaits", KEY, nullable=False),
    Column("reason", Text, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("since", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("check_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("closed_note", Text),
    Index("ix_hold_open", "flow", "source_key", unique=True, sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_hold_check", "check_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

stock = Table(
    "stock",
    metadata,
    Column("flow", NAME, primary_key=True),
    Column("sku", KEY, primary_key=True),
    Column("item", KEY, nullable=False),
    Column("available", Integer, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("changed_at", Instant),
    Column("listed", Boolean),
    Column("published", Integer),
    Column("published_as_of", Instant),
    Column("published_at", Instant),
    Column("written_at", Instant),
    Column("guarded", Instant),
    Column("unexplained", Integer, nullable=False, server_default="0"),
    Column("gap", Integer, nullable=False),
    Column("gap_since", Instant),
    Column("shown", Integer),
    Column("shown_at", Instant),
    Column("drift", String(40)),
    Column("due_at", Instant),
    Column("sent_at", Instant),
    Column("note", Text),
    Index("ix_stock_due", "flow", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_stock_item", "flow", "item"),
)

commitment = Table(
    "commitment",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("order_key", KEY, primary_key=True),
    Column("sku", KEY, primary_key=True),
    Column("units", Integer, nullable=False),
    Column("pending", Integer, nullable=False),
    Column("version", String(64), nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("accounted_at", Instant),
    Column("over_at", Instant),
    Index("ix_commitment_sku", "connection", "sku"),
    Index("ix_commitment_over", "over_at", sqlite_where=text("over_at IS NOT NULL"), postgresql_where=text("over_at IS NOT NULL")),
)

order_line = Table(
    "order_line",
    metadata,
    Column("source", NAME, primary_key=True),
    Column("target", NAME, primary_key=True),
    Column("target_key", KEY, primary_key=True),
    Column("line_number", Integer, primary_key=True, autoincrement=False),
    Column("order_key", KEY, nullable=False),
    Column("line_key", KEY, nullable=False),
    Column("source_sku", KEY, nullable=False),
    Column("sku", KEY, nullable=False),
    Column("units", Integer, nullable=False),
    Index("ix_order_line_order", "source", "order_key"),
)

first_part = Table(
    "first_part",
    metadata,
    Column("source", NAME, primary_key=True),
    Column("target", NAME, primary_key=True),
    Column("order_key", KEY, primary_key=True),
    Column("line_key", KEY, primary_key=True),
    Column("sku", KEY, nullable=False),
    Column("units", Integer, nullable=False),
)

occasion = Table(
    "occasion",
    metadata,
    Column("flow", NAME, primary_key=True),
    Column("source_key", KEY, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Index("ix_occasion_flow_due_at", "flow", "due_at"),
)

billed = Table(
    "billed",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("invoice_key", KEY, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("number", KEY, nullable=False),
    Column("sequence", String(10), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("order_key", KEY),
    Column("applies_to", KEY),
    Column("total", String(30), nullable=False),
    Column("balance", String(30), nullable=False),
    Index("ix_billed_order", "connection", "order_key"),
    Index("ix_billed_number", "connection", "number"),
    Index("ix_billed_applies_to", "connection", "applies_to"),
)

shipped_line = Table(
    "shipped_line",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("shipment_key", KEY, primary_key=True),
    Column("line_key", KEY, primary_key=True),
    Column("order_key", KEY, nullable=False),
    Column("sku", KEY, nullable=False),
    Column("units", Integer, nullable=False),
    Column("delivered_at", Instant),
    Index("ix_shipped_line_order", "connection", "order_key"),
)

hint = Table(
    "hint",
    metadata,
    _id(),
    Column("connection", NAME, nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("event", String(50), nullable=False),
    Column("entity", NAME, nullable=False),
    Column("key", KEY),
    Column("changed_at", Instant),
    Column("received_at", Instant, nullable=False),
    Column("taken_at", Instant),
    UniqueConstraint("connection", "event_id", "entity"),
    Index("ix_hint_waiting", "connection", "entity", sqlite_where=text("taken_at IS NULL"), postgresql_where=text("taken_at IS NULL")),
)

alert = Table(
    "alert",
    metadata,
    _id(),
    Column("kind", String(30), nullable=False),
    Column("subject", KEY, nullable=False),
    Column("message", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("since", Instant, nullable=False),
    Column("state", String(20), nullable=False),
    Column("told_at", Instant),
    Column("told_to", JSON, nullable=False),
    Column("claimed_until", Instant),
    Column("cleared_at", Instant),
    Column("all_clear_at", Instant),
    Index("ix_alert_open", "kind", "subject", unique=True, sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    Index("ix_alert_over", "state", sqlite_where=text("state = 'over'"), postgresql_where=text("state = 'over'")),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", Instant, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("action", String(40), nullable=False),
    Column("subject", KEY),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_subject", "subject"),
)

erasure = Table(
    "erasure",
    metadata,
    Column("flow", NAME, primary_key=True),
    Column("source_key", KEY, primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("asked_at", Instant, nullable=False),
)

finding = Table(
    "finding",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("source_key", KEY, primary_key=True),
    Column("reference", KEY),
    Column("verdict", String(20), nullable=False),
    Column("cause", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("repairable", Boolean, nullable=False),
    Column("currency", String(3)),
    Column("amount", String(30)),
    Column("booked", JSON, nullable=False),
    Index("ix_finding_verdict", "run_id", "verdict"),
)

pulse = Table(
    "pulse",
    metadata,
    Column("part", String(40), primary_key=True),
    Column("host", NAME, primary_key=True),
    Column("at", Instant, nullable=False),
)

api_call = Table(
    "api_call",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("operation", NAME, primary_key=True),
    Column("outcome", String(20), primary_key=True),
    Column("up_to_ms", Integer, primary_key=True, autoincrement=False),
    Column("calls", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("last_at", Instant, nullable=False),
)

stage_count = Table(
    "stage_count",
    metadata,
    Column("flow", NAME, primary_key=True),
    Column("stage", String(20), primary_key=True),
    Column("lane", String(20), primary_key=True),
    Column("records", BigInteger, nullable=False),
)

item = Table(
    "item",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("sku", KEY, primary_key=True),
    Column("target_sku", KEY),
    Column("active", Boolean, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Index("ix_item_target", "connection", "target_sku"),
)

budget = Table(
    "budget",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("paused_at", Instant),
    Column("paused_until", Instant),
    Column("pause_reason", String(200)),
)

budget_grant = Table(
    "budget_grant",
    metadata,
    _id(),
    Column("connection", NAME, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("requests", Integer, nullable=False),
    Index("ix_budget_grant_connection_granted_at", "connection", "granted_at"),
)

budget_slot = Table(
    "budget_slot",
    metadata,
    Column("connection", NAME, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("owner", String(120), nullable=False),
    Column("held_until", Instant, nullable=False),
)

data_key = Table(
    "data_key",
    metadata,
    _id(),
    Column("purpose", String(20), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)
