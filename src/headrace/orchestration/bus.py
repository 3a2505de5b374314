"""`Bus`: wakes those who follow the log when something was added to it, whoever did that.

    this process                   the ledger says so after each commit
    another one, same SQLite file  a look at the newest numbers every 100 ms (`store.sqlite`)
    another one, PostgreSQL        NOTIFY, from the transaction that wrote it (`store.postgres`)

A follower keeps a cursor and reads what is behind it when it is woken, so it does not matter if it is woken too often, or
once for many commits. While nobody follows, nobody looks or listens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from headrace.store.store import Store

__all__ = ["HELD_BACK_SECONDS", "Bus"]

HELD_BACK_SECONDS = 0.05
"""Seconds after which a follower looks again when events were held back by a transaction whose end nobody tells
(`events.is_held_back`)."""

Wake = Callable[[], object]


class Bus:
    """Tells followers that there may be something to read.

    Args:
        store: What they follow, open.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followers: tuple[Wake, ...] = ()
        self._sources: list[Callable[[], None]] = []
        self._lock = threading.Lock()  # guards _followers and _sources

    def follow(self, wake: Wake) -> Callable[[], None]:
        """Call `wake` whenever something may have been committed, from any thread.

        Args:
            wake: Something quick that does not use the store: set an event, and read elsewhere.

        Returns:
            A function that ends it.
        """
        with self._lock:
            self._followers += (wake,)
            if not self._sources:
                self._sources = [self._store.after_commit(self._wake), self._store.watch(self._wake)]

        def leave() -> None:
            sources: list[Callable[[], None]] = []
            with self._lock:
                self._followers = tuple(known for known in self._followers if known is not wake)
                if not self._followers:
                    sources, self._sources = self._sources, sources
            for end in sources:
                end()

        return leave

    def _wake(self) -> None:
        for wake in self._followers:
            wake()
