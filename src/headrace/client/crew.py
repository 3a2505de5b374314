"""A few threads that do what takes a round trip to a server, for callers that get a future of it.

Daemon threads, unlike those of `concurrent.futures`: a program whose user presses Ctrl-C does not stay for an answer that
may take minutes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["Crew"]

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "Future[Any]"]


class Crew:
    """Threads, started when there is more to do than threads that are idle.

    Args:
        size: How many there may be.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.start_over()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Have something done; the future cannot be cancelled, for it is done anyway.

        Args:
            work: What to do.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self._queue.put((work, future))
        with self._lock:
            self._todo += 1
            missing = self._todo > self._started and self._started < self._size
            self._started += missing
        if missing:
            try:
                threading.Thread(target=self._run, name="headrace-crew", daemon=True).start()
            except RuntimeError:  # the interpreter is exiting
                with self._lock:
                    self._started -= 1
                self._work_off()
        return future

    def close(self) -> None:
        """Let the threads end when they have done what is to be done."""
        for _ in range(self._started):
            self._queue.put(None)

    def start_over(self) -> None:
        """In the child of a fork: the threads are not here."""
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()  # guards the numbers
        self._started = 0
        self._todo = 0

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            self._do(job)

    def _work_off(self) -> None:
        while not self._queue.empty() and (job := self._queue.get()) is not None:
            self._do(job)

    def _do(self, job: _Job) -> None:
        work, future = job
        try:
            result = work()
        except BaseException as error:
            self._done()
            future.set_exception(error)
        else:
            self._done()
            future.set_result(result)

    def _done(self) -> None:
        with self._lock:
            self._todo -= 1
