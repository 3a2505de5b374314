"""SQLite as Headrace uses it: how connections are made, how transactions run, and what the errors mean.

The file is in WAL mode: readers never wait for the writer, nor it for them. Transactions are begun explicitly (the
driver's own way of beginning them is off), the writer's with BEGIN IMMEDIATE: it holds the write lock from the start, so
no statement in it can find the file locked. Whatever still answers BUSY (another process writes, recovers or
closes the file) is tried again for as long as it takes: `persevere`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from headrace.exceptions import StoreConflictError, StoreCorruptError, StoreUnavailableError
from headrace.store import revisions
from headrace.store.connection import BINDINGS, PARAMETER, Connection, bound
from headrace.store.database import Read
from headrace.store.watching import Poll

T = TypeVar("T")

MAX_PAUSE = 0.02
"""Seconds between two attempts to get a lock that others have held for long."""

WARN_AFTER = 10.0
"""Seconds of waiting for a lock after which a warning says so."""

CACHED_STATEMENTS = 256

WATCH_SECONDS = 0.1
"""Seconds between two looks at whether another process has written something; a look takes 30 us."""

FILE_HEADER = b"SQLite format 3\x00"

IN_MEMORY = ":memory:"

_log = logging.getLogger("headrace.store")

_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNAVAILABLE = {
    sqlite3.SQLITE_FULL: "there is no room left for it: free some space, or point HEADRACE_HOME to another disk",
    sqlite3.SQLITE_IOERR: "its disk reports an error: check the disk and the space left, or point HEADRACE_HOME to another one",
    sqlite3.SQLITE_READONLY: "allow writing to the file and its directory, or point HEADRACE_HOME elsewhere",
    sqlite3.SQLITE_PERM: "allow reading and writing the file and its directory, or point HEADRACE_HOME elsewhere",
    sqlite3.SQLITE_CANTOPEN: "the directory must exist, and allow creating, reading and writing files; or point "
    "HEADRACE_HOME elsewhere",
}


class SqliteConnection(Connection):
    """A connection to SQLite."""

    dialect = "sqlite"
    for_update = ""  # the writer has the whole database to itself

    def run(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        """Execute a statement. Returns the driver's cursor."""
        text, names = _in_drivers_style(sql)
        return self.driver.execute(text, bound(names, parameters, _BINDINGS))


@cache
def _in_drivers_style(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement with numbered parameters, and their names: to look names up takes the driver 0.3 us each time."""
    names = tuple(dict.fromkeys(PARAMETER.findall(sql)))
    return PARAMETER.sub(lambda found: f"?{names.index(found[1]) + 1}", sql), names


_BINDINGS = {
    **BINDINGS,
    UUID: lambda value: value.int.to_bytes(16, "big"),
}  # a third of the time of `UUID.bytes`


class SqliteDatabase:
    """An SQLite file, or a database in memory.

    Args:
        path: The file; None for a database in memory, which only its single connection sees.
        synchronous: NORMAL survives the end of the process, FULL also that of the power supply.
    """

    is_remote = False

    def __init__(self, path: Path | None, synchronous: str) -> None:
        self.path = path
        self.place = IN_MEMORY if path is None else str(path)
        self.url = "sqlite://" if path is None else f"sqlite:///{path}"
        self.is_private = path is None
        self._synchronous = synchronous

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path is None or self.path.exists()

    def prepare(self) -> Connection:
        """Make the file where there is none, and bring it to the current schema. See `Database.prepare`."""
        if self.path is not None:
            _check_file(self.path)
        conn = self.connect()
        try:
            revision = persevere(lambda: self.revision(conn), self.place)
            if revision is None:
                persevere(lambda: conn.driver.execute("PRAGMA journal_mode=WAL"), self.place)
            if revisions.is_outdated(conn, revision, self.place):
                # Another process may do it between the look above and this transaction.
                self.migrate(conn, lambda: revisions.bring_up_to_date(conn, self.revision(conn), self.place))
        except BaseException:
            conn.close()
            raise
        return conn

    def connect(self) -> Connection:
        """A connection of its own; it may pass between threads, used by one at a time."""
        return SqliteConnection(persevere(self._open, self.place))

    def transact(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` in a write transaction and commit; from the start again while the file is locked."""

        def attempt() -> T:
            conn.driver.execute("BEGIN IMMEDIATE")
            try:
                result = work()
                conn.driver.execute("COMMIT")
            except BaseException:
                _roll_back(conn)
                raise
            return result

        return persevere(attempt, self.place)

    def migrate(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work`, which changes the schema, in one transaction; whoever else wants to waits.

        SQLite changes most of a table by building it anew, and with the old one it would drop the rows elsewhere that refer
        to it: so references are not followed meanwhile.
        """
        persevere(lambda: conn.driver.execute("PRAGMA foreign_keys=OFF"), self.place)
        try:
            return self.transact(conn, work)
        finally:
            persevere(lambda: conn.driver.execute("PRAGMA foreign_keys=ON"), self.place)

    def snapshot(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` on one state of the database; from the start again while the file is locked."""

        def attempt() -> T:
            conn.driver.execute("BEGIN")
            try:
                return work()
            finally:
                _roll_back(conn)

        return persevere(attempt, self.place)

    def is_broken(self, error: BaseException) -> bool:
        """Whether the connection is better replaced after `error`; a database in memory would be gone with it."""
        return not self.is_private and isinstance(error, (StoreCorruptError, StoreUnavailableError))

    def watch(self, read: Read, changed: Callable[[], object]) -> Callable[[], None]:
        """Look for events and log lines every `WATCH_SECONDS`; nobody tells what another process has committed.

        It asks for the newest numbers, not for `PRAGMA data_version`: that compares only on one connection, which would have to be
        kept open, and closed by every fork.
        """
        return (lambda: None) if self.is_private else Poll(lambda: read(_newest), WATCH_SECONDS, changed).stop

    def _open(self) -> sqlite3.Connection:
        driver = sqlite3.connect(
            self.place,
            # Waiting is left to `persevere`: SQLite itself would look for a lock only every 100 ms before long, and
            # a process that writes without pause would leave others hardly a chance to find it free.
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        driver.execute(f"PRAGMA synchronous={self._synchronous}")
        driver.execute("PRAGMA foreign_keys=ON")
        return driver

    def revision(self, conn: Connection) -> str | None:
        """The revision that the file is stamped with; "" for an unstamped one, None for an empty one."""
        found = conn.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = {name for (name,) in found}
        if not tables:
            return None
        revision = revisions.stamp_of(conn) if "alembic_version" in tables else ""
        if not revision and tables != {"alembic_version"}:
            raise corrupt(self.place, "it is an SQLite database with other tables")
        return revision


def _roll_back(conn: Connection) -> None:
    if conn.driver.in_transaction:  # some errors end the transaction by themselves
        conn.driver.execute("ROLLBACK")


def _check_file(path: Path) -> None:
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


def _newest(conn: Connection) -> tuple[Any, ...]:
    return tuple(conn.rows("SELECT (SELECT max(seq) FROM event), (SELECT max(seq) FROM log)")[0])


def _unavailable(path: Path, finding: str) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"The store {path} cannot be opened ({finding}): it must be a file in a directory that allows creating, reading "
        "and writing files. Change the permissions, or point HEADRACE_HOME to a directory of your own."
    )


def persevere(attempt: Callable[[], T], place: str) -> T:
    """Call `attempt` until it does not find the file locked. Other errors are raised, translated.

    Args:
        attempt: Something that may be done again from the start when it failed.
        place: The store's file, for messages.

    Raises:
        StoreError: See `raise_translated`.
    """
    started = time.monotonic()
    warned = False
    while True:
        try:
            return attempt()
        except sqlite3.Error as error:
            if _code(error) not in _LOCKED:
                raise_translated(error, place)
        waited = time.monotonic() - started
        if waited > WARN_AFTER and not warned:
            warned = True
            _log.warning(
                "The store %s has been locked by another process for %.0f s; waiting for it.", place, waited
            )
        time.sleep(min(0.0005 + waited / 100, MAX_PAUSE))


def raise_translated(error: sqlite3.Error, place: str) -> NoReturn:
    """Raise `error`; as one of Headrace's own if the store rather than what was asked of it is at fault.

    Raises:
        StoreUnavailableError: No room, no permission, a failing disk.
        StoreCorruptError: The file is damaged or is no database.
        StoreConflictError: What was to be written contradicts what is stored.
    """
    code = _code(error)
    if code in _CORRUPT:
        raise corrupt(place, str(error)) from error
    if code in _UNAVAILABLE:
        raise StoreUnavailableError(
            f"The store {place} cannot be used ({error}): {_UNAVAILABLE[code]}."
        ) from error
    if isinstance(error, sqlite3.IntegrityError):
        raise StoreConflictError(f"The store {place} refused what contradicts it ({error}).") from error
    raise error


def corrupt(place: str, finding: str) -> StoreCorruptError:
    """The error for a file that is no sound store."""
    return StoreCorruptError(
        f"The store {place} is damaged or is not a Headrace store ({finding}). It was left as it is: restore a copy of "
        "it, or move it away to have a new one made."
    )


def _code(error: sqlite3.Error) -> int | None:
    """SQLite's primary result code: the low byte of the extended one; None when the driver itself raised the error."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
