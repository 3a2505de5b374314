"""Changes of a store's schema on request: what opening a store does by itself, and what it never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from headrace.exceptions import ConfigurationError
from headrace.store import revisions
from headrace.store.connection import Connection
from headrace.store.database import Database
from headrace.store.migrations import REVISIONS

__all__ = ["Change", "downgrade", "reset", "revision_of", "stamp", "upgrade"]


class Change(NamedTuple):
    """What became of a store's schema.

    Args:
        before: Its revision; None for an empty database.
        after: Its revision then; "" for no revision at all.
    """

    before: str | None
    after: str


class _Undone(Exception):
    """A change was tried, and is not to be kept."""


def revision_of(database: Database) -> str | None:
    """The revision of a store; None for an empty database, or none at all.

    Raises:
        StoreError: It cannot be used, or was made by a newer version.
    """
    if not database.exists():
        return None
    conn = database.connect()

    def look() -> str | None:
        revision = database.revision(conn)
        revisions.is_outdated(conn, revision, database.place)
        return revision

    try:
        return database.snapshot(conn, look)
    finally:
        conn.close()


def upgrade(database: Database, revision: str = "head", *, dry_run: bool = False) -> Change:
    """Run the migrations up to a revision that the store has not seen. A new store is made with the newest.

    Args:
        database: Where the store is.
        revision: A revision, `head` for the newest, or `+1` for the next.
        dry_run: Try it, and undo it.

    Raises:
        ConfigurationError: There is no such revision.
        StoreError: The store cannot be used.
    """
    from headrace.store.migrations import upgrade as migrations

    if revision_of(database) is None:
        if not dry_run:
            database.prepare().close()
        return Change(None, REVISIONS[-1])
    return _changed(database, lambda conn: migrations.upgrade(conn, revision), revision, dry_run)


def downgrade(database: Database, revision: str = "-1", *, dry_run: bool = False) -> Change:
    """Undo migrations down to a revision. What only the newer schema can hold is lost.

    Args:
        database: Where the store is.
        revision: A revision, `-1` for the one before, or `base` for none.
        dry_run: Try it, and undo it.

    Raises:
        ConfigurationError: There is no such revision.
        StoreError: The store cannot be used.
    """
    from headrace.store.migrations import upgrade as migrations

    return _changed(database, lambda conn: migrations.downgrade(conn, revision), revision, dry_run)


def stamp(database: Database, revision: str) -> Change:
    """Say which migrations the store has seen, without running any.

    Args:
        database: Where the store is.
        revision: The last that it has seen.

    Raises:
        ConfigurationError: There is no such revision.
        StoreError: The store cannot be used.
    """
    from headrace.store.migrations import upgrade as migrations

    return _changed(database, lambda conn: migrations.stamp(conn, revision), revision, dry_run=False)


def reset(database: Database) -> Change:
    """Delete everything in the store. It is made anew, with the current schema.

    Args:
        database: Where the store is.

    Raises:
        StoreError: The store cannot be used, or was made by a newer version.
    """
    from headrace.store.tables import metadata

    def make_anew(conn: Connection) -> None:
        for table in reversed(metadata.sorted_tables):
            conn.driver.execute(f'DROP TABLE IF EXISTS "{table.name}"')
        conn.driver.execute("DROP TABLE IF EXISTS alembic_version")
        revisions.bring_up_to_date(conn, None, database.place)

    return _changed(database, make_anew, "head", dry_run=False)


def _changed(
    database: Database, change: Callable[[Connection], object], revision: str, dry_run: bool
) -> Change:
    """Make a change in a transaction of its own."""
    before = revision_of(database)
    if before is None:
        raise ConfigurationError(
            f"There is no store at {database.place} yet: `headrace server database upgrade` makes one."
        )
    made: list[str] = []
    conn = database.connect()

    def work() -> None:
        made[:] = [_after(conn, change, revision)]
        if dry_run:
            raise _Undone

    try:
        database.transact(conn, work)
    except _Undone:
        pass
    finally:
        conn.close()
    return Change(before, made[0])


def _after(conn: Connection, change: Callable[[Connection], object], revision: str) -> str:
    from alembic.util import CommandError

    try:
        change(conn)
    except CommandError as error:
        raise ConfigurationError(
            f"The revision {revision!r} cannot be reached ({error}): the schema's revisions are {', '.join(REVISIONS)}."
        ) from error
    return revisions.stamp_of(conn)
