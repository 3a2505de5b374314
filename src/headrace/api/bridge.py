"""`Bridge`: the store as coroutines see it.

    created = await store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=now))
    runs = await store.read(lambda conn: flow_runs.read_flow_runs(conn))

The store is synchronous: its ledger commits on a thread of its own, and reads block. A write is submitted to the ledger
and awaited; a read runs on one of a few reader threads, unless it is known to take less time than to get it there.

Waking the event loop from another thread costs a system call and a change of threads, more than a small write itself. So
results that arrive together are delivered together: whoever finishes first asks the loop to come, and until it does,
others only lay theirs down.

    ledger    batch committed -> 300 futures resolved -> 300 x append, 1 x call_soon_threadsafe
    loop      one callback    -> 300 coroutines go on

Under load the server refuses rather than grows: beyond so many waiting writes or reads the next one is answered 503.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from headrace.api.distributions import BATCHES, SECONDS, Distribution
from headrace.exceptions import OverCapacityError, StoreUnavailableError
from headrace.store.store import Store

__all__ = ["MAX_WAITING_READS", "MAX_WAITING_WRITES", "READERS", "Bridge"]

T = TypeVar("T")

READERS = 4
"""Reads that run at a time."""

QUICK_SECONDS = 0.001
"""A read that has taken less processor time than this is quick: handing it to a thread and back takes 0.3 ms under load."""

MAX_KNOWN_READS = 1_000
"""Kinds of reads of which is kept how long they take."""

MAX_WAITING_WRITES = 10_000
"""Writes that wait for their commit before the next one is refused: some two seconds of work."""

MAX_WAITING_READS = 1_000
"""Reads that wait for a thread or run before the next one is refused."""


class _Outcome(NamedTuple):
    """What came of a write or a read."""

    waiter: asyncio.Future[Any]
    value: Any
    error: BaseException | None
    traffic: _Traffic
    started: float


class _Traffic:
    """The writes, or the reads, that one event loop waits for; changed by that loop only.

    Args:
        seconds: Where the time is counted that they take.
    """

    def __init__(self, seconds: Distribution) -> None:
        self.waiting = 0
        self.seconds = seconds


class _Arrivals:
    """What came of the writes and reads of one event loop, on its way there.

    It has no reference to the loop, which would keep it alive for ever: what arrives has one.

    Args:
        writes: The writes that the loop waits for.
        reads: The reads that the loop waits for.
        batches: Where the number of writes is counted that arrive together.
    """

    def __init__(self, writes: _Traffic, reads: _Traffic, batches: Distribution) -> None:
        self.writes = writes
        self.reads = reads
        self._batches = batches
        self._arrived: deque[_Outcome] = deque()
        self._called = False

    def deliver(self, outcome: _Outcome) -> None:
        """Hand an outcome over; from any thread."""
        self._arrived.append(outcome)
        if self._called:
            return
        # Set after the append, cleared before the hand-out: an outcome is seen by the call under way or by the next one.
        self._called = True
        try:
            outcome.waiter.get_loop().call_soon_threadsafe(self._hand_out)
        except RuntimeError:  # the loop is closed, so nobody waits any more
            self._arrived.clear()

    def _hand_out(self) -> None:
        self._called = False
        now = time.perf_counter()
        writes = self.writes.waiting
        while self._arrived:
            waiter, value, error, traffic, started = self._arrived.popleft()
            traffic.waiting -= 1
            traffic.seconds.observe(now - started)
            if waiter.cancelled():
                continue
            if error is None:
                waiter.set_result(value)
            else:
                waiter.set_exception(error)
        if self.writes.waiting < writes:
            self._batches.observe(writes - self.writes.waiting)


class _Read(NamedTuple):
    """A read that waits for a thread."""

    query: Callable[[Any], Any]
    waiter: asyncio.Future[Any]
    arrivals: _Arrivals
    started: float


class Bridge:
    """Awaitable reads and writes of a store; its methods are called in event loops, of which there may be several.

    Args:
        store: The store, open. It stays its owner's to close.
        readers: Threads that read.
        max_waiting_writes: Writes that may wait before the next is refused.
        max_waiting_reads: Reads that may wait before the next is refused.
    """

    def __init__(
        self,
        store: Store,
        *,
        readers: int = READERS,
        max_waiting_writes: int = MAX_WAITING_WRITES,
        max_waiting_reads: int = MAX_WAITING_READS,
    ) -> None:
        self.store = store
        self.write_seconds = Distribution(SECONDS)
        self.read_seconds = Distribution(SECONDS)
        self.batch_sizes = Distribution(BATCHES)
        self.event_lag = Distribution(SECONDS)
        """Seconds from when something happened to the commit of what was reported of it."""
        self._max_waiting_writes = max_waiting_writes
        self._max_waiting_reads = max_waiting_reads
        self._loops: weakref.WeakKeyDictionary[AbstractEventLoop, _Arrivals] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()  # guards _loops, _threads, _shared and _closed
        self._reads: SimpleQueue[_Read | None] = SimpleQueue()
        self._readers = readers
        self._threads: list[threading.Thread] = []
        self._shared: dict[Callable[[Bridge], Any], Any] = {}
        self._took: dict[Hashable, float] = {}
        self._closed = False

    @property
    def waiting_writes(self) -> int:
        """Writes that are not yet committed, or whose coroutine does not know it yet."""
        with self._lock:
            return sum(arrivals.writes.waiting for arrivals in self._loops.values())

    @property
    def waiting_reads(self) -> int:
        """Reads that run or wait for a thread."""
        with self._lock:
            return sum(arrivals.reads.waiting for arrivals in self._loops.values())

    async def write(self, command: Callable[[Any], T]) -> T:
        """Execute a command and wait for its commit.

        It is carried out also when the caller is cancelled meanwhile.

        Args:
            command: What to do with the connection; it may be called twice.

        Returns:
            What the command returns.

        Raises:
            OverCapacityError: Too many writes wait already.
            Exception: What the command raised.
        """
        loop = asyncio.get_running_loop()
        arrivals = self._arrivals(loop)
        traffic = arrivals.writes
        if traffic.waiting >= self._max_waiting_writes:
            raise OverCapacityError(
                f"{traffic.waiting} writes wait for their commit already, as many as may; try again in a moment."
            )
        waiter: asyncio.Future[T] = loop.create_future()
        started = time.perf_counter()

        def resolved(done: Future[T]) -> None:
            error = done.exception()
            value = done.result() if error is None else None
            arrivals.deliver(_Outcome(waiter, value, error, traffic, started))

        self.store.submit(command).add_done_callback(resolved)
        traffic.waiting += 1
        return await waiter

    async def read_quickly(self, kind: Hashable, query: Callable[[Any], T]) -> T:
        """Run a query where that is done soonest: at once, if the last of its kind was quick and waits for nothing but the
        processor; else as `read` does.

        Args:
            kind: What queries that take equally long have in common.
            query: What to do with the connection; it may be called more than once, and must not write.
        """

        def timed(conn: Any) -> T:
            began = time.thread_time()
            try:
                return query(conn)
            finally:
                if len(self._took) >= MAX_KNOWN_READS:
                    self._took.clear()
                self._took[kind] = time.thread_time() - began

        if (
            self.store.reads_at_once
            and self._took.get(kind, QUICK_SECONDS) < QUICK_SECONDS
            and not self._closed
        ):
            started = time.perf_counter()
            result = self.store.read(timed)
            self.read_seconds.observe(time.perf_counter() - started)
            return result
        return await self.read(timed)

    async def read(self, query: Callable[[Any], T]) -> T:
        """Run a query on a reader thread.

        Args:
            query: What to do with the connection; it may be called more than once, and must not write.

        Returns:
            What the query returns.

        Raises:
            OverCapacityError: Too many reads wait already.
            StoreUnavailableError: The bridge is closed.
            Exception: What the query raised.
        """
        loop = asyncio.get_running_loop()
        arrivals = self._arrivals(loop)
        traffic = arrivals.reads
        if traffic.waiting >= self._max_waiting_reads:
            raise OverCapacityError(
                f"{traffic.waiting} reads run or wait already, as many as may; try again in a moment."
            )
        if len(self._threads) < self._readers:
            self._start_reader()
        waiter: asyncio.Future[T] = loop.create_future()
        self._reads.put(_Read(query, waiter, arrivals, time.perf_counter()))
        traffic.waiting += 1
        return await waiter

    def shared(self, make: Callable[[Bridge], T]) -> T:
        """What `make` makes for this bridge; made by the first call, the same for all others."""
        with self._lock:
            if make not in self._shared:
                self._shared[make] = make(self)
            made: T = self._shared[make]
            return made

    def reopen(self) -> None:
        """Undo `close`: an application may be started again after it was stopped."""
        with self._lock:
            self._closed = False

    def close(self) -> None:
        """Finish the reads that wait, and end the reader threads. Writes are the store's to finish."""
        with self._lock:
            self._closed = True
            threads, self._threads = self._threads, []
        for _ in threads:
            self._reads.put(None)
        for thread in threads:
            thread.join()

    def _arrivals(self, loop: AbstractEventLoop) -> _Arrivals:
        known = self._loops.get(loop)
        if known is None:
            with self._lock:
                known = self._loops[loop] = _Arrivals(
                    _Traffic(self.write_seconds), _Traffic(self.read_seconds), self.batch_sizes
                )
        return known

    def _start_reader(self) -> None:
        with self._lock:
            if self._closed:
                raise StoreUnavailableError(
                    "The server is shutting down and reads nothing any more: try again later."
                )
            if len(self._threads) < self._readers:
                thread = threading.Thread(target=self._run_reads, name="headrace-reader", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run_reads(self) -> None:
        while (read := self._reads.get()) is not None:
            value, error = None, None
            try:
                value = self.store.read(read.query)
            except BaseException as problem:
                error = problem
            read.arrivals.deliver(_Outcome(read.waiter, value, error, read.arrivals.reads, read.started))
            del read, value, error  # a thread that waits must not keep the last result alive
