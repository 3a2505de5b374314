"""Interrupting code that runs: an exception that appears in it, between two steps of the interpreter.

Such an exception can appear anywhere, also in the engine, where it would leave a run half recorded. So it is first
looked where the code is (`may_interrupt`): code of users may be interrupted, and what that calls; code of this package
only in functions marked `@interruptible`, which do nothing but call code of users, or wait in C: what the standard
library does in Python between taking a lock and entering its `with` block must not be torn apart either. Elsewhere the
interrupt waits, for at most a tenth of a second: bookkeeping takes microseconds, and whoever is still in the engine
then is waiting there.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from types import CodeType, FrameType
from typing import Any, NamedTuple, Protocol, TypeVar

__all__ = [
    "delegated_to",
    "interrupt_thread",
    "interrupt_work",
    "interruptible",
    "likeness",
    "may_interrupt",
    "withdraw_interrupt",
]

F = TypeVar("F", bound=Callable[..., Any])

PACKAGE = __name__.partition(".")[0] + "."
RETRY_SECONDS = 0.001
PATIENCE = 100
"""How often an interrupt is held back. Not a time: on a busy machine the first look may come late."""

_interruptible: set[CodeType] = set()


def interruptible(fn: F) -> F:
    """Mark a function of this package that may be interrupted: it calls code of users, or waits."""
    _interruptible.add(fn.__code__)
    return fn


def may_interrupt(frame: FrameType | None, held_back: int = 0) -> bool:
    """Whether code may be interrupted in `frame`: whether this package is not in the middle of something there.

    Args:
        frame: Where the code is.
        held_back: How often the interrupt has been held back; one that was for long comes anywhere.
    """
    if held_back >= PATIENCE:
        return True
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(PACKAGE):
            return frame.f_code in _interruptible
        frame = frame.f_back
    return True


class Work(Protocol):
    """Something that a thread does."""

    @property
    def thread_id(self) -> int | None:
        """The thread that does it; None when it is done, which it becomes only while `lock` is held."""


lock = threading.RLock()
"""Held while an interrupt is sent, so that work cannot end between the look at it and the interrupt."""

_delegated: dict[int, Work] = {}
_interrupted: set[int] = set()


@contextmanager
def delegated_to(work: Work) -> Iterator[None]:
    """While this thread waits for `work` in this block, interrupting it interrupts the thread that does the work."""
    thread_id = threading.get_ident()
    with lock:
        before = _delegated.get(thread_id)
        _delegated[thread_id] = work
    try:
        yield
    finally:
        with lock:
            if before is None:
                _delegated.pop(thread_id, None)
            else:
                _delegated[thread_id] = before


def interrupt_thread(thread_id: int, error: type[BaseException] | BaseException) -> bool:
    """Raise an exception in another thread, or in the one that works for it under a timeout.

    It appears when that thread next executes Python code: a call that blocks in C delays it until it returns.

    Args:
        thread_id: The thread's identifier (`threading.get_ident`).
        error: An exception class that can be made without arguments, or an exception, of which a likeness is raised.

    Returns:
        False when there is no such thread.
    """
    return interrupt_work(_Thread(thread_id), error)


def interrupt_work(work: Work, error: type[BaseException] | BaseException) -> bool:
    """Raise an exception in what a thread does, and in nothing that it does afterwards; see `interrupt_thread`.

    The work must `withdraw_interrupt` when it is done, in the step in which its `thread_id` becomes None.
    """
    kind = error if isinstance(error, type) else likeness(error)
    held_back = 0
    while True:
        with lock:
            target = _at_work_for(work.thread_id)
            if target is None:
                return False
            if may_interrupt(sys._current_frames().get(target), held_back):
                return _inject(target, kind)
        held_back += 1
        sleep(RETRY_SECONDS)


def withdraw_interrupt() -> None:
    """Take back an exception that was raised in this thread and has not yet appeared."""
    thread_id = threading.get_ident()
    with lock:
        if thread_id in _interrupted:
            _inject(thread_id, None)


class _Thread(NamedTuple):
    """Whatever a thread does."""

    thread_id: int


def _at_work_for(thread_id: int | None) -> int | None:
    """The thread that does what `thread_id` waits for, which may itself have delegated it."""
    while thread_id in _delegated:
        thread_id = _delegated[thread_id].thread_id
    return thread_id


def _inject(thread_id: int, error: type[BaseException] | None) -> bool:
    # Imported here because it takes 10 ms, and most programs never interrupt anything.
    import ctypes

    _interrupted.discard(thread_id) if error is None else _interrupted.add(thread_id)
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    return bool(raise_in(ctypes.c_ulong(thread_id), None if error is None else ctypes.py_object(error)))


def likeness(error: BaseException) -> type[BaseException]:
    """A class that, called without arguments as CPython calls it, makes an exception like `error`."""
    kind = type(error)

    def __init__(self: BaseException) -> None:
        self.args = error.args
        self.__dict__.update(error.__dict__)

    return type(kind.__name__, (kind,), {"__init__": __init__, "__module__": kind.__module__})
