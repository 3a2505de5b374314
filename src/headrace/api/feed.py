"""`Feed`: events and log lines as they are committed, for any number of followers.

Every follower reads at its own pace, and none is left out. The newest part of a log is read once for all of them and kept in
memory, up to a limit (`Tail`). Who keeps up is given it from there. Who does not, because its client is slow to read, falls out
of it and reads the store by itself from where it is: nothing piles up for it here, and it misses nothing.

    store   ... e1 e2 e3 e4 e5 e6 e7 e8
    tail                 [e5 e6 e7 e8]      read when the bus says that something was committed
    followers   ^ slow: reads the store  ^ ^ keep up
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from headrace.api.bridge import Bridge
from headrace.exceptions import StoreError
from headrace.orchestration.bus import HELD_BACK_SECONDS, Bus
from headrace.store import changes, events, logs
from headrace.store.changes import Change
from headrace.store.connection import Connection
from headrace.store.cursors import Cursor
from headrace.store.events import StoredEvent
from headrace.store.logs import StoredLog

__all__ = ["Feed", "Tail"]

PAGE = 500
"""Items that are read at once."""

CHANGES = 5_000
"""Changes that are read at once, and as many are kept."""

CHANGES_PAUSE = 0.03
"""Seconds between two reads of changes."""

SHARE = 100
"""Items that a follower is given at once: while it works on them they stay in memory, whatever becomes of the tail."""

KEPT_ITEMS = 5_000
KEPT_SIZE = 16_000_000
"""How much a tail keeps: so many items at most, and so many characters of them."""

RETRY_SECONDS = 0.5
"""The pause before a store that cannot be read is read again."""

_log = logging.getLogger("headrace.api")


class Item(Protocol):
    """Something in a log."""

    cursor: Cursor
    size: int


I = TypeVar("I", bound=Item)  # noqa: E741


class Source(NamedTuple, Generic[I]):
    """How a log is read."""

    read: Callable[[Connection, Cursor, int], list[I]]
    end: Callable[[Connection], Cursor]
    is_held_back: Callable[[Connection], bool]
    page: int = PAGE
    pause: float = 0.0
    """Seconds between two reads, for those who need not know each commit."""


class Tail(Generic[I]):
    """The newest part of a log, while somebody follows it. It belongs to one event loop at a time.

    Args:
        store: Where the log is.
        bus: What tells when it has grown.
        source: How it is read.
    """

    def __init__(self, store: Bridge, bus: Bus, source: Source[I]) -> None:
        self._store = store
        self._bus = bus
        self._source = source
        self._followers = 0
        self._items: list[I] = []
        self._size = 0
        self._start = self._end = Cursor.START  # the items are all that is behind the one and up to the other
        self._woken = asyncio.Event()
        self._grown = asyncio.Event()
        self._opening = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Cursor]:
        """Have the tail read as long as the context lasts. Gives the place up to which it has been read."""
        async with self._opening:
            if self._reader is None:
                self._start = self._end = await self._store.read(self._source.end)
                self._items, self._size = [], 0
                self._reader = asyncio.create_task(self._read_on())
            self._followers += 1
        try:
            yield self._end
        finally:
            self._followers -= 1
            if self._followers == 0 and self._reader is not None:
                self._reader.cancel()
                self._reader = None

    async def follow(self, cursor: Cursor) -> AsyncIterator[Sequence[I]]:
        """What is behind a place and will be, in pages; only while the tail is `opened`."""
        while True:
            if cursor < self._start:
                page: Sequence[I] = await self._store.read(
                    lambda conn, after=cursor: self._source.read(conn, after, SHARE)  # type: ignore[misc]
                )
                if not page:  # there is nothing between it and the tail
                    cursor = self._start
                    continue
            else:
                begin = bisect_right(self._items, cursor, key=attrgetter("cursor"))
                page = self._items[begin : begin + SHARE]
                if not page:
                    await self._grown.wait()
                    continue
            cursor = page[-1].cursor
            yield page

    async def behind(self, cursor: Cursor) -> tuple[Sequence[I] | None, Cursor]:
        """All that is behind a place, once there is something, and the place where it ends; only while the tail is `opened`.

        None stands for so much that not all of it is kept.
        """
        while self._end <= cursor:
            await self._grown.wait()
        if cursor < self._start:
            return None, self._end
        return self._items[bisect_right(self._items, cursor, key=attrgetter("cursor")) :], self._end

    async def _read_on(self) -> None:
        loop, woken = asyncio.get_running_loop(), self._woken

        def wake() -> None:
            # Reading begins after the event is cleared: who finds it set knows that the next read is still to come.
            if not woken.is_set():
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(woken.set)

        leave = self._bus.follow(wake)
        try:
            while True:
                self._woken.clear()
                await self._read_page()
        finally:
            leave()

    async def _read_page(self) -> None:
        """Read what has come; wait where nothing has."""
        try:
            page, is_held_back = await self._store.read(self._look)
        except StoreError as error:
            _log.warning("The newest events or log lines cannot be read: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
            return
        if page:
            self._add(page)
            if len(page) < self._source.page:
                await asyncio.sleep(self._source.pause)
        elif is_held_back:
            await asyncio.sleep(HELD_BACK_SECONDS)
        else:
            await self._woken.wait()

    def _look(self, conn: Connection) -> tuple[list[I], bool]:
        page = self._source.read(conn, self._end, self._source.page)
        return page, not page and self._source.is_held_back(conn)

    def _add(self, page: list[I]) -> None:
        self._items += page
        self._end = page[-1].cursor
        self._size += sum(item.size for item in page)
        dropped = 0
        while len(self._items) - dropped > KEPT_ITEMS or (
            self._size > KEPT_SIZE and dropped < len(self._items)
        ):
            self._size -= self._items[dropped].size
            dropped += 1
        if dropped:
            self._start = self._items[dropped - 1].cursor
            del self._items[:dropped]
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


class Feed:
    """The tails of both logs, each in full and in brief.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Bridge) -> None:
        bus = Bus(store.store)
        self.events: Tail[StoredEvent] = Tail(
            store,
            bus,
            Source(
                lambda conn, after, limit: events.read_events(conn, after=after, limit=limit),
                events.end_of_log,
                events.is_held_back,
            ),
        )
        self.logs: Tail[StoredLog] = Tail(
            store,
            bus,
            Source(
                lambda conn, after, limit: logs.read_new_logs(conn, after=after, limit=limit),
                logs.end_of_logs,
                logs.is_held_back,
            ),
        )
        self.changes: Tail[Change] = Tail(
            store,
            bus,
            Source(
                lambda conn, after, limit: changes.read_changes(conn, after=after, limit=limit),
                events.end_of_log,
                events.is_held_back,
                CHANGES,
                CHANGES_PAUSE,
            ),
        )
        self.log_changes: Tail[Change] = Tail(
            store,
            bus,
            Source(
                lambda conn, after, limit: changes.read_log_changes(conn, after=after, limit=limit),
                logs.end_of_logs,
                logs.is_held_back,
                CHANGES,
                CHANGES_PAUSE,
            ),
        )
