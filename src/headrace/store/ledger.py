"""The ledger: every write of a process, in batches, each batch one transaction.

A write is a *command*, a function of a connection. Commands queue up; one thread takes whatever is waiting and commits
it as one transaction (group commit), so a thousand commands under load cost one commit, and one alone does not
wait for others. A caller learns of success after the commit, never before.

    submit(command) --> queue --> BEGIN IMMEDIATE, command, command, ..., COMMIT --> futures resolved
                                   |
                                   one failed: ROLLBACK, then each in a transaction of its own,
                                   so that only the guilty one sees its error; all see it where
                                   there is no connection any more

Hence a command may run twice, and must not keep anything from its first run.

The thread is a daemon, started by the first command; `close` (at exit, too) lets it finish what is queued. Where
no thread can be started any more (late in the interpreter's exit) the caller's own thread does the work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from headrace.core import failpoint
from headrace.exceptions import StoreError, StoreUnavailableError
from headrace.store.connection import Connection
from headrace.store.database import Database

T = TypeVar("T")
Command = Callable[[Connection], T]

MAX_BATCH = 500
"""Commands in one transaction: bounds how long the first of them waits for the last."""

_log = logging.getLogger("headrace.store")


class _Entry(NamedTuple):
    command: Command[Any]
    future: Future[Any]
    writes: bool


class _Duty:
    """Something done at intervals."""

    def __init__(self, seconds: float, fn: Command[object]) -> None:
        self.seconds = seconds
        self.fn = fn
        self.due = time.monotonic() + seconds


class Ledger:
    """Queues commands and commits them in batches, on one thread.

    Args:
        database: Where to commit.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._duties: list[_Duty] = []
        self._listeners: tuple[Callable[[], object], ...] = ()
        self._conn: Connection | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self._state = threading.Lock()  # guards _closed, _thread, _duties and _listeners
        self._writing = threading.RLock()  # held while the database is used

    def submit(self, command: Command[T], *, writes: bool = True) -> Future[T]:
        """Queue a command.

        Args:
            command: What to do with the connection; it may be called twice.
            writes: Whether it changes anything.

        Returns:
            A future of what the command returns; it is resolved after the commit.

        Raises:
            StoreUnavailableError: The store is closed.
        """
        future: Future[T] = Future()
        with self._state:
            if self._closed:
                raise StoreUnavailableError(
                    f"The store {self._database.place} is closed, so nothing can be written to it: open it again."
                )
            self._queue.put(_Entry(command, future, writes))
            started = self._thread is not None or self._start()
        if not started:
            self._work_off()
        return future

    def write(self, command: Command[T], *, writes: bool = True) -> T:
        """Queue a command and wait for its commit. Arguments as of `submit`.

        Raises:
            RuntimeError: Called from within a command, which would wait for itself.
            Exception: What the command raised.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "A command called write() on its own ledger; use the connection that it was given instead."
            )
        return self.submit(command, writes=writes).result()

    def every(self, seconds: float, fn: Command[object]) -> Callable[[], None]:
        """Call `fn` in a transaction of its own every `seconds`, on the ledger's thread.

        Args:
            seconds: From the end of one call to the start of the next; the first is that far from now.
            fn: A command. What it raises is logged, and it is called again the next time.

        Returns:
            A function that stops it.
        """
        duty = _Duty(seconds, fn)
        with self._state:
            self._duties.append(duty)
            if self._thread is None:
                self._start()
        self._queue.put(None)

        def cancel() -> None:
            with self._state, suppress(ValueError):
                self._duties.remove(duty)

        return cancel

    def after_commit(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each commit that may have changed something, on the thread that committed.

        Args:
            listener: Something quick; it must not use the store.

        Returns:
            A function that ends it.
        """
        with self._state:
            self._listeners += (listener,)

        def cancel() -> None:
            with self._state:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return cancel

    def close(self) -> None:
        """Commit what is queued, refuse what comes later, and close the connection. May be called again."""
        with self._state:
            self._closed = True
            thread = self._thread
        self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._work_off()
        self._disconnect()

    def adopt(self, conn: Connection) -> None:
        """Use a connection that is open already for the first transaction."""
        self._conn = conn

    # --- fork -------------------------------------------------------------------------------------------------

    def pause(self, seconds: float) -> bool:
        """Wait for the transaction under way, and keep others from beginning until `resume`.

        Returns:
            Whether that came about within `seconds`.
        """
        return self._writing.acquire(timeout=seconds)

    def resume(self) -> None:
        """Undo `pause`."""
        self._writing.release()

    def disconnect(self) -> None:
        """Close the connection; the next transaction opens another. Call only while paused."""
        self._disconnect()

    def start_over(self) -> None:
        """In the child of a fork: forget the thread, which is not here, and the queue, which the parent works off."""
        self._queue = SimpleQueue()
        self._duties = []
        self._listeners = ()
        self._thread = None
        self._state = threading.Lock()
        self._writing = threading.RLock()

    # --- the thread -------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="headrace-ledger", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is exiting
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            # After close() nothing is waited for: what woke this thread may have been taken with the last batch.
            batch = self._next_batch(0 if self._closed else self._seconds_to_next_duty())
            if batch:
                self._commit(batch)
            elif self._closed:
                return
            self._do_duties()

    def _work_off(self) -> None:
        while batch := self._next_batch(0):
            self._commit(batch)

    def _next_batch(self, timeout: float | None) -> list[_Entry]:
        """Everything that waits, up to MAX_BATCH; waits at most `timeout` seconds for the first (None: for ever)."""
        batch: list[_Entry] = []
        with suppress(Empty):
            entry = self._queue.get(timeout=timeout) if timeout != 0 else self._queue.get_nowait()
            while True:
                if entry is not None and entry.future.set_running_or_notify_cancel():
                    batch.append(entry)
                if len(batch) >= MAX_BATCH:
                    break
                entry = self._queue.get_nowait()
        return batch

    def _commit(self, batch: list[_Entry]) -> None:
        try:
            results = self._transact([entry.command for entry in batch])
        except BaseException as error:
            if len(batch) > 1:
                self._commit_each(batch)
            else:
                batch[0].future.set_exception(error)
            return
        for entry, result in zip(batch, results, strict=True):
            entry.future.set_result(result)
        if self._listeners and any(entry.writes for entry in batch):
            self._tell()

    def _commit_each(self, batch: list[_Entry]) -> None:
        """Commit the commands of a batch one by one, for as long as there is a connection."""
        for place, entry in enumerate(batch):
            try:
                with self._writing:
                    self._connect()
            except StoreError as error:  # nobody behind this one would fare better
                for untried in batch[place:]:
                    untried.future.set_exception(error)
                return
            self._commit([entry])

    def _transact(self, commands: Sequence[Command[Any]]) -> list[Any]:
        """Run the commands in one transaction."""
        with self._writing:
            try:
                conn = self._connect()
                results = self._database.transact(conn, lambda: _run_all(commands, conn))
            except BaseException as error:
                if self._database.is_broken(error):
                    self._disconnect()
                raise
        if failpoint.ARMED:
            failpoint.reach("ledger.after_commit")
        return results

    def _connect(self) -> Connection:
        if self._conn is None:
            self._conn = self._database.connect()
        return self._conn

    def _tell(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                _log.exception("Something that follows the store %s failed.", self._database.place)

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()

    # --- duties -----------------------------------------------------------------------------------------------

    def _seconds_to_next_duty(self) -> float | None:
        with self._state:
            if not self._duties:
                return None
            return max(0.001, min(duty.due for duty in self._duties) - time.monotonic())

    def _do_duties(self) -> None:
        with self._state:
            due = [duty for duty in self._duties if duty.due <= time.monotonic()]
        for duty in due:
            try:
                self._transact([duty.fn])
                self._tell()
            except Exception:
                _log.exception(
                    "Something that the store %s does every %g s failed; it will be tried again.",
                    self._database.place,
                    duty.seconds,
                )
            duty.due = time.monotonic() + duty.seconds


def _run_all(commands: Sequence[Command[Any]], conn: Connection) -> list[Any]:
    results = [command(conn) for command in commands]
    if failpoint.ARMED:
        failpoint.reach("ledger.before_commit")
    return results
