"""Which revision of the schema a store has, and how it gets the current one.

A fresh file gets the declared schema directly, in one transaction, stamped as Alembic would have left it: 30 times
faster than running the migrations, and without importing Alembic. A test holds the two ways to the same result.
"""

from __future__ import annotations

import os
import sqlite3
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from headrace import __version__
from headrace.exceptions import StoreUnavailableError, StoreVersionError
from headrace.store.migrations import HEAD, REVISIONS
from headrace.store.sqlite import SqliteDatabase, corrupt, driver_of, persevere
from headrace.store.tables import metadata

FILE_HEADER = b"SQLite format 3\x00"

ALEMBIC_VERSION = """CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


def prepare(database: SqliteDatabase, conn: Connection) -> None:
    """See to it that the database behind `conn` has the current schema.

    Raises:
        StoreVersionError: It was made by a newer version.
        StoreCorruptError: It is damaged, or something else than a store.
    """
    driver = driver_of(conn)
    revision = persevere(lambda: _revision(driver, database.place), database.place)
    if revision == HEAD:
        return
    if revision is None:
        persevere(lambda: driver.execute("PRAGMA journal_mode=WAL"), database.place)
    else:
        _refuse_newer(revision, driver, database.place)
    database.transact(conn, lambda: _bring_up_to_date(conn, database.place))


def check_file(path: Path) -> None:
    """Refuse a path that cannot be a store, without touching it; make its directory if that is missing.

    Raises:
        StoreCorruptError: It is a file of another kind.
        StoreUnavailableError: It or its directory cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a directory, not a file")
        header = path.open("rb").read(len(FILE_HEADER)) if path.exists() else b""
    except OSError as error:
        raise _unavailable(path, str(error)) from error
    if header and header != FILE_HEADER:
        raise corrupt(str(path), "it does not begin as an SQLite file does")
    # SQLite would open a file without write permission, and fail at the first write, maybe hours later.
    for needed in (path, path.parent) if path.exists() else (path.parent,):
        if not os.access(needed, os.R_OK | os.W_OK):
            raise _unavailable(path, f"no permission to write to {needed}")


def _unavailable(path: Path, finding: str) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"The store {path} cannot be opened ({finding}): it must be a file in a directory that allows creating, reading "
        "and writing files. Change the permissions, or point HEADRACE_HOME to a directory of your own."
    )


def _revision(driver: sqlite3.Connection, place: str) -> str | None:
    """The revision that the database is stamped with; "" for an unstamped one, None for an empty one."""
    tables = {name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise corrupt(place, "it is an SQLite database with other tables")
    stamp = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(stamp[0]) if stamp else ""


def _refuse_newer(revision: str, driver: sqlite3.Connection, place: str) -> None:
    if revision == "" or revision in REVISIONS:
        return
    row = driver.execute("SELECT value FROM meta WHERE key = 'headrace_version'").fetchone()
    made_by = row[0] if row else "an unknown version"
    raise StoreVersionError(
        f"The store {place} was made by Headrace {made_by} (schema {revision}); this is Headrace {__version__}, which "
        f"knows schemas up to {HEAD}. Install Headrace {made_by} or later, or point HEADRACE_HOME to another directory."
    )


def _bring_up_to_date(conn: Connection, place: str) -> None:
    # Another process may have done it between the first look and this transaction.
    revision = _revision(driver_of(conn), place)
    if revision == HEAD:
        return
    if revision is None:
        _create(conn)
    else:
        _refuse_newer(revision, driver_of(conn), place)
        _upgrade(conn)
    conn.exec_driver_sql(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('headrace_version', ?)", (__version__,)
    )


def _create(conn: Connection) -> None:
    driver = driver_of(conn)
    for statement in declared_schema(conn.dialect):
        driver.execute(statement)
    driver.execute(ALEMBIC_VERSION)
    driver.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))


@cache
def declared_schema(dialect: Dialect) -> tuple[str, ...]:
    """The statements that create what `tables` declares."""
    tables = metadata.sorted_tables
    indexes = [
        index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    for index in indexes:
        # Partial everywhere. `tables` names one dialect: to name another imports it, which takes a script 40 ms.
        index.dialect_options[dialect.name]["where"] = index.dialect_options["sqlite"]["where"]
    creations: list[DDLElement] = [*map(CreateTable, tables), *map(CreateIndex, indexes)]
    return tuple(str(creation.compile(dialect=dialect)) for creation in creations)


def _upgrade(conn: Connection) -> None:
    from headrace.store.migrations.upgrade import upgrade_to_head

    upgrade_to_head(conn)
