"""What a store's database is, for people."""

from __future__ import annotations

from typing import Literal

from headrace.schema.base import Schema
from headrace.store.connection import Connection, Dialect
from headrace.store.revisions import stamp_of

__all__ = ["Description", "describe"]

_DESCRIBE: dict[Dialect, str] = {
    "sqlite": (
        "SELECT (SELECT file FROM pragma_database_list WHERE name = 'main'), sqlite_version(),"
        " (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)"
    ),
    "postgresql": (
        "SELECT current_database(), current_setting('server_version'), pg_database_size(current_database())"
    ),
}


class Description(Schema, kw_only=True):
    """A database that holds a store.

    Args:
        kind: Which database it is.
        name: The path of its file, or its name.
        version: Of SQLite, or of the PostgreSQL server.
        size_bytes: What it takes on disk.
        revision: Of the schema.
    """

    kind: Literal["sqlite", "postgresql"]
    name: str
    version: str
    size_bytes: int
    revision: str


def describe(conn: Connection) -> Description:
    """What the database is that a connection is to."""
    row = conn.row(_DESCRIBE[conn.dialect])
    assert row is not None
    name, version, size = row
    return Description(
        kind=conn.dialect, name=name or ":memory:", version=version, size_bytes=size, revision=stamp_of(conn)
    )
