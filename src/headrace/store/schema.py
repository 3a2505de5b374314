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
    return statements + (COMMIT_ORDER if dialect == "postgresql" else ())
