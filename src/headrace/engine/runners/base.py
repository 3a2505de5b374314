"""The contract of task runners, and what they share: a submitted run starts when what it depends on has ended."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from headrace.engine import inputs
from headrace.engine.futures import Future, FutureList
from headrace.engine.interrupts import interruptible
from headrace.engine.mapping import expand_map
from headrace.engine.waiting import Gate
from headrace.exceptions import MissingContextError
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.schema.runs import RunInput
    from headrace.tasks import Task

F = TypeVar("F", bound=Future[Any])
T = TypeVar("T")


class TaskRunner(ABC, Generic[F]):
    """Runs submitted tasks; used as a context manager around a flow run."""

    @property
    def name(self) -> str:
        """The runner's type in lower case: `threadpool` for `ThreadPoolTaskRunner`."""
        return type(self).__name__.lower().replace("taskrunner", "")

    @property
    def logger(self) -> Any:
        """The runner's logger."""
        from headrace.logging import get_logger

        return get_logger(f"task_runner.{self.name}")

    @abstractmethod
    def duplicate(self) -> Self:
        """A new runner with the same options and none of the work."""

    @abstractmethod
    def submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        wait_for: Any = None,
        dependencies: dict[str, list[RunInput]] | None = None,
    ) -> F:
        """Start a run of `task` as soon as what it depends on has ended.

        Args:
            task: The task.
            parameters: Its arguments by name; may hold futures.
            wait_for: Futures and states that it depends on besides.
            dependencies: Inputs that are known already, by parameter name.

        Returns:
            The run's future.
        """

    def map(self, task: Task[..., Any], parameters: dict[str, Any], wait_for: Any = None) -> FutureList[Any]:
        """Start a run for each element of the parameters; see `Task.map`."""
        for upstream in inputs.collect_upstream(parameters):
            if isinstance(upstream, Future) and _stands_for_elements(upstream, parameters):
                upstream.wait()
        calls = expand_map(parameters, task.binder.defaults, task.binder.keywords)
        return FutureList(self._submit_each(task, calls, wait_for))

    @interruptible
    def _submit_each(self, task: Task[..., Any], calls: list[dict[str, Any]], wait_for: Any) -> list[Any]:
        # In a frame of its own (a comprehension may have another), so that a long list can be interrupted between two
        # runs, and only there.
        futures = []
        for call in calls:
            futures.append(self.submit(task, call, wait_for))
        return futures

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        return None


class Unfinished(set[T]):
    """Runs that have not ended, and a way to wait until there are none."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._none_left: Gate | None = None

    def discard(self, run: object) -> None:
        """A run has ended."""
        with self._lock:
            super().discard(run)
            if not self and self._none_left is not None:
                self._none_left.open()
                self._none_left = None

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until no run is left or `seconds` have passed; whether none is left. For one thread at a time."""
        with self._lock:
            if not self:
                return True
            none_left = self._none_left = Gate()
        return none_left.wait(seconds)


def _stands_for_elements(upstream: Future[Any], parameters: dict[str, Any]) -> bool:
    """Whether a future is itself an argument of `map`, so that its result is what is mapped over."""
    return any(value is upstream for value in parameters.values())


def current_runner(task: Task[..., Any]) -> TaskRunner[Any]:
    """The runner of the flow run that is executing.

    Raises:
        MissingContextError: There is none: `task` was submitted outside a flow.
    """
    from headrace.engine.context import flow_run_var

    context = flow_run_var.get()
    if context is None:
        raise MissingContextError(
            f"Unable to determine task runner to use for submission: task {task.name!r} was submitted outside a flow. "
            "Submit it inside a flow, or call it directly."
        )
    return context.task_runner


def when_ended(upstream: Sequence[Any], ready: Callable[[], None]) -> None:
    """Call `ready` once, when every future in `upstream` has ended; at once if all have.

    No thread waits for that: the last future to complete calls.
    """
    futures = [item for item in upstream if not isinstance(item, State) and not item.done()]
    if not futures:
        ready()
        return
    left = len(futures)
    lock = threading.Lock()

    def one_ended(_: Any) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            ready()

    for future in futures:
        future.add_done_callback(one_ended)
