"""Calling a function in a thread of its own, so that the caller can leave when time is up.

No thread can be stopped from outside while it executes C code, and a signal reaches the main thread only. Elsewhere a
call with a deadline is therefore made by a fresh daemon thread, with the caller's context variables, while the caller
waits. At the deadline an exception is raised in that thread, which ends it where it executes Python code, and the
caller goes on at once: whatever the thread still does or returns is dropped.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.engine.interrupts import delegated_to, interrupt_work, interruptible, lock, withdraw_interrupt
from headrace.engine.waiting import Gate

__all__ = ["DetachedCall"]

FAREWELL_SECONDS = 1.0
"""How long a caller who was interrupted waits for the call to clean up."""


class DetachedCall:
    """A call that another thread makes.

    Args:
        fn: What to call.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """

    __slots__ = ("_arguments", "_closed", "_context", "_done", "_error", "_fn", "_thread", "_value")

    def __init__(self, fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._fn = fn
        self._arguments = (args, kwargs)
        self._context = contextvars.copy_context()
        self._value: Any = None
        self._error: BaseException | None = None
        self._closed = False
        self._done = Gate()
        self._thread = threading.Thread(
            target=self._run, name=f"headrace-timed-{getattr(fn, '__name__', 'call')}", daemon=True
        )

    def finish(self, seconds: float) -> bool:
        """Make the call and wait for its end.

        Args:
            seconds: How long to wait.

        Returns:
            Whether it has ended; if not, it goes on.

        Raises:
            BaseException: This thread was interrupted meanwhile, by Ctrl-C for one. The call has been, too.
        """
        with delegated_to(self):
            try:
                self._thread.start()
                return self._done.wait(seconds)
            except BaseException as interruption:
                self.interrupt(interruption)
                self._done.wait(min(seconds, FAREWELL_SECONDS))
                raise

    def outcome(self) -> Any:
        """What the call returned; raises what it raised."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # Its traceback refers to this frame, and so to this object.
        return self._value

    @property
    def thread_id(self) -> int | None:
        """The thread that makes the call; None when it has ended."""
        return None if self._closed else self._thread.ident

    def interrupt(self, error: type[BaseException] | BaseException) -> bool:
        """Raise an exception in the call, or in what it waits for; False when it has ended."""
        return interrupt_work(self, error)

    def _run(self) -> None:
        # An interrupt may appear until `_close` has withdrawn it, so also after the call.
        try:
            try:
                self._value = self._context.run(self._call)
            except BaseException as error:
                self._error = error
            self._close()
        except BaseException as late:
            self._error = self._error or late
            self._close()
        finally:
            self._done.open()

    @interruptible
    def _call(self) -> Any:
        args, kwargs = self._arguments
        return self._fn(*args, **kwargs)

    def _close(self) -> None:
        with lock:
            withdraw_interrupt()
            self._closed = True
