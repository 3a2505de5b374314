"""What the server needs: indexes of its lists and feeds, three tables, and the order of commits on PostgreSQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")

STARTED = "coalesce(start_time, expected_start_time)"
ENDED = "coalesce(end_time, 0)"
NEXT_SCHEDULED = "coalesce(next_scheduled_start_time, 9223372036854775807)"

_Index = tuple[str, str, list[Any], str | None]

INDEXES: tuple[_Index, ...] = (
    ("ix_flow_run_name", "flow_run", ["name", "id"], None),
    ("ix_flow_run_expected_start_time", "flow_run", ["expected_start_time", "id"], None),
    ("ix_flow_run_start_time", "flow_run", [sa.text(STARTED), "id"], None),
    ("ix_flow_run_end_time", "flow_run", [sa.text(ENDED), "id"], None),
    ("ix_flow_run_next_scheduled_start_time", "flow_run", [sa.text(NEXT_SCHEDULED), "id"], None),
    ("ix_flow_run_state", "flow_run", ["state_type", "state_name", "expected_start_time"], None),
    (
        "ix_flow_run_deployment",
        "flow_run",
        ["deployment_id", "expected_start_time"],
        "deployment_id IS NOT NULL",
    ),
    ("ix_task_run_name", "task_run", ["name", "id"], None),
    ("ix_task_run_expected_start_time", "task_run", ["expected_start_time", "id"], None),
    ("ix_task_run_start_time", "task_run", ["start_time"], None),
    ("ix_task_run_end_time", "task_run", [sa.text(ENDED), "id"], None),
    ("ix_task_run_state", "task_run", ["state_type", "state_name", "expected_start_time"], None),
    ("ix_event_occurred", "event", ["occurred"], None),
    ("ix_event_resource", "event", ["resource_id", "occurred"], "resource_id IS NOT NULL"),
    ("ix_event_name", "event", ["event", "occurred"], "event IS NOT NULL"),
    ("ix_event_flow_run_state", "event", ["state_name", "occurred"], "run_kind = 'flow-run'"),
    ("ix_event_related", "event", ["occurred"], "related IS NOT NULL"),
    ("ix_log_timestamp", "log", ["timestamp", "seq"], None),
    ("ix_log_flow_run", "log", ["flow_run_id", "timestamp", "seq"], None),
    ("ix_log_task_run", "log", ["task_run_id", "timestamp", "seq"], "task_run_id IS NOT NULL"),
)
"""Name, table, columns, and which rows are in it; None for all."""

COMMITTED_IN_ORDER = ("event", "log")
"""Logs that are followed."""

FORMER_INDEXES: tuple[_Index, ...] = (
    ("ix_log_flow_run", "log", ["flow_run_id", "seq"], None),
    ("ix_log_task_run", "log", ["task_run_id", "seq"], "task_run_id IS NOT NULL"),
)


TAGS = {
    "sqlite": "INSERT INTO task_run_tag (tag, task_run_id) SELECT DISTINCT substr(value, 1, 500), task_run.id"
    " FROM task_run, json_each(task_run.tags)",
    "postgresql": "INSERT INTO task_run_tag (tag, task_run_id) SELECT DISTINCT left(item, 500), task_run.id"
    " FROM task_run, json_array_elements_text(task_run.tags::json) AS item",
}
"""Finds the tags that there are."""

TRIGGERS = {
    "sqlite": (
        (
            "CREATE TRIGGER task_run_tags_of_new AFTER INSERT ON task_run WHEN NEW.tags IS NOT NULL BEGIN"
            " INSERT OR IGNORE INTO task_run_tag (tag, task_run_id)"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            "CREATE TRIGGER task_run_tags_of_changed AFTER UPDATE OF tags ON task_run WHEN NEW.tags IS NOT OLD.tags BEGIN"
            " DELETE FROM task_run_tag WHERE task_run_id = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags));"
            " INSERT OR IGNORE INTO task_run_tag (tag, task_run_id)"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            "CREATE TRIGGER task_run_tags_of_deleted AFTER DELETE ON task_run WHEN OLD.tags IS NOT NULL BEGIN"
            " DELETE FROM task_run_tag WHERE task_run_id = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags)); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE OR REPLACE FUNCTION keep_task_run_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF TG_OP <> 'INSERT' THEN DELETE FROM task_run_tag WHERE task_run_id = OLD.id"
            " AND tag IN (SELECT left(item, 500) FROM json_array_elements_text(OLD.tags::json) AS item); END IF;"
            " IF TG_OP <> 'DELETE' THEN INSERT INTO task_run_tag (tag, task_run_id)"
            " SELECT left(item, 500), NEW.id FROM json_array_elements_text(NEW.tags::json) AS item"
            " ON CONFLICT DO NOTHING; END IF;"
            " RETURN NULL; END $$"
        ),
        (
            "CREATE TRIGGER task_run_tags_of_new AFTER INSERT ON task_run FOR EACH ROW"
            " WHEN (NEW.tags IS NOT NULL) EXECUTE FUNCTION keep_task_run_tags()"
        ),
        (
            "CREATE TRIGGER task_run_tags_of_changed AFTER UPDATE OF tags ON task_run FOR EACH ROW"
            " WHEN (NEW.tags IS DISTINCT FROM OLD.tags) EXECUTE FUNCTION keep_task_run_tags()"
        ),
        (
            "CREATE TRIGGER task_run_tags_of_deleted AFTER DELETE ON task_run FOR EACH ROW"
            " WHEN (OLD.tags IS NOT NULL) EXECUTE FUNCTION keep_task_run_tags()"
        ),
    ),
}
"""They keep `task_run_tag`."""


def upgrade() -> None:
    """Add what the server needs."""
    for name, table, _, _ in FORMER_INDEXES:
        op.drop_index(name, table)
    _create(INDEXES)
    op.create_table(
        "flow_run_input",
        sa.Column("id", Id, nullable=False),
        sa.Column("flow_run_id", Id, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("flow_run_id", "key", name=op.f("pk_flow_run_input")),
        sa.ForeignKeyConstraint(
            ["flow_run_id"], ["flow_run.id"], name=op.f("fk_flow_run_input_flow_run_id"), ondelete="CASCADE"
        ),
    )
    op.create_table(
        "saved_search",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filters", sa.Text()),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("name", name=op.f("uq_saved_search_name")),
    )
    dialect = op.get_bind().dialect.name
    op.create_table(
        "task_run_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("task_run_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("tag", "task_run_id", name=op.f("pk_task_run_tag")),
        sqlite_with_rowid=False,
    )
    for statement in (TAGS[dialect], *TRIGGERS[dialect]):
        op.execute(statement)
    if dialect == "postgresql":
        for table in COMMITTED_IN_ORDER:
            op.execute(f"ALTER TABLE {table} ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
            op.execute(f"CREATE INDEX ix_{table}_xid ON {table} (xid, seq)")


def downgrade() -> None:
    """Take it away again, with the inputs and the saved searches."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for moment in ("new", "changed", "deleted"):
        op.execute(f"DROP TRIGGER task_run_tags_of_{moment}" + (" ON task_run" if postgresql else ""))
    op.drop_table("task_run_tag")
    if postgresql:
        op.execute("DROP FUNCTION keep_task_run_tags")
        for table in COMMITTED_IN_ORDER:
            op.execute(f"ALTER TABLE {table} DROP COLUMN xid")
    op.drop_table("saved_search")
    op.drop_table("flow_run_input")
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
    _create(FORMER_INDEXES)


def _create(indexes: tuple[_Index, ...]) -> None:
    for name, table, columns, wanted in indexes:
        where = None if wanted is None else sa.text(wanted)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
