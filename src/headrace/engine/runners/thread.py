"""The thread runner: submitted tasks run in threads, as many at once as `max_workers` allows.

A run is handed to a thread when all that it depends on has ended; until then it occupies none. Threads are started
as the runs need them (`runners.growth`), and are reused, the most recently used first. A thread that blocks on
another run (`futures.blocking`) does not count against `max_workers` while it does, so runs that wait for runs cannot
use up the workers and starve each other. Async tasks run on the process's background event loop; they count likewise.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, Self

from headrace.engine.futures import TaskRunFuture, blocking
from headrace.engine.inline import run_inline
from headrace.engine.interrupts import interrupt_work, lock, withdraw_interrupt
from headrace.engine.ports import ASYNC, SYNC
from headrace.engine.runners.base import TaskRunner, Unfinished, when_ended
from headrace.engine.runners.growth import PROMPT, Grower
from headrace.engine.task_run import TaskRunEngine
from headrace.engine.timeouts import DeadlineExpired
from headrace.exceptions import CancelRun
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.schema.runs import RunInput
    from headrace.tasks import Task

GRACE_SECONDS = 5.0
"""How long runs that are interrupted get to end before their threads are abandoned."""

LATE_GRACE_SECONDS = 0.2
"""The same when the timeout of their flow has expired: it is to end at its deadline."""


class ThreadPoolTaskRunner(TaskRunner[TaskRunFuture[Any]]):
    """Runs submitted tasks in threads.

    Args:
        max_workers: How many runs execute at once; as many as there are when None (or the setting
            `tasks.runner.thread_pool_max_workers`).
    """

    def __init__(self, max_workers: int | None = None) -> None:
        if max_workers is not None and (isinstance(max_workers, bool) or not isinstance(max_workers, int)):
            raise TypeError(
                f"max_workers must be a whole number; got {type(max_workers).__name__}: {max_workers!r}."
            )
        if max_workers is not None and max_workers < 1:
            raise ValueError(f"max_workers must be at least 1; got {max_workers}.")
        self.max_workers = max_workers
        self._limit = (
            max_workers or get_current_settings().tasks.runner.thread_pool_max_workers or sys.maxsize
        )
        self._lock = threading.Lock()
        self._ready: deque[_Job] = deque()
        self._unfinished: Unfinished[_Job] = Unfinished()
        self._waiting: list[_Worker] = []
        self._running = 0
        self._begun = self._begun_before = 0
        self._grower = Grower(self._lock, self._grow)
        self._open = False
        self._cancelled = False

    def duplicate(self) -> Self:
        return type(self)(self.max_workers)

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
        engine = TaskRunEngine(task, parameters, ASYNC if task.isasync else SYNC, wait_for, dependencies)
        job = _Job(engine, TaskRunFuture(engine.run), copy_context(), self)
        self._unfinished.add(job)
        if engine.upstream:
            when_ended(engine.upstream, job.ready)
        else:
            job.ready()
        return job.future

    def __enter__(self) -> Self:
        self._open = True
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ThreadPoolTaskRunner) and self.max_workers == other.max_workers

    __hash__ = object.__hash__

    def cancel_all(self) -> None:
        """Cancel the runs that have not started and interrupt those that have."""
        self._cancel_waiting()
        for job in list(self._unfinished):
            job.interrupt()

    def __exit__(self, *exc_info: Any) -> None:
        """Wait for every run; after an error cancel those that have not started, after a crash interrupt the rest."""
        error = exc_info[1]
        try:
            if error is not None:
                self._cancel_waiting()
            if error is None or isinstance(error, Exception):
                self._wait_for_all(None)
            else:
                self.cancel_all()
                self._wait_for_all(
                    LATE_GRACE_SECONDS if isinstance(error, DeadlineExpired) else GRACE_SECONDS
                )
        finally:
            self._open = False
            self._abandon_all()

    # --- Scheduling ------------------------------------------------------------------------------------------------

    def dispatch(self, job: _Job) -> None:
        """Take a run whose inputs are ready."""
        with self._lock:
            if not self._cancelled:
                self._ready.append(job)
                self._hand_out(0)
                return
        job.cancel()

    def _hand_out(self, more: int) -> None:
        """Let so many more runs begin than are running; the lock is held."""
        upto = min(max(PROMPT, self._running + more), self._limit)
        while self._ready and self._running < upto:
            job = self._ready.popleft()
            self._running += 1
            self._begun += 1
            if job.isasync:
                job.start_on_loop()
            elif self._waiting:
                self._waiting.pop().take(job)
            elif not _Worker(self, job).start():
                self._ready.appendleft(job)
                self._running -= 1
                break
        if self._ready and self._running < self._limit:
            self._grower.wake()

    def _grow(self, since: float, blocked: bool) -> bool:
        """Let more runs begin; whether some still wait for a worker that there may be."""
        if self._ready and not self._ready[0].engine.recorder.held_back_since(since):
            stuck = self._begun == self._begun_before
            self._hand_out(self._running if blocked else int(stuck))
        self._begun_before = self._begun
        return bool(self._ready) and self._running < self._limit

    def ended(self, job: _Job, worker: _Worker | None) -> None:
        """A run has ended; its worker is free for the next."""
        with self._lock:
            self._running -= 1
            if worker is not None:
                self._waiting.append(worker)
            self._hand_out(1)
        self._unfinished.discard(job)

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """While a worker's thread blocks on another run, let another worker take its place."""
        with self._lock:
            self._running -= 1
            self._hand_out(1)
        try:
            yield
        finally:
            with self._lock:
                self._running += 1

    # --- The end ---------------------------------------------------------------------------------------------------

    def _cancel_waiting(self) -> None:
        with self._lock:
            self._cancelled = True
            waiting, self._ready = list(self._ready), deque()
        for job in waiting:
            job.cancel()

    def forget(self, job: _Job) -> None:
        """A run ended without having started."""
        self._unfinished.discard(job)

    def _wait_for_all(self, seconds: float | None) -> None:
        with blocking.get()():
            self._unfinished.wait(seconds)

    def _abandon_all(self) -> None:
        with self._lock:
            workers, self._waiting = self._waiting, []
            self._cancelled = True
            self._grower.close()
        for job in list(self._unfinished):
            job.abandon()
        for worker in workers:
            worker.take(None)


class _Job:
    """A submitted run on its way through the runner."""

    __slots__ = ("_context", "_lock", "_runner", "_started", "_task", "engine", "future", "thread_id")

    def __init__(
        self,
        engine: TaskRunEngine,
        future: TaskRunFuture[Any],
        context: Context,
        runner: ThreadPoolTaskRunner,
    ) -> None:
        self.engine, self.future, self._context, self._runner = engine, future, context, runner
        self.thread_id: int | None = None
        self._task: Any = None
        self._started = False
        self._lock = threading.Lock()

    @property
    def isasync(self) -> bool:
        return self.engine.port.isasync

    def ready(self) -> None:
        self._runner.dispatch(self)

    def run(self, worker: _Worker) -> None:
        """Run to the end in this thread."""
        if self._begin():
            self.thread_id = threading.get_ident()
            try:
                try:
                    self._context.run(self._execute)
                finally:
                    self._leave_thread()
            except CancelRun as late:  # It appeared where the engine works, or at the very end.
                self._leave_thread()
                self.engine.crash(late)
        self.future.complete(self.engine.state)
        self._runner.ended(self, worker)

    def _leave_thread(self) -> None:
        with lock:
            withdraw_interrupt()
            self.thread_id = None

    def _execute(self) -> None:
        blocking.set(self._runner.blocked)
        run_inline(self.engine.execute())

    def start_on_loop(self) -> None:
        """Run to the end on the background loop."""
        from headrace.engine import loops

        self._begin()
        loops.spawn(loops.background_loop(), self._aexecute, self._context)

    async def _aexecute(self) -> None:
        import asyncio

        self._task = asyncio.current_task()
        try:
            await self.engine.execute()
        finally:
            self.future.complete(self.engine.state)
            self._runner.ended(self, None)

    def _begin(self) -> bool:
        with self._lock:
            begun, self._started = self._started, True
        return not begun

    def interrupt(self) -> None:
        """Stop the run: raise `CancelRun` where its code is, or cancel it before it starts."""
        if not self._started:
            self.cancel()
        elif self._task is not None:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
        else:
            interrupt_work(self, CancelRun)

    def cancel(self) -> None:
        """End a run that has not started."""
        if self._begin():
            self.engine.cancel()
            self.future.complete(self.engine.state)
            self._runner.forget(self)

    def abandon(self) -> None:
        """End a run whose thread does not come back; what it does later is dropped."""
        if not self.future.done():
            self.engine.crash(CancelRun("The run did not stop when its flow was interrupted."))
            self.future.complete(self.engine.state)


class _Worker:
    """A thread that runs one job after the other. A daemon: it must not keep a process alive that wants to end."""

    def __init__(self, runner: ThreadPoolTaskRunner, job: _Job) -> None:
        self._runner = runner
        self._job: _Job | None = job
        self._given = threading.Lock()
        self._given.acquire()

    def start(self) -> bool:
        """Begin; False when the system has no thread to spare: then the run waits for the next worker that is free."""
        try:
            threading.Thread(target=self._work, name="headrace-worker", daemon=True).start()
        except RuntimeError:
            return False
        return True

    def take(self, job: _Job | None) -> None:
        """The next job; None sends the thread home."""
        self._job = job
        self._given.release()

    def _work(self) -> None:
        while self._job is not None:
            job, self._job = self._job, None
            job.run(self)
            del job
            self._given.acquire()
