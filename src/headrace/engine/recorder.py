"""The recorder: what happened, on its way from the run that did it to the store.

A run appends transitions, logs and events; that costs one list append. Whenever something waits and no write is
under way, one *write* is queued with the sink (the ledger of an embedded store); when its turn comes it takes all that
has been appended by then and commits it as one transaction. So batches grow by themselves with the load, and an idle
recorder commits at once.

Nothing is dropped. A write that fails puts its batch back in front and is tried again with the next append and by
`drain`. When the sink is slower than the run, `append` waits (back-pressure): memory stays bounded by
`MAX_WAITING` records, and what a killed process can lose by `MAX_AGE` seconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from time import monotonic
from typing import Any, Protocol

MAX_WAITING = 20_000
"""Records that may wait for the sink before `append` waits for it."""

MAX_AGE = 0.05
"""Seconds that a record may wait, while others follow it, before `append` waits for the sink."""


RETRY_SECONDS = 0.5
"""Seconds between two tries of a write that fails, while records keep coming."""


class Sink(Protocol):
    """Where records go: calls `take` when it is ready to write, and resolves the future after the commit."""

    def record(self, take: Callable[[], list[Any]]) -> Future[None]:
        """Queue one write of whatever `take` returns at the time."""
        ...


class Recorder:
    """Collects the records of this process's runs and writes them in batches.

    Args:
        sink: Where the batches go.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._items: list[Any] = []
        self._scheduled = False
        self._due = 0.0
        self._problem: BaseException | None = None
        self._write: Future[None] | None = None
        self._held_back = 0
        self._last_held_back = 0.0
        self._lock = threading.Lock()

    def append(self, item: Any) -> None:
        """Record `item`; waits only while the sink is far behind.

        Args:
            item: A `store.records.TaskTransition`, a `Log` or an `Event`.

        Raises:
            StoreError: The sink fails, and as many records as may wait are waiting.
        """
        self._items.append(item)
        if self._problem is not None:
            self._keep_for_later()
        elif not self._scheduled:
            self._schedule()
        elif monotonic() > self._due or len(self._items) > MAX_WAITING:
            self._hold_back()

    def drain(self) -> Future[None]:
        """A future that resolves when all that was appended before is committed.

        It raises what the sink raised; the records are kept, and a later drain tries again.
        """
        return self._schedule()

    def forget(self) -> None:
        """Drop what waits: in a forked child, where it is the parent's to write."""
        self._items, self._scheduled, self._write = [], False, None
        self._lock = threading.Lock()

    @property
    def problem(self) -> BaseException | None:
        """Why the last write failed, or None when it succeeded."""
        return self._problem

    def held_back_since(self, time: float) -> bool:
        """Whether some `append` has waited for the sink since `time` (on the monotonic clock, in seconds)."""
        return self._held_back > 0 or self._last_held_back >= time

    @property
    def waiting(self) -> int:
        """How many records wait for the sink."""
        return len(self._items)

    def _schedule(self) -> Future[None]:
        with self._lock:
            self._scheduled = True
            self._due = monotonic() + MAX_AGE
            batch = _Batch(self)
            write = self._write = self._sink.record(batch.take)
        write.add_done_callback(batch.settle)
        return write

    def _hold_back(self) -> None:
        """Wait for the write under way, and see to it that there is another."""
        write = self._write
        if write is not None:
            with self._lock:
                self._held_back += 1
            try:
                write.exception()
            finally:
                with self._lock:
                    self._held_back -= 1
                    self._last_held_back = monotonic()
        if not self._scheduled and self._problem is None:
            self._schedule()

    def _keep_for_later(self) -> None:
        """While the sink fails: try again now and then, and give up when no more can be kept."""
        if not self._scheduled and monotonic() > self._due:
            self._schedule()
        problem = self._problem
        if problem is not None and len(self._items) > MAX_WAITING:
            raise problem


class _Batch:
    """What one write takes; the same again if the ledger runs it a second time."""

    __slots__ = ("_items", "_recorder")

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._items: list[Any] | None = None

    def take(self) -> list[Any]:
        if self._items is None:
            recorder = self._recorder
            recorder._scheduled = False
            # A slice and a slice deletion are one step each under the GIL (and under a list's own lock without it):
            # what is appended between them stays.
            self._items = recorder._items[:]
            del recorder._items[: len(self._items)]
        return self._items

    def settle(self, write: Future[None]) -> None:
        recorder = self._recorder
        recorder._problem = write.exception()
        if recorder._problem is not None and self._items:
            recorder._items[:0] = self._items
            recorder._due = monotonic() + RETRY_SECONDS
        self._items = None
