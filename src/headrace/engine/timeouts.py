"""Timeouts of runs: code of users is interrupted at its deadline, or left behind there.

    main thread (POSIX)     interrupted by a timer, also inside `time.sleep`          engine.alarms
    other threads, Windows  called in a thread of its own, interrupted and left       engine.detached
    coroutines              cancelled                                                 asyncio.timeout

What appears in the code is `DeadlineExpired`, which is no `Exception`: code that goes on after any error does not go on
after this. What the caller gets is a `RunTimeout`, even if the code swallows the interruption and returns.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

from headrace.engine.alarms import Alarm, arm, can_arm, disarm
from headrace.engine.detached import DetachedCall
from headrace.engine.interrupts import interrupt_thread, interruptible, withdraw_interrupt

__all__ = [
    "Deadline",
    "DeadlineExpired",
    "RunTimeout",
    "await_with_timeout",
    "call_with_timeout",
    "interrupting",
    "invoke",
]

T = TypeVar("T")


class RunTimeout(TimeoutError):
    """A run exceeded its timeout.

    Args:
        seconds: The timeout.
        deadline: Which deadline it was: a flow's and a task's may be in force at once.
    """

    def __init__(self, seconds: float, deadline: Deadline | None = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.deadline = deadline

    def __str__(self) -> str:
        return f"The run exceeded its timeout of {float(self.seconds)} second(s)."

    def __reduce__(self) -> Any:
        return RunTimeout, (self.seconds,)


class DeadlineExpired(BaseException):
    """Time is up: raised in the code that runs under a deadline, which may clean up and should then let it pass.

    Args:
        deadline: Which deadline it was.
    """

    def __init__(self, deadline: Deadline) -> None:
        super().__init__(f"A timeout of {float(deadline.seconds)} second(s) has expired.")
        self.deadline = deadline

    def __reduce__(self) -> Any:
        return BaseException, self.args


class Deadline:
    """A moment until which something must be done, set when it is made.

    One deadline may limit several calls together, such as the steps of a generator.

    Args:
        seconds: How long from now.
        clock: Tells the time in seconds.
    """

    __slots__ = ("_clock", "at", "seconds")

    def __init__(self, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self.at = clock() + seconds

    def remaining(self) -> float:
        """Seconds left; 0 when time is up."""
        return max(self.at - self._clock(), 0.0)

    @property
    def expired(self) -> bool:
        """Whether time is up."""
        return self._clock() >= self.at

    def error(self) -> RunTimeout:
        """The exception that tells a caller so."""
        return RunTimeout(self.seconds, self)

    def interruption(self) -> DeadlineExpired:
        """The exception that interrupts code."""
        return DeadlineExpired(self)

    def caused(self, error: BaseException | None) -> bool:
        """Whether an exception says that this deadline, and not another, has expired."""
        return isinstance(error, RunTimeout) and error.deadline is self

    @classmethod
    def of(cls, timeout: float | Deadline) -> Deadline:
        """A deadline, from one or from seconds."""
        return timeout if isinstance(timeout, Deadline) else cls(timeout)


def call_with_timeout(
    fn: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any], timeout: float | Deadline
) -> T:
    """Call a function, and raise at the deadline if it has not returned.

    Args:
        fn: What to call.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        timeout: Seconds, or a deadline that is shared with other calls.

    Returns:
        What it returned.

    Raises:
        RunTimeout: It did not return in time. A `RunTimeout` that `fn` itself raised has another `deadline`.
    """
    deadline = Deadline.of(timeout)
    if deadline.expired:
        raise deadline.error()
    if can_arm():
        return _call_under_alarm(fn, args, kwargs, deadline)
    return _call_detached(fn, args, kwargs, deadline)  # type: ignore[no-any-return]


def _call_under_alarm(
    fn: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any], deadline: Deadline
) -> T:
    alarm = Alarm(deadline.at, deadline.interruption)
    arm(alarm)
    try:
        result = invoke(fn, args, kwargs)
    except DeadlineExpired as expiry:
        if expiry.deadline is not deadline:
            raise
        raise deadline.error().with_traceback(expiry.__traceback__) from None
    except Exception as error:
        if deadline.expired:
            raise deadline.error() from error
        raise
    finally:
        disarm(alarm)
    if deadline.expired:
        raise deadline.error()
    return result


@interruptible
def invoke(fn: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any]) -> T:
    """Call a function in a frame of its own, where it may be interrupted and the caller not."""
    return fn(*args, **kwargs)


def _call_detached(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], deadline: Deadline
) -> Any:
    call = DetachedCall(fn, args, kwargs)
    if not call.finish(deadline.remaining()):
        call.interrupt(deadline.interruption())
        raise deadline.error()
    try:
        return call.outcome()
    finally:
        del call


async def await_with_timeout(awaitable: Awaitable[T], timeout: float | Deadline) -> T:
    """Await something, cancel it at the deadline, and raise.

    Args:
        awaitable: A coroutine, or the next step of an asynchronous generator.
        timeout: Seconds, or a deadline that is shared with other calls.

    Returns:
        Its result.

    Raises:
        RunTimeout: It had not ended in time, whatever it did when it was cancelled.
        asyncio.CancelledError: It was cancelled from outside.
    """
    import asyncio

    deadline = Deadline.of(timeout)
    if deadline.expired:
        if hasattr(awaitable, "close"):
            awaitable.close()
        raise deadline.error()
    scope = asyncio.timeout(deadline.remaining())
    try:
        async with scope:
            result = await awaitable
    except Exception as error:
        if scope.expired():
            raise deadline.error() from (None if isinstance(error, TimeoutError) else error)
        raise
    if scope.expired():
        raise deadline.error()
    return result


@contextmanager
def _watched(seconds: float, error: Callable[[], BaseException]) -> Iterator[None]:
    thread_id = threading.get_ident()
    ended = threading.Event()

    def watch() -> None:
        if not ended.wait(min(seconds, threading.TIMEOUT_MAX)):
            interrupt_thread(thread_id, error())

    watcher = threading.Thread(target=watch, name="headrace-timeout", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        withdraw_interrupt()


@contextmanager
def interrupting(seconds: float, error: Callable[[], BaseException]) -> Iterator[None]:
    """Interrupt the block at a deadline.

    Args:
        seconds: How long the block may take.
        error: Makes the exception that is raised in it. Outside the main thread it appears when the block next
            executes Python code.
    """
    if can_arm():
        alarm = Alarm(monotonic() + seconds, error)
        arm(alarm)
        try:
            yield
        finally:
            disarm(alarm)
    else:
        with _watched(seconds, error):
            yield
