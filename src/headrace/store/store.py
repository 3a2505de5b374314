"""`Store`: the place where runs, their history and their logs are kept.

    store = Store.open("~/.headrace/headrace.db")
    run = store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=now))
    runs = store.read(lambda conn: flow_runs.read_flow_runs(conn))

Writes are queued to the ledger, reads have connections of their own. The verbs themselves are functions of a
connection, one module for each noun.

Fork. SQLite keeps, per process, which locks the process holds on a file; a forked child inherits that memory but not the
locks, so any connection that it opened to the same file would believe to hold locks that it does not (seen with
SQLite 3.40: no entry in /proc/locks), and the parent might delete the journal under it. Hence every connection is closed
right before `os.fork` and opened again on the next use, in the parent and in the child.
"""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from headrace.exceptions import ConfigurationError, StoreUnavailableError
from headrace.store.connection import Connection
from headrace.store.database import Database
from headrace.store.ledger import Ledger
from headrace.store.reader import Reader

T = TypeVar("T")

FORK_PATIENCE = 10.0
"""Seconds that a fork waits for reads and writes under way in other threads."""


class Store:
    """A store that is open. Use `Store.open`.

    Args:
        database: Where the data is, up to date.
        conn: A connection to it.
    """

    def __init__(self, database: Database, conn: Connection) -> None:
        self._database = database
        self._ledger = Ledger(database)
        self._ledger.adopt(conn)
        self._reader = Reader(database)
        self._lost_in_fork = False
        atexit.register(self.close)
        _open_stores.add(self)

    @classmethod
    def open(cls, target: str | os.PathLike[str], *, synchronous: str = "NORMAL") -> Store:
        """Open a store, and make it first where there is none.

        Args:
            target: A path, `sqlite:///path`, `sqlite://` for one in memory that ends with the process, or
                `postgresql://user:password@host:port/name`.
            synchronous: Of SQLite. NORMAL survives the end of any process; FULL also a power cut, at a tenth of the speed.

        Returns:
            The store; close it when done, or leave that to the end of the process.

        Raises:
            ConfigurationError: The target names a database that is not supported, or whose driver is not installed.
            StoreVersionError: The store was made by a newer version.
            StoreCorruptError: The file is damaged, or what is there is no store; it is left as it is.
            StoreUnavailableError: No permission, no room, no server.
        """
        database = open_database(target, synchronous=synchronous)
        return cls(database, database.prepare())

    @property
    def url(self) -> str:
        """The target that opens this store again."""
        return self._database.url

    @property
    def place(self) -> str:
        """What the store is called in messages: its file, or its URL without the password."""
        return self._database.place

    @property
    def reads_at_once(self) -> bool:
        """Whether the thread that reads does all the work itself, and waits for no other thread or process."""
        return not (self._database.is_private or self._database.is_remote)

    def submit(self, command: Callable[[Connection], T]) -> Future[T]:
        """Queue a write. See `Ledger.submit`."""
        self._check()
        return self._ledger.submit(command)

    def write(self, command: Callable[[Connection], T]) -> T:
        """Queue a write and wait for its commit. See `Ledger.write`."""
        self._check()
        return self._ledger.write(command)

    def read(self, query: Callable[[Connection], T]) -> T:
        """What `query` makes of one state of the store.

        Args:
            query: What to do with the connection; it may be called more than once, and must not write.
        """
        self._check()
        if self._database.is_private:
            # A database in memory belongs to its one connection.
            return self._ledger.write(query, writes=False)
        return self._reader.read(query)

    def every(self, seconds: float, fn: Callable[[Connection], object]) -> Callable[[], None]:
        """Call `fn` in a transaction of its own every `seconds`. See `Ledger.every`."""
        self._check()
        return self._ledger.every(seconds, fn)

    def after_commit(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each commit of this process. See `Ledger.after_commit`."""
        return self._ledger.after_commit(listener)

    def watch(self, changed: Callable[[], object]) -> Callable[[], None]:
        """Call `changed` after commits of other processes; it may be called when there were none. See `Database.watch`."""
        return self._database.watch(self.read, changed)

    def close(self) -> None:
        """Commit what is queued and close the store. May be called again."""
        atexit.unregister(self.close)
        _open_stores.discard(self)
        self._ledger.close()
        self._reader.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.place!r})"

    def _check(self) -> None:
        if self._lost_in_fork:
            raise StoreUnavailableError(
                f"This process was forked while the store {self.place} was in use for more than {FORK_PATIENCE:.0f} s, and "
                "cannot use it: open it again in a process that is started anew (multiprocessing's spawn)."
            )

    # --- fork -------------------------------------------------------------------------------------------------

    def _before_fork(self) -> None:
        written, read = self._ledger.pause(FORK_PATIENCE), self._reader.pause(FORK_PATIENCE)
        self._quiet = written and read
        self._held = written
        if self._quiet and not self._database.is_private:
            self._ledger.disconnect()
            self._reader.close()

    def _after_fork_in_parent(self) -> None:
        if self._held:
            self._ledger.resume()
        self._reader.resume()

    def _after_fork_in_child(self) -> None:
        self._lost_in_fork = not self._quiet
        self._ledger.start_over()
        self._reader.start_over()


def open_database(target: str | os.PathLike[str], *, synchronous: str = "NORMAL") -> Database:
    """The database that a target names. Arguments and errors as of `Store.open`; nothing is opened yet."""
    if synchronous not in ("NORMAL", "FULL"):
        raise ConfigurationError(f"synchronous is {synchronous!r}; expected 'NORMAL' or 'FULL'.")
    text = os.fspath(target)
    scheme, separator, rest = text.partition("://")
    kind = scheme.partition("+")[0] if separator else "sqlite"
    if kind in ("postgresql", "postgres"):
        from headrace.store.postgres import PostgresDatabase

        return PostgresDatabase(text)
    if kind != "sqlite":
        raise ConfigurationError(
            f"The store {text!r} is not supported: expected a path, 'sqlite:///path/to/file', 'sqlite://' (in memory) or "
            "'postgresql://user:password@host:port/name'."
        )
    from headrace.store.sqlite import SqliteDatabase

    path = rest.removeprefix("/") if separator else text
    in_memory = separator and path.lstrip("/") in ("", ":memory:")
    return SqliteDatabase(None if in_memory else Path(path).expanduser().absolute(), synchronous)


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _at_fork(step: Callable[[Store], None]) -> Callable[[], None]:
    def run() -> None:
        for store in list(_open_stores):
            step(store)

    return run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_at_fork(Store._before_fork),
        after_in_parent=_at_fork(Store._after_fork_in_parent),
        after_in_child=_at_fork(Store._after_fork_in_child),
    )
