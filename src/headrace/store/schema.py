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


def _tag_triggers(noun: str) -> dict[Dialect, tuple[str, ...]]:
    """What keeps the table of tags of a table of runs."""
    name, tags, run = f"{noun}_tags_of", f"{noun}_tag", f"{noun}_id"
    in_sqlite = (
        (
            f"CREATE TRIGGER {name}_new AFTER INSERT ON {noun} WHEN NEW.tags IS NOT NULL BEGIN"
            f" INSERT OR IGNORE INTO {tags} (tag, {run})"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            f"CREATE TRIGGER {name}_changed AFTER UPDATE OF tags ON {noun} WHEN NEW.tags IS NOT OLD.tags BEGIN"
            f" DELETE FROM {tags} WHERE {run} = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags));"
            f" INSERT OR IGNORE INTO {tags} (tag, {run})"
            " SELECT substr(value, 1, 500), NEW.id FROM json_each(NEW.tags); END"
        ),
        (
            f"CREATE TRIGGER {name}_deleted AFTER DELETE ON {noun} WHEN OLD.tags IS NOT NULL BEGIN"
            f" DELETE FROM {tags} WHERE {run} = OLD.id"
            " AND tag IN (SELECT substr(value, 1, 500) FROM json_each(OLD.tags)); END"
        ),
    )
    in_postgres = (
        (
            f"CREATE OR REPLACE FUNCTION keep_{noun}_tags() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF TG_OP <> 'INSERT' THEN DELETE FROM {tags} WHERE {run} = OLD.id"
            " AND tag IN (SELECT left(item, 500) FROM json_array_elements_text(OLD.tags::json) AS item); END IF;"
            f" IF TG_OP <> 'DELETE' THEN INSERT INTO {tags} (tag, {run})"
            " SELECT left(item, 500), NEW.id FROM json_array_elements_text(NEW.tags::json) AS item"
            " ON CONFLICT DO NOTHING; END IF;"
            " RETURN NULL; END $$"
        ),
        (
            f"CREATE TRIGGER {name}_new AFTER INSERT ON {noun} FOR EACH ROW"
            f" WHEN (NEW.tags IS NOT NULL) EXECUTE FUNCTION keep_{noun}_tags()"
        ),
        (
            f"CREATE TRIGGER {name}_changed AFTER UPDATE OF tags ON {noun} FOR EACH ROW"
            f" WHEN (NEW.tags IS DISTINCT FROM OLD.tags) EXECUTE FUNCTION keep_{noun}_tags()"
        ),
        (
            f"CREATE TRIGGER {name}_deleted AFTER DELETE ON {noun} FOR EACH ROW"
            f" WHEN (OLD.tags IS NOT NULL) EXECUTE FUNCTION keep_{noun}_tags()"
        ),
    )
    return {"sqlite": in_sqlite, "postgresql": in_postgres}


TRIGGERS = tuple(_tag_triggers(noun) for noun in ("flow_run", "task_run"))
"""They keep `flow_run_tag` and `task_run_tag`, whichever statement changes a run."""


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
    triggers = tuple(statement for each in TRIGGERS for statement in each[dialect])
    return statements + triggers + (COMMIT_ORDER if dialect == "postgresql" else ())
