"""What the ledger and the reader need of a database; `sqlite` and `postgres` have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from headrace.store.connection import Connection

T = TypeVar("T")
Read = Callable[[Callable[[Connection], Any]], Any]


class Database(Protocol):
    """A database that holds a store."""

    place: str
    """What it is called in messages; a URL without its password."""

    url: str
    """The target that opens it again."""

    is_private: bool
    """Whether only one connection sees the data, which end with it."""

    is_remote: bool
    """Whether queries are executed by another process, so that an answer is waited for."""

    def exists(self) -> bool:
        """Whether there is a database; one that is a file may not have been made yet."""
        ...

    def prepare(self) -> Connection:
        """Bring the database to the current schema.

        Returns:
            A connection to it.

        Raises:
            StoreError: It was made by a newer version, is damaged, holds something else, or cannot be reached.
        """
        ...

    def revision(self, conn: Connection) -> str | None:
        """The revision that the database is stamped with; "" for an unstamped one, None for an empty one.

        Raises:
            StoreCorruptError: It holds something else.
        """
        ...

    def connect(self) -> Connection:
        """A connection of its own."""
        ...

    def transact(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` in one write transaction, as often as others' locks make necessary, and commit."""
        ...

    def migrate(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work`, which changes the schema, in one transaction; whoever else wants to waits."""
        ...

    def snapshot(self, conn: Connection, work: Callable[[], T]) -> T:
        """Run `work` on one state of the database, again from the start where that fails for a passing reason."""
        ...

    def is_broken(self, error: BaseException) -> bool:
        """Whether the connection is better replaced after `error`."""
        ...

    def watch(self, read: Read, changed: Callable[[], object]) -> Callable[[], None]:
        """Call `changed` soon after other processes have committed events or log lines, on a thread of its own.

        It may be called when nothing has happened, and once for many commits.

        Args:
            read: Runs a query.
            changed: Something quick.

        Returns:
            A function that ends it, and waits for the thread.
        """
        ...
