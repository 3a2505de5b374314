"""Which revision of the schema a store has, and how it gets the current one.

A fresh database gets the declared schema directly, in one transaction, stamped as Alembic would have left it: 30 times
faster than running the migrations, and without importing Alembic. A test holds the two ways to the same result.
"""

from __future__ import annotations

from headrace import __version__
from headrace.exceptions import StoreCorruptError, StoreVersionError
from headrace.store.connection import Connection
from headrace.store.migrations import HEAD, REVISIONS

ALEMBIC_VERSION = """CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


def stamp_of(conn: Connection) -> str:
    """The revision in Alembic's table; "" when there is none."""
    return conn.value("SELECT version_num FROM alembic_version") or ""


def is_outdated(conn: Connection, revision: str | None, place: str) -> bool:
    """Whether a store of that revision (None for an empty database) has to be brought up to date.

    Raises:
        StoreVersionError: It was made by a newer version.
        StoreCorruptError: It belongs to another program.
    """
    if revision and revision not in REVISIONS:
        _refuse(conn, revision, place)
    return revision != HEAD


def bring_up_to_date(conn: Connection, revision: str | None, place: str) -> None:
    """Give the database the current schema, in the transaction that is under way.

    Args:
        revision: What it is stamped with; "" for an unstamped store, None for an empty database.
        place: What the database is called in messages.
    """
    if not is_outdated(conn, revision, place):
        return
    if revision is None:
        create(conn)
    else:
        from headrace.store.migrations.upgrade import upgrade

        upgrade(conn)
    conn.execute(
        "INSERT INTO meta (key, value) VALUES ('headrace_version', :version)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        version=__version__,
    )


def create(conn: Connection) -> None:
    """Create what `tables` declares in an empty database, and stamp it."""
    from headrace.store.schema import declared_schema

    statements = (*declared_schema(conn.dialect), ALEMBIC_VERSION)
    # PostgreSQL takes them all at once: fifty answers less to wait for.
    for statement in statements if conn.dialect == "sqlite" else [";".join(statements)]:
        conn.driver.execute(statement)
    conn.execute("INSERT INTO alembic_version (version_num) VALUES (:head)", head=HEAD)


def declared_tables() -> set[str]:
    """The names of the tables that `tables` declares."""
    from headrace.store.tables import metadata

    return set(metadata.tables)


def _refuse(conn: Connection, revision: str, place: str) -> None:
    made_by = _made_by(conn)
    if made_by is None:
        raise StoreCorruptError(
            f"The database {place} belongs to another program, which keeps its migrations with Alembic (revision "
            f"{revision}). It was left as it is: give Headrace a database of its own."
        )
    raise StoreVersionError(
        f"The store {place} was made by Headrace {made_by} (schema {revision}); this is Headrace {__version__}, which "
        f"knows schemas up to {HEAD}. Install Headrace {made_by} or later, or point HEADRACE_HOME to another directory."
    )


def _made_by(conn: Connection) -> str | None:
    """The version that made the store; None when it is none of ours."""
    ours = "('event', 'lease', 'meta')"
    tables = (
        f"sqlite_master WHERE type = 'table' AND name IN {ours}"
        if conn.dialect == "sqlite"
        else f"pg_tables WHERE schemaname = current_schema() AND tablename IN {ours}"
    )
    if conn.value(f"SELECT count(*) FROM {tables}") < 3:
        return None
    return conn.value("SELECT value FROM meta WHERE key = 'headrace_version'") or "an unknown version"
