"""The schema that `tables` declares, as statements; for those who make a store, so that others need not import it."""

from __future__ import annotations

from functools import cache

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from headrace.store.connection import Dialect
from headrace.store.tables import metadata

DIALECTS = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}

COMMIT_ORDER = (
    "ALTER TABLE event ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX ix_event_xid ON event (xid, seq)",
    "ALTER TABLE log ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX ix_log_xid ON log (xid, seq)",
)
"""Of PostgreSQL alone: the transaction that wrote an event or a line. Numbers are given before the commit, so those who follow
them read by transaction, and only what is older than any transaction under way (`events.read_events`)."""

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
"""They keep `task_run_tag`, whichever statement changes a task run."""


@cache
def declared_schema(dialect: Dialect) -> tuple[str, ...]:
    """The statements that create what `tables` declares."""
    tables = metadata.sorted_tables
    indexes = [
        index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    for index in indexes:
        # Partial everywhere. `tables` names one dialect, as each condition is the same in the other.
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
    creations: list[DDLElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    statements = tuple(str(creation.compile(dialect=DIALECTS[dialect]())) for creation in creations)
    return statements + TRIGGERS[dialect] + (COMMIT_ORDER if dialect == "postgresql" else ())
