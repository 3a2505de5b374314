"""SQLite as Headrace uses it: how connections are made, how transactions run, and what the errors mean.

The file is in WAL mode: readers never wait for the writer, nor it for them. Transactions are begun explicitly (the
driver's own way of beginning them is off), the writer's with BEGIN IMMEDIATE: it holds the write lock from the start, so
no statement in it can find the file locked. Whatever still answers BUSY (another process writes, recovers or
closes the file) is tried again for as long as it takes: `persevere`.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from headrace.exceptions import StoreCorruptError, StoreUnavailableError

T = TypeVar("T")

MAX_PAUSE = 0.02
"""Seconds between two attempts to get a lock that others have held for long."""

WARN_AFTER = 10.0
"""Seconds of waiting for a lock after which a warning says so."""

CACHED_STATEMENTS = 256

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


class SqliteDatabase:
    """An SQLite file, or a database in memory.

    Args:
        path: The file; `:memory:` for one in memory, which only its single connection sees.
        synchronous: NORMAL survives the end of the process, FULL also that of the power supply.
    """

    def __init__(self, path: str, synchronous: str) -> None:
        self.place = path
        self._synchronous = synchronous
        self._pool = NullPool(self._open, dialect=_compiler().dialect)

    def connect(self) -> Connection:
        """A connection of its own; it may pass between threads, used by one at a time."""
        return persevere(lambda: Connection(_compiler(), self._pool.connect()), self.place)

    def transact(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` in a write transaction and commit; from the start again while the file is locked."""

        def attempt() -> T:
            driver_of(conn).execute("BEGIN IMMEDIATE")
            with conn.begin():
                return work()

        return persevere(attempt, self.place)

    def snapshot(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` on one state of the database; from the start again while the file is locked."""

        def attempt() -> T:
            driver_of(conn).execute("BEGIN")
            with conn.begin() as transaction:
                try:
                    return work()
                finally:
                    transaction.rollback()

        return persevere(attempt, self.place)

    def is_broken(self, error: BaseException) -> bool:
        """Whether the connection is better replaced after `error`; a database in memory would be gone with it."""
        return self.place != ":memory:" and isinstance(error, (StoreCorruptError, StoreUnavailableError))

    def _open(self) -> Any:
        # A `sqlite3.Connection`, which lacks the annotations that SQLAlchemy wants of a driver's connection.
        connection = sqlite3.connect(
            self.place,
            # Waiting is left to `persevere`: SQLite itself would look for a lock only every 100 ms before long, and
            # a process that writes without pause would leave others hardly a chance to find it free.
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection


@cache
def _compiler() -> Engine:
    """The engine of all databases' connections: each would compile every statement anew in one of its own."""
    engine = create_engine("sqlite://", poolclass=NullPool, hide_parameters=True)
    engine.connect().close()  # SQLAlchemy learns on the first connection what this SQLite can do
    return engine


def driver_of(conn: Connection) -> sqlite3.Connection:
    """The sqlite3 connection beneath `conn`."""
    driver = conn.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


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
        except (DBAPIError, sqlite3.Error) as error:
            if _code(error) not in _LOCKED:
                raise_translated(error, place)
        waited = time.monotonic() - started
        if waited > WARN_AFTER and not warned:
            warned = True
            _log.warning(
                "The store %s has been locked by another process for %.0f s; waiting for it.", place, waited
            )
        time.sleep(min(0.0005 + waited / 100, MAX_PAUSE))


def raise_translated(error: BaseException, place: str) -> NoReturn:
    """Raise `error`; as one of Headrace's own if the store rather than what was asked of it is at fault.

    Raises:
        StoreUnavailableError: No room, no permission, a failing disk.
        StoreCorruptError: The file is damaged or is no database.
    """
    code = _code(error)
    if code in _CORRUPT:
        raise corrupt(place, str(_original(error))) from error
    if code in _UNAVAILABLE:
        raise StoreUnavailableError(
            f"The store {place} cannot be used ({_original(error)}): {_UNAVAILABLE[code]}."
        ) from error
    raise error


def corrupt(place: str, finding: str) -> StoreCorruptError:
    """The error for a file that is no sound store."""
    return StoreCorruptError(
        f"The store {place} is damaged or is not a Headrace store ({finding}). It was left as it is: restore a copy of "
        "it, or move it away to have a new one made."
    )


def _original(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _code(error: BaseException) -> Any:
    """SQLite's primary result code: the low byte of the extended one; None when it is not SQLite's error."""
    code = getattr(_original(error), "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
