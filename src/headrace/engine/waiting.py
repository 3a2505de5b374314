"""Waiting for what other threads do, in slices.

A signal that arrives at the very moment at which the main thread begins to wait is handled when the wait ends; an
exception that is injected into a thread appears in it between two steps of the interpreter. A wait without end would
never see either, so there is none: Ctrl-C works, a quarter of a second late at worst.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from threading import Lock
from time import monotonic
from typing import TypeVar

from headrace.engine.interrupts import interruptible

__all__ = ["Gate", "result_of", "take_in_slices", "wait_in_slices"]

T = TypeVar("T")

SLICE_SECONDS = 0.25


@interruptible
def wait_in_slices(wait: Callable[[float], object], seconds: float | None = None) -> bool:
    """Wait until something has come about.

    Args:
        wait: Waits for it for so many seconds at most; says whether it has come about. Written in C (such as
            `Lock.acquire`): an interrupt tears Python code apart anywhere.
        seconds: How long to wait in all; None for ever.

    Returns:
        Whether it has come about.
    """
    deadline = inf if seconds is None else monotonic() + seconds
    while not wait(max(0.0, min(deadline - monotonic(), SLICE_SECONDS))):
        if monotonic() >= deadline:
            return False
    return True


@interruptible
def take_in_slices(queue: SimpleQueue[T], seconds: float | None = None) -> T:
    """The next item of a queue.

    Args:
        queue: The queue.
        seconds: How long to wait for it; None for ever.

    Raises:
        Empty: There was none in time.
    """
    deadline = inf if seconds is None else monotonic() + seconds
    while True:
        try:
            return queue.get(timeout=max(0.0, min(deadline - monotonic(), SLICE_SECONDS)))
        except Empty:
            if monotonic() >= deadline:
                raise


class Gate:
    """Something that one thread waits for and another brings about, once."""

    __slots__ = ("_closed",)

    def __init__(self) -> None:
        self._closed = Lock()
        self._closed.acquire()

    def open(self, _: object = None) -> None:
        """Let the waiting thread go on. Takes an argument that it ignores, so that it can be a callback."""
        self._closed.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is open, `seconds` at most; whether it is. What has passed it once cannot again."""
        return wait_in_slices(partial(self._closed.acquire, True), seconds)


def result_of(future: Future[T]) -> T:
    """The result of a future, when it has one; raises what the future raises."""
    ended = Gate()
    future.add_done_callback(ended.open)
    ended.wait()
    return future.result()
