"""Log lines: how they are read, and the feed of them. They are written by `records.record`."""

from __future__ import annotations

from headrace.schema.base import encode
from headrace.schema.logs import Log
from headrace.store import cursors
from headrace.store.columns import ID, INSTANT, PLAIN, Columns
from headrace.store.connection import Connection, Row
from headrace.store.cursors import Cursor

__all__ = ["COLUMNS", "StoredLog", "end_of_logs", "is_held_back", "log_of", "read_new_logs"]

COLUMNS = Columns(
    id=ID,
    timestamp=INSTANT,
    level=PLAIN,
    name=PLAIN,
    message=PLAIN,
    flow_run_id=ID,
    task_run_id=ID,
    worker_id=ID,
)


class StoredLog:
    """A line and its place among those that were recorded.

    Args:
        row: Its transaction and number, and `COLUMNS`.
    """

    __slots__ = ("_body", "cursor", "log", "size")

    def __init__(self, row: Row) -> None:
        self.cursor = Cursor(int(row[0]), row[1])
        self.log = log_of(row[2:])
        self.size = len(self.log.message)
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        """The line as JSON, which is made once for all who are sent it."""
        if self._body is None:
            self._body = encode(self.log)
        return self._body


def log_of(row: Row) -> Log:
    """The line in a row that begins with `COLUMNS`."""
    log = Log(**COLUMNS.load(row))
    log.created = log.updated = log.timestamp
    return log


def read_new_logs(conn: Connection, *, after: Cursor, limit: int) -> list[StoredLog]:
    """Lines in the order in which they were committed.

    Args:
        after: Only those behind this place.
        limit: How many at most.
    """
    rows = cursors.read_behind(conn, "log", f"log.seq, {COLUMNS.of('log')}", "log", after, limit)
    return [StoredLog(row) for row in rows]


def end_of_logs(conn: Connection) -> Cursor:
    """The place behind which every line is that cannot be read yet."""
    return cursors.end_of(conn, "log")


def is_held_back(conn: Connection) -> bool:
    """Whether lines are stored that cannot be read yet; see `cursors.is_held_back`."""
    return cursors.is_held_back(conn, "log")
