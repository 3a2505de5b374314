"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")
Sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "flow",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text()),
        sa.Column("labels", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow")),
        sa.UniqueConstraint("name", name=op.f("uq_flow_name")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "flow_run",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("flow_id", Id, nullable=False),
        sa.Column("flow_version", sa.Text()),
        sa.Column("deployment_id", Id),
        sa.Column("deployment_version", sa.Text()),
        sa.Column("work_queue_id", Id),
        sa.Column("work_pool_id", Id),
        sa.Column("parent_task_run_id", Id),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("state_id", Id),
        sa.Column("state_type", sa.Text()),
        sa.Column("state_name", sa.Text()),
        sa.Column("state_timestamp", sa.BigInteger()),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("expected_start_time", sa.BigInteger()),
        sa.Column("start_time", sa.BigInteger()),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("total_run_time", sa.Float(), nullable=False),
        sa.Column("next_scheduled_start_time", sa.BigInteger()),
        sa.Column("auto_scheduled", sa.Boolean(), nullable=False),
        sa.Column("infrastructure_document_id", Id),
        sa.Column("infrastructure_pid", sa.Text()),
        sa.Column("empirical_policy", sa.Text()),
        sa.Column("parameters", sa.Text()),
        sa.Column("context", sa.Text()),
        sa.Column("tags", sa.Text()),
        sa.Column("labels", sa.Text()),
        sa.Column("created_by", sa.Text()),
        sa.Column("job_variables", sa.Text()),
        sa.CheckConstraint(
            "state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED', 'PAUSED', 'CANCELLING')",
            name=op.f("ck_flow_run_state_type"),
        ),
        sa.ForeignKeyConstraint(["flow_id"], ["flow.id"], name=op.f("fk_flow_run_flow_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flow_run")),
        sa.UniqueConstraint("flow_id", "idempotency_key", name=op.f("uq_flow_run_flow_id_idempotency_key")),
    )
    op.create_index("ix_flow_run_parent", "flow_run", ["parent_task_run_id"])
    op.create_table(
        "task_run",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("flow_run_id", Id),
        sa.Column("flow_run_run_count", sa.Integer(), nullable=False),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("dynamic_key", sa.Text(), nullable=False),
        sa.Column("task_version", sa.Text()),
        sa.Column("cache_key", sa.Text()),
        sa.Column("cache_expiration", sa.BigInteger()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("state_id", Id),
        sa.Column("state_type", sa.Text()),
        sa.Column("state_name", sa.Text()),
        sa.Column("state_timestamp", sa.BigInteger()),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("expected_start_time", sa.BigInteger()),
        sa.Column("start_time", sa.BigInteger()),
        sa.Column("end_time", sa.BigInteger()),
        sa.Column("total_run_time", sa.Float(), nullable=False),
        sa.Column("empirical_policy", sa.Text()),
        sa.Column("task_inputs", sa.Text()),
        sa.Column("tags", sa.Text()),
        sa.Column("labels", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_task_run_flow_run", "task_run", ["flow_run_id", "id"])
    op.create_table(
        "event",
        sa.Column("seq", Sequence, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("occurred", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.BigInteger()),
        sa.Column("follows", Id),
        sa.Column("run_kind", sa.Text()),
        sa.Column("run_id", Id),
        sa.Column("flow_run_id", Id),
        sa.Column("run_count", sa.Integer()),
        sa.Column("state_type", sa.Text()),
        sa.Column("state_name", sa.Text()),
        sa.Column("message", sa.Text()),
        sa.Column("state_details", sa.Text()),
        sa.Column("state_data", sa.Text()),
        sa.Column("event", sa.Text()),
        sa.Column("resource_id", sa.Text()),
        sa.Column("resource", sa.Text()),
        sa.Column("related", sa.Text()),
        sa.Column("payload", sa.Text()),
        sa.CheckConstraint(
            "(state_type IS NULL) <> (event IS NULL)", name=op.f("ck_event_transition_or_event")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
        sa.UniqueConstraint("id", name=op.f("uq_event_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_event_run",
        "event",
        ["run_id", "seq"],
        sqlite_where=sa.text("run_id IS NOT NULL"),
        postgresql_where=sa.text("run_id IS NOT NULL"),
    )
    op.create_table(
        "log",
        sa.Column("seq", Sequence, autoincrement=True, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("flow_run_id", Id),
        sa.Column("task_run_id", Id),
        sa.Column("worker_id", Id),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_log")),
        sa.UniqueConstraint("id", name=op.f("uq_log_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_log_flow_run", "log", ["flow_run_id", "seq"])
    op.create_index(
        "ix_log_task_run",
        "log",
        ["task_run_id", "seq"],
        sqlite_where=sa.text("task_run_id IS NOT NULL"),
        postgresql_where=sa.text("task_run_id IS NOT NULL"),
    )
    op.create_table(
        "lease",
        sa.Column("run_id", Id, nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("acquired", sa.BigInteger()),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("host", sa.Text()),
        sa.Column("pid", sa.BigInteger()),
        sa.Column("pid_started", sa.Text()),
        sa.CheckConstraint("(holder IS NULL) = (expires IS NULL)", name=op.f("ck_lease_held")),
        sa.CheckConstraint("token > 0", name=op.f("ck_lease_token")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_lease")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_lease_expires",
        "lease",
        ["expires"],
        sqlite_where=sa.text("expires IS NOT NULL"),
        postgresql_where=sa.text("expires IS NOT NULL"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Drop every table, with all that is in them."""
    for table in ("meta", "lease", "log", "event", "task_run", "flow_run", "flow"):
        op.drop_table(table)
