"""Reads: each sees one state of the database, on a connection that nobody else uses meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from headrace.store.connection import Connection
from headrace.store.database import Database

T = TypeVar("T")
Query = Callable[[Connection], T]

MAX_IDLE = 8
"""Connections kept open for the next read."""


class Reader:
    """Runs queries, on as many connections as there are reads at a time.

    Args:
        database: Where to read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []
        self._active = 0
        self._paused = False
        self._changed = threading.Condition()

    def read(self, query: Query[T]) -> T:
        """What `query` makes of one state of the database.

        Args:
            query: What to do with the connection; it may be called more than once, and must not write.
        """
        conn = self._borrow()
        try:
            result = self._database.snapshot(conn, lambda: query(conn))
        except BaseException as error:
            self._give_back(conn, keep=not self._database.is_broken(error))
            raise
        self._give_back(conn, keep=True)
        return result

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._changed:
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()

    def pause(self, seconds: float) -> bool:
        """Wait for the reads under way, and keep others from beginning until `resume`.

        Returns:
            Whether that came about within `seconds`.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            self._paused = True
            return self._changed.wait_for(lambda: self._active == 0, deadline - time.monotonic())

    def resume(self) -> None:
        """Undo `pause`."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def start_over(self) -> None:
        """In the child of a fork: nobody reads here yet."""
        self._active = 0
        self._paused = False
        self._changed = threading.Condition()

    def _borrow(self) -> Connection:
        with self._changed:
            self._changed.wait_for(lambda: not self._paused)
            self._active += 1
            if self._idle:
                return self._idle.pop()
        try:
            return self._database.connect()
        except BaseException:
            self._finish()
            raise

    def _give_back(self, conn: Connection, *, keep: bool) -> None:
        with self._changed:
            keep = keep and len(self._idle) < MAX_IDLE
            if keep:
                self._idle.append(conn)
        if not keep:
            conn.close()
        self._finish()

    def _finish(self) -> None:
        with self._changed:
            self._active -= 1
            self._changed.notify_all()
