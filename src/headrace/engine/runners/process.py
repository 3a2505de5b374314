"""The process runner: submitted tasks run in processes of their own, started fresh (`spawn`).

A run and its arguments travel as one cloudpickle; the child opens the same store, records what the run does, has it
committed, and sends the final state back. Each process is a pool of its own that gets one run at a time, so a child that
dies takes only its own run with it: that is recorded as Crashed here, and the next run gets a new process.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, Self

from headrace.engine.futures import TaskRunFuture
from headrace.engine.inline import run_inline
from headrace.engine.outcomes import describe
from headrace.engine.ports import SYNC
from headrace.engine.runners import remote
from headrace.engine.runners.base import TaskRunner, Unfinished, when_ended
from headrace.engine.task_run import TaskRunEngine
from headrace.exceptions import CrashedRun
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.schema.runs import RunInput
    from headrace.tasks import Task


class ProcessPoolTaskRunner(TaskRunner[TaskRunFuture[Any]]):
    """Runs submitted tasks in processes.

    Args:
        max_workers: How many processes; one per processor when None (or the setting
            `tasks.runner.process_pool_max_workers`).
        subprocess_message_processor_factories: Accepted for compatibility; Headrace's children need none.
        initializer: Called in each process before its first run.
        initargs: Arguments of the initializer.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        subprocess_message_processor_factories: Any = None,
        initializer: Callable[..., None] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is not None and (isinstance(max_workers, bool) or not isinstance(max_workers, int)):
            raise TypeError(
                f"max_workers must be a whole number; got {type(max_workers).__name__}: {max_workers!r}."
            )
        if max_workers is not None and max_workers < 1:
            raise ValueError(f"max_workers must be at least 1; got {max_workers}.")
        self.max_workers = max_workers
        self.subprocess_message_processor_factories = subprocess_message_processor_factories
        self._initializer, self._initargs = initializer, initargs
        self._initializer_parcel: bytes | None = None
        self._limit = (
            max_workers or get_current_settings().tasks.runner.process_pool_max_workers or os.cpu_count() or 1
        )
        self._idle: list[ProcessPoolExecutor] = []
        self._busy: set[ProcessPoolExecutor] = set()
        self._ready: deque[tuple[TaskRunEngine, TaskRunFuture[Any]]] = deque()
        self._open = False
        self._lock = threading.Lock()
        self._unfinished: Unfinished[TaskRunFuture[Any]] = Unfinished()
        self._waiting: dict[TaskRunFuture[Any], TaskRunEngine] = {}

    def duplicate(self) -> Self:
        return type(self)(
            self.max_workers, self.subprocess_message_processor_factories, self._initializer, self._initargs
        )

    def submit(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        wait_for: Any = None,
        dependencies: dict[str, list[RunInput]] | None = None,
    ) -> TaskRunFuture[Any]:
        if not self._open:
            raise RuntimeError(
                "Task runner is not started: use it as a context manager, or as the task_runner of a flow."
            )
        engine = TaskRunEngine(task, parameters, SYNC, wait_for, dependencies)
        future: TaskRunFuture[Any] = TaskRunFuture(engine.run)
        self._unfinished.add(future)
        with self._lock:
            self._waiting[future] = engine
        when_ended(engine.upstream, lambda: self._dispatch(engine, future))
        return future

    def __enter__(self) -> Self:
        self._open = True
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProcessPoolTaskRunner) and self.max_workers == other.max_workers

    __hash__ = object.__hash__

    def cancel_all(self) -> None:
        """Cancel the runs that have not started and stop the processes of the others."""
        self._cancel_waiting()
        with self._lock:
            busy = list(self._busy)
        for worker in busy:
            for process in list((worker._processes or {}).values()):
                process.terminate()

    def __exit__(self, *exc_info: Any) -> None:
        """Wait for every run; after an error cancel those that have not started, after a crash stop the others."""
        error = exc_info[1]
        if error is not None and not isinstance(error, Exception):
            self.cancel_all()
        elif error is not None:
            self._cancel_waiting()
        self._unfinished.wait()
        with self._lock:
            idle, self._idle, self._open = self._idle, [], False
        for worker in idle:
            worker.shutdown(wait=False)

    def _cancel_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future, engine in waiting.items():
            engine.cancel()
            self._complete(engine, future)

    def _dispatch(self, engine: TaskRunEngine, future: TaskRunFuture[Any]) -> None:
        """Take a run whose inputs are ready."""
        with self._lock:
            self._ready.append((engine, future))
        self._hand_out()

    def _hand_out(self) -> None:
        """Send runs to processes for as long as there are both."""
        while True:
            with self._lock:
                if not self._ready or not (self._idle or len(self._busy) < self._limit):
                    return
                engine, future = self._ready.popleft()
                if self._waiting.pop(future, None) is None:
                    continue
                worker = self._idle.pop() if self._idle else _new_worker()
                self._busy.add(worker)
            if not self._send(engine, future, worker):
                self._release(worker)

    def _send(self, engine: TaskRunEngine, future: TaskRunFuture[Any], worker: ProcessPoolExecutor) -> bool:
        """Send a run to a process; False when it ended here because it cannot be sent."""
        try:
            if not run_inline(engine.prepare()):
                self._complete(engine, future)
                return False
            sent = worker.submit(remote.execute, remote.pack(engine), self._packed_initializer())
        except Exception as error:
            run_inline(engine.refuse(error))
            self._complete(engine, future)
            return False
        engine.leave_flow()
        sent.add_done_callback(lambda done: self._receive(engine, future, worker, done))
        return True

    def _receive(
        self,
        engine: TaskRunEngine,
        future: TaskRunFuture[Any],
        worker: ProcessPoolExecutor,
        done: Future[bytes],
    ) -> None:
        error = done.exception()
        died = isinstance(error, BrokenProcessPool)
        if error is None:
            engine.take_over(done.result())
        else:
            engine.take_over_recorded()
            what = "The process that ran it ended unexpectedly" if died else "Its process could not run it"
            engine.crash(CrashedRun(f"{what}: {error if died else describe(error)}"))
        self._release(worker, broken=died)
        self._complete(engine, future)
        self._hand_out()

    def _release(self, worker: ProcessPoolExecutor, broken: bool = False) -> None:
        with self._lock:
            self._busy.discard(worker)
            if not broken:
                self._idle.append(worker)

    def _complete(self, engine: TaskRunEngine, future: TaskRunFuture[Any]) -> None:
        future.complete(engine.state)
        self._unfinished.discard(future)

    def _packed_initializer(self) -> bytes | None:
        if self._initializer is not None and self._initializer_parcel is None:
            self._initializer_parcel = remote.pack_initializer(self._initializer, self._initargs)
        return self._initializer_parcel


def _new_worker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
