"""The intake: one thread that takes what runs recorded, encodes it and keeps it in the outbox.

It is apart from the sender, which may wait for the server for a minute: what runs record is on disk within `LINGER`
seconds all the same. That is also how long it lets records gather while the sender is busy: one request with a thousand
of them costs little more than one with ten.

When the disk refuses, records go to the server directly, and runs wait for that; when the server is away too, they wait
in memory as far as the recorder lets them, and then end with an error.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from headrace.client.delivery import compress
from headrace.client.link import Link, ServerAway
from headrace.client.outbox import RECORDS, Outbox
from headrace.client.sender import Sender
from headrace.exceptions import StoreUnavailableError
from headrace.schema.records import Record, bodies_of

__all__ = ["LINGER", "Intake"]

LINGER = 0.03
"""Seconds that records may gather while the sender is busy; below the age at which the recorder waits for them."""

BATCH_RECORDS = 2_000
BATCH_BYTES = 512 * 2**10
"""How much is sent in one request: so many records at most, and no further one beyond so many bytes of JSON."""

_log = logging.getLogger("headrace.client")


class _Entry(NamedTuple):
    take: Callable[[], list[Any]]
    future: Future[None]


class Intake:
    """Keeps records in an outbox.

    Args:
        outbox: Where they are kept.
        sender: What sends them from there.
        link: What is known of the server.
    """

    def __init__(self, outbox: Outbox, sender: Sender, link: Link) -> None:
        self._outbox = outbox
        self._sender = sender
        self._link = link
        self._queue: SimpleQueue[_Entry | None] = SimpleQueue()
        self._working = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._refused = False

    def record(self, take: Callable[[], list[Record]]) -> Future[None]:
        """Keep what `take` returns when its turn has come; the future resolves when that is on disk, or acknowledged."""
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # it is kept even if nobody waits any more
        self._queue.put(_Entry(take, future))
        if self._thread is None and not self._start():
            self._work_off()
        return future

    def close(self) -> None:
        """Keep what is queued. May be called again."""
        self._closed = True
        self._queue.put(None)
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._work_off()

    def start_over(self) -> None:
        """In the child of a fork: the thread is not here, and the queue is the parent's to work off."""
        self._queue = SimpleQueue()
        self._working = threading.Lock()
        self._thread = None

    # --- the thread -------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        with self._link.changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="headrace-intake", daemon=True)
                with suppress(RuntimeError):  # the interpreter is exiting
                    thread.start()
                    self._thread = thread
            return self._thread is not None

    def _run(self) -> None:
        while (entry := self._queue.get()) is not None:
            if self._sender.isbusy and not self._closed:
                self._linger()
            self._keep(entry)

    def _linger(self) -> None:
        with self._link.changed:
            self._link.changed.wait_for(lambda: not self._sender.isbusy or self._closed, timeout=LINGER)

    def _work_off(self) -> None:
        while True:
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return
            if entry is not None:
                self._keep(entry)

    def _keep(self, entry: _Entry) -> None:
        with self._working:
            try:
                for number, body in bodies_of(entry.take(), BATCH_RECORDS, BATCH_BYTES):
                    self._keep_body(number, compress(body), len(body))
            except BaseException as problem:
                entry.future.set_exception(problem)
                return
        entry.future.set_result(None)

    def _keep_body(self, records: int, body: bytes, size: int) -> None:
        try:
            self._outbox.append(RECORDS, records, body, size)
        except OSError as problem:
            self._send_directly(body, problem)
        else:
            self._refused = False
            self._sender.wake()

    def _send_directly(self, body: bytes, problem: OSError) -> None:
        if not self._refused:
            self._refused = True
            _log.warning(
                "The outbox %s cannot be written (%s): what runs record goes to the server at %s directly, and they wait "
                "for it.",
                self._outbox.folder,
                problem,
                self._link.url,
            )
        try:
            self._sender.send_directly(body)
        except ServerAway as away:
            raise StoreUnavailableError(
                f"What runs record cannot be kept: the outbox {self._outbox.folder} cannot be written ({problem}), and the "
                f"server at {self._link.url} is away ({away.reason}). Make room, or start the server."
            ) from problem
