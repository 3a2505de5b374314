"""What the web page needs: flow runs by their flow, in order, and by their tags."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.LargeBinary(16).with_variant(sa.Uuid(), "postgresql")

KEY = "uq_flow_run_flow_id_idempotency_key"
COLUMNS = ["flow_id", "idempotency_key"]
CONSTRAINT = f"CONSTRAINT {KEY} UNIQUE (flow_id, idempotency_key)"

TAGS = {
    "sqlite": "INSERT INTO flow_run_tag (tag, flow_run_id) SELECT DISTINCT substr(value, 1, 500), flow_run.id"
    " FROM flow_run, json_each(flow_run.tags)",
    "postgresql": "INSERT INTO flow_run_tag (tag, flow_run_id) SELECT DISTINCT left(item, 500), flow_run.id"
    " FROM flow_run, json_array_elements_text(flow_run.tags::json) AS item",
}
"""Finds the tags that there are."""

TRIGGERS = {
    "sqlite": (
        (
            "CREATE TRIGGER flow_run_tags_of_new AFTER INSERT ON flow_run WHEN NEW.tags IS NOT NULL BEGIN"
            " INSERT OR IGNORE INTO flow_run_tag (tag, flow_run_id)"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            "CREATE TRIGGER flow_run_tags_of_changed AFTER UPDATE OF tags ON flow_run WHEN NEW.tags IS NOT OLD.tags BEGIN"
            " DELETE FROM flow_run_tag WHERE flow_run_id = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags));"
            " INSERT OR IGNORE INTO flow_run_tag (tag, flow_run_id)"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            "CREATE TRIGGER flow_run_tags_of_deleted AFTER DELETE ON flow_run WHEN OLD.tags IS NOT NULL BEGIN"
            " DELETE FROM flow_run_tag WHERE flow_run_id = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags)); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE OR REPLACE FUNCTION keep_flow_run_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF TG_OP <> 'INSERT' THEN DELETE FROM flow_run_tag WHERE flow_run_id = OLD.id"
            " AND tag IN (SELECT left(item, 500) FROM json_array_elements_text(OLD.tags::json) AS item); END IF;"
            " IF TG_OP <> 'DELETE' THEN INSERT INTO flow_run_tag (tag, flow_run_id)"
            " SELECT left(item, 500), NEW.id FROM json_array_elements_text(NEW.tags::json) AS item"
            " ON CONFLICT DO NOTHING; END IF;"
            " RETURN NULL; END $$"
        ),
        (
            "CREATE TRIGGER flow_run_tags_of_new AFTER INSERT ON flow_run FOR EACH ROW"
            " WHEN (NEW.tags IS NOT NULL) EXECUTE FUNCTION keep_flow_run_tags()"
        ),
        (
            "CREATE TRIGGER flow_run_tags_of_changed AFTER UPDATE OF tags ON flow_run FOR EACH ROW"
            " WHEN (NEW.tags IS DISTINCT FROM OLD.tags) EXECUTE FUNCTION keep_flow_run_tags()"
        ),
        (
            "CREATE TRIGGER flow_run_tags_of_deleted AFTER DELETE ON flow_run FOR EACH ROW"
            " WHEN (OLD.tags IS NOT NULL) EXECUTE FUNCTION keep_flow_run_tags()"
        ),
    ),
}
"""They keep `flow_run_tag`."""


def upgrade() -> None:
    """Add what the web page needs."""
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _rebuild_in_sqlite(lambda table: re.sub(rf",\s*{re.escape(CONSTRAINT)}", "", table))
    else:
        op.drop_constraint(KEY, "flow_run", type_="unique")
    where = sa.text("idempotency_key IS NOT NULL")
    op.create_index(KEY, "flow_run", COLUMNS, unique=True, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_flow_run_flow", "flow_run", ["flow_id", "expected_start_time", "id"])
    op.create_table(
        "flow_run_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("flow_run_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("tag", "flow_run_id", name=op.f("pk_flow_run_tag")),
        sqlite_with_rowid=False,
    )
    for statement in (TAGS[dialect], *TRIGGERS[dialect]):
        op.execute(statement)


def downgrade() -> None:
    """Take it away again."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    for moment in ("new", "changed", "deleted"):
        op.execute(f"DROP TRIGGER flow_run_tags_of_{moment}" + (" ON flow_run" if postgresql else ""))
    op.drop_table("flow_run_tag")
    op.drop_index("ix_flow_run_flow", "flow_run")
    op.drop_index(KEY, "flow_run")
    if postgresql:
        op.execute("DROP FUNCTION keep_flow_run_tags")
        op.create_unique_constraint(KEY, "flow_run", COLUMNS)
    else:
        _rebuild_in_sqlite(lambda table: f"{table.removesuffix(')').rstrip()}, \n\t{CONSTRAINT}\n)")


def _rebuild_in_sqlite(change: Callable[[str], str]) -> None:
    """Make the table of flow runs anew, by another statement; SQLite changes no constraint otherwise."""
    conn = op.get_bind()
    made = "SELECT sql FROM sqlite_master WHERE tbl_name = 'flow_run' AND sql IS NOT NULL AND type "
    table = conn.exec_driver_sql(f"{made} = 'table'").scalar_one()
    indexes = conn.exec_driver_sql(f"{made} = 'index'").scalars().all()
    changed = change(table)
    assert changed != table
    # Copied twice, for a table that is renamed takes the references to it along.
    op.execute("CREATE TABLE flow_run_former AS SELECT * FROM flow_run")
    op.drop_table("flow_run")
    op.execute(sa.text(changed.replace(":", r"\:")))
    op.execute("INSERT INTO flow_run SELECT * FROM flow_run_former")
    op.drop_table("flow_run_former")
    for index in indexes:
        op.execute(sa.text(index.replace(":", r"\:")))
