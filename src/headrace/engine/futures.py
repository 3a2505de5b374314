"""Futures of runs: what `submit` and `map` return.

A future completes with the run's final *state*; its result is the state's. Waiting inside a runner's thread tells the
runner, which then lets another thread work (`blocking`), so futures that wait for futures cannot starve each other.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from headrace.engine.waiting import Gate, take_in_slices
from headrace.schema.states import State

R = TypeVar("R")

blocking: ContextVar[Callable[[], AbstractContextManager[Any]]] = ContextVar(
    "headrace_blocking", default=nullcontext
)
"""How code that is about to block tells the runner whose thread it occupies."""


class Future(ABC, Generic[R]):
    """The outcome of a run that may not have ended yet."""

    __slots__ = ("__weakref__",)
    is_run_future = True

    @property
    @abstractmethod
    def state(self) -> State[R]:
        """The run's state now."""

    def done(self) -> bool:
        """Whether the run has ended."""
        return self.state.is_final()

    @abstractmethod
    def wait(self, timeout: float | None = None) -> None:
        """Wait until the run ends or `timeout` seconds have passed."""

    @abstractmethod
    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """The run's result.

        Args:
            timeout: Seconds to wait for it.
            raise_on_failure: Raise the exception of a failed run rather than return it.

        Raises:
            TimeoutError: The run did not end in time.
        """

    @abstractmethod
    def add_done_callback(self, fn: Callable[[Future[R]], None]) -> None:
        """Call `fn(future)` when the run ends; at once if it has."""


class TaskRunFuture(Future[R]):
    """The outcome of a submitted task run.

    Args:
        task_run: The run; its `state` is followed while it executes.
    """

    __slots__ = ("_callbacks", "_final", "_lock", "_run")

    def __init__(self, task_run: Any) -> None:
        self._run = task_run
        self._final: State[R] | None = None
        self._callbacks: list[Callable[[Future[R]], None]] = []
        self._lock = threading.Lock()

    @property
    def task_run_id(self) -> UUID:
        """The id of the task run."""
        return self._run.id  # type: ignore[no-any-return]

    @property
    def task_run(self) -> Any:
        """The task run."""
        return self._run

    @property
    def state(self) -> State[R]:
        return self._final or self._run.state

    def done(self) -> bool:
        return self._final is not None

    def complete(self, state: State[R]) -> bool:
        """End the run with `state` and call what waits for it; False when it had ended before."""
        with self._lock:
            if self._final is not None:
                return False
            self._final = state
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call_back(callback, self)
        return True

    def add_done_callback(self, fn: Callable[[Future[R]], None]) -> None:
        with self._lock:
            if self._final is None:
                self._callbacks.append(fn)
                return
        _call_back(fn, self)

    def wait(self, timeout: float | None = None) -> None:
        if self._final is not None:
            return
        ended = Gate()
        self.add_done_callback(ended.open)
        with blocking.get()():
            ended.wait(timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        self.wait(timeout)
        if self._final is None:
            raise TimeoutError(
                f"Task run {self._run.name!r} did not end within {timeout} seconds; it is {self.state}."
            )
        return self._final.result(raise_on_failure=raise_on_failure)  # type: ignore[return-value]

    def __repr__(self) -> str:
        return f"TaskRunFuture(name={self._run.name!r}, state={self.state})"

    def __reduce__(self) -> Any:
        raise TypeError(
            f"The future of task run {self._run.name!r} cannot be pickled: pass it as an argument of the call itself, "
            "where it is replaced by its result, or pass its result."
        )


def _call_back(fn: Callable[[Future[R]], None], future: Future[R]) -> None:
    try:
        fn(future)
    except Exception:
        from headrace.logging import get_logger

        get_logger("futures").exception("A callback of %r raised; the run is not affected.", future)


class FutureList(list[Future[R]]):
    """The futures of a mapped task, in the order of its inputs."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all runs end or `timeout` seconds have passed."""
        wait(self, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """The results of all runs, in the order of the inputs.

        Args:
            timeout: Seconds to wait for all of them together.
            raise_on_failure: Raise the first failed run's exception rather than return it in its place.

        Raises:
            TimeoutError: Not all runs ended in time.
        """
        deadline = None if timeout is None else monotonic() + timeout
        return [
            future.result(None if deadline is None else max(deadline - monotonic(), 0), raise_on_failure)
            for future in self
        ]


class DoneAndNotDoneFutures(NamedTuple, Generic[R]):
    """What `wait` found: futures whose runs have ended, and the others."""

    done: set[Future[R]]
    not_done: set[Future[R]]


def wait(futures: Iterable[Future[R]], timeout: float | None = None) -> DoneAndNotDoneFutures[R]:
    """Wait until all runs end or time is up.

    Args:
        futures: The futures to wait for.
        timeout: Seconds to wait for all of them together; None waits for ever.

    Returns:
        The futures whose runs ended and those whose did not.
    """
    pending = list(futures)
    deadline = None if timeout is None else monotonic() + timeout
    for future in pending:
        future.wait(None if deadline is None else max(deadline - monotonic(), 0))
    done = {future for future in pending if future.done()}
    return DoneAndNotDoneFutures(done, set(pending) - done)


def as_completed(
    futures: Iterable[Future[R]], timeout: float | None = None
) -> Generator[Future[R], None, None]:
    """Yield futures as their runs end, the first to end first.

    Args:
        futures: The futures to wait for.
        timeout: Seconds to wait for all of them together; None waits for ever.

    Raises:
        TimeoutError: Not all runs ended in time.
    """
    unique = list(dict.fromkeys(futures))
    ended: SimpleQueue[Future[R]] = SimpleQueue()
    deadline = None if timeout is None else monotonic() + timeout
    for future in unique:
        future.add_done_callback(ended.put)
    for yielded in range(len(unique)):
        seconds = None if deadline is None else max(deadline - monotonic(), 0)
        try:
            with blocking.get()():
                future = take_in_slices(ended, seconds)
        except Empty:
            left = len(unique) - yielded
            raise TimeoutError(
                f"{left} of {len(unique)} runs did not end within {timeout} seconds."
            ) from None
        yield future
