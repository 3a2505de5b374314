"""The life of a task run: decided here, recorded as it goes.

This is the hot path of the whole program (budget: 40 us for a no-op task, start to end). So there is one object per
run, one list append per transition, and nothing here encodes, formats or looks up what the recorder's thread could.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from logging import ERROR, INFO
from typing import TYPE_CHECKING, Any

from headrace.core.backoff import retry_delay
from headrace.core.ids import dynamic_key, uuid7
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.engine import cache, inputs, returned
from headrace.engine.context import TaskRunContext, flow_run_around, flow_run_var, tags_var, task_run_var
from headrace.engine.hooks import call_hooks
from headrace.engine.lifecycle import Lifecycle, Outcome, elapsed
from headrace.engine.outcomes import crashed_state, failed_state, is_crash, shown, timed_out_state
from headrace.engine.ports import Port
from headrace.engine.session import current_session
from headrace.engine.timeouts import Deadline
from headrace.exceptions import UpstreamTaskError
from headrace.logging.engine_lines import log_task_run, logs_runs
from headrace.logging.lines import UNKNOWN
from headrace.logging.loggers import task_run_logger
from headrace.logging.prints import capture_prints, release_prints
from headrace.results import ResultRecord, get_result_store
from headrace.results.persistence import persists_task
from headrace.schema.runs import RunInput, TaskRun, TaskRunResult
from headrace.schema.states import State, StateDetails
from headrace.schema.transitions import TaskTransition

if TYPE_CHECKING:
    from headrace.engine.cache import CacheEntry
    from headrace.engine.recorder import Recorder
    from headrace.tasks import Task

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)


class TaskRunEngine(Lifecycle):
    """One task run. Creating it records the run as Pending; `execute` does the rest.

    Args:
        task: The task.
        parameters: Its arguments by name; futures and states among them are waited for and replaced.
        port: How to touch the world.
        wait_for: Futures and states to wait for without passing them on.
        dependencies: Inputs that a runner knows of already, by parameter name.
    """

    __slots__ = (
        "details",
        "end",
        "entry",
        "flow",
        "parameters",
        "persist",
        "recorder",
        "run",
        "step",
        "task",
        "upstream",
        "wait_for",
    )

    def __init__(
        self,
        task: Task[..., Any],
        parameters: dict[str, Any],
        port: Port,
        wait_for: Any = None,
        dependencies: dict[str, list[RunInput]] | None = None,
    ) -> None:
        flow = flow_run_around(task)
        parent = task_run_var.get()
        self.task, self.parameters, self.port, self.flow, self.wait_for = (
            task,
            parameters,
            port,
            flow,
            wait_for,
        )
        self.error = self.deadline = None
        # Whoever empties it ends the run: its own thread, or the one that leaves it behind.
        self.end = [True]
        self.step: TaskTransition | None = None
        self.result = returned.RAISE
        self.recorder: Recorder = flow.recorder if flow is not None else current_session().recorder
        self.persist = persists_task(task, parent or flow)
        self.entry: CacheEntry | None = None
        self.upstream = inputs.collect_upstream(parameters)
        if wait_for is not None:
            self.upstream = [*self.upstream, *inputs.collect_upstream(wait_for)]
        run_id = uuid7()
        key = dynamic_key()
        flow_run = flow.flow_run if flow is not None else None
        flow_run_id = flow_run.id if flow_run is not None else None
        self.details = StateDetails(flow_run_id=flow_run_id, task_run_id=run_id)
        pending: State[Any] = State(type=PENDING, name="Pending", state_details=self.details)
        task_inputs = inputs.task_inputs(parameters, flow.links if flow is not None else None, wait_for)
        if dependencies:
            task_inputs |= dependencies
        if parent is not None:
            task_inputs["__parents__"] = [TaskRunResult(id=parent.task_run.id)]
        tags = tags_var.get()
        self.run = TaskRun(
            id=run_id,
            name=f"{task.name}-{key[:3]}" if flow is not None else task.name,
            task_key=task.task_key,
            dynamic_key=key,
            flow_run_id=flow_run_id,
            flow_run_run_count=flow_run.run_count if flow_run is not None else 0,
            task_version=task.version,
            empirical_policy=task.policy,
            tags=sorted(task.tags | tags) if tags else task.sorted_tags,
            task_inputs=task_inputs,
            expected_start_time=pending.timestamp,
        )
        if flow is not None:
            flow.unfinished[id(self)] = self
        self._enter(pending)

    @classmethod
    def resume(
        cls, task: Task[..., Any], run: TaskRun, parameters: dict[str, Any], port: Port
    ) -> TaskRunEngine:
        """Continue, in another process, a run that is recorded as Pending and whose inputs are ready."""
        engine = cls.__new__(cls)
        flow = flow_run_var.get()
        engine.task, engine.run, engine.parameters, engine.port, engine.flow = (
            task,
            run,
            parameters,
            port,
            flow,
        )
        engine.wait_for, engine.upstream = None, []
        engine.error = engine.deadline = engine.entry = None
        engine.end = [True]
        engine.step = None
        engine.result = returned.RAISE
        engine.recorder = current_session().recorder
        engine.persist = persists_task(task, flow)
        engine.details = StateDetails(flow_run_id=run.flow_run_id, task_run_id=run.id)
        engine.state = run.state
        return engine

    def take_over(self, packed: bytes) -> None:
        """Take the run as another process ended it; it is recorded already."""
        import pickle

        ended = pickle.loads(packed)
        run = self.run
        for field in run.__struct_fields__:
            setattr(run, field, getattr(ended, field))
        self.state = run.state
        if self.flow is not None and self.state.type is COMPLETED:
            self.flow.links.remember(self.state.data.result, run.id)

    def take_over_recorded(self) -> None:
        """Take the state that another process last recorded before it died."""
        session = current_session()
        session.recorder.drain().result()
        last = session.orchestrator.read_task_run_state(self.run.id).result()
        if last is not None:
            self.run.state = self.state = last

    @property
    def logger(self) -> Any:
        """The run's logger, made when something is logged."""
        flow = self.flow
        names = (flow.flow_run, flow.flow) if flow is not None else (None, None)
        logger = task_run_logger(self.run, self.task, *names)
        logger.recorder = self.recorder
        return logger

    def deliver(self, return_state: bool) -> Any:
        """What the caller gets: the state, or the result, or the exception that ended the run."""
        if self.error is not None and (not return_state or is_crash(self.error)):
            raise self.error
        if return_state:
            return self.state
        return self.state.result() if self.result is returned.RAISE else self.result

    async def refuse(self, error: Exception) -> None:
        """End a run that cannot be executed where it should."""
        await self.start()
        await self._failed(error, retry=False)
        await self.conclude()

    def cancel(self) -> None:
        """End a run that has not started."""
        message = "The run was cancelled before it started, because its flow ended."
        self._enter(self._detailed(State(type=StateType.CANCELLED, name="Cancelled", message=message)))

    def crash(self, error: BaseException) -> None:
        """End the run because of what it runs on."""
        self.error = error
        if self.state.type not in TERMINAL_STATES:
            state = self._detailed(crashed_state(error))
            if self._enter(state):
                self.logger.error("Crash detected! %s", state.message)

    async def abandon(self, error: BaseException) -> None:
        self.crash(error)

    def leave_flow(self) -> None:
        """Nothing is left to do for the flow, should it crash: the run has ended, or is another process's to end."""
        if self.flow is not None:
            self.flow.unfinished.pop(id(self), None)

    def end_with_flow(self, error: BaseException) -> None:
        """End the run because its flow crashes, wherever an interrupt has left it: maybe between two steps.

        What it entered last may not have been recorded then; recording it twice does nothing.
        """
        if self.step is not None:
            self.recorder.append(self.step)
            self.crash(error)

    # --- The steps -------------------------------------------------------------------------------------------------

    async def prepare(self) -> bool:
        if self.upstream:
            if not await self._inputs_ready():
                return False
        else:
            self.parameters = inputs.resolve(self.parameters)  # Takes values out of `quote` and the like.
        if self.task.task_run_name:
            try:
                self.run.name = self._name()
            except Exception as error:
                await self._failed(error, retry=False)
                await self.conclude()
                return False
        return True

    async def start(self) -> None:
        name = "Running" if self.run.run_count == 0 else "Retrying"
        self._enter(State(type=RUNNING, name=name, state_details=self.details))
        if self.task.on_running_hooks:
            await self._call_hooks(self.task.on_running_hooks)

    async def attempt(self) -> Outcome:
        if self.persist and self.entry is None:
            found = await self._look_up()
            if found is not None:
                return found
        return await super().attempt()

    def enter(self) -> Any:
        context = TaskRunContext()
        context.engine = self
        context.task = self.task
        context.task_run = self.run
        context.parameters = self.parameters
        context.start_time = self.state.timestamp
        context.persist_result = self.persist
        context.log_prints = self.task.logs_prints(self.flow)
        if context.log_prints:
            capture_prints()
        return context, task_run_var.set(context)

    @property
    def isgenerator(self) -> bool:
        return self.task.isgenerator

    def leave(self, entered: Any) -> None:
        context, token = entered
        task_run_var.reset(token)
        if context.log_prints:
            release_prints()

    def arguments(self) -> tuple[Callable[..., Any], Any, Any, Deadline | None]:
        task = self.task
        args, kwargs = task.binder.call_arguments(self.parameters)
        self.deadline = Deadline(task.timeout_seconds) if task.timeout_seconds else None
        return task.fn, args, kwargs, self.deadline

    async def settle(self, outcome: Outcome) -> bool:
        if not self.end:  # Left behind.
            return True
        error = outcome.error
        if error is None:
            await self._completed(outcome.value)
        elif is_crash(error):
            self.crash(error)
        elif not await self._failed(error):
            return False
        if self.entry is not None:
            await cache.release(self.entry, self.port)
        return True

    async def conclude(self) -> None:
        task, state = self.task, self.state
        if state.type is COMPLETED:
            hooks, level = task.on_completion_hooks, INFO
        else:
            hooks, level = task.on_failure_hooks if state.type is FAILED else [], ERROR
        if hooks:
            await self._call_hooks(hooks)
        self._log_end(level)

    # --- What the steps consist of ---------------------------------------------------------------------------------

    def _enter(self, state: State[Any]) -> bool:
        """Move the run to `state` and record the transition; False when another thread has ended the run."""
        ends = state.type in TERMINAL_STATES
        if not self.end:
            return False
        run, previous = self.run, self.run.state
        count, started, ended, seconds = run.run_count, run.start_time, run.end_time, run.total_run_time
        follows = None
        if previous is not None:
            follows = previous.id
            if state.timestamp <= previous.timestamp:  # The wall clock was set back: order matters more.
                state.timestamp = previous.timestamp + timedelta.resolution
            if previous.type is RUNNING:
                seconds += elapsed(previous.timestamp, state.timestamp)
        if state.type is RUNNING:
            count += 1
            if started is None:
                started = state.timestamp
        elif ends:
            ended = state.timestamp
        step = TaskTransition(run, state, follows, count, started, ended, seconds)
        # Nothing is called from here to the append: an interrupt finds the run before the step or after it.
        if ends:
            try:
                del self.end[0]
            except IndexError:  # In this very moment.
                return False
        run.run_count, run.start_time, run.end_time, run.total_run_time = count, started, ended, seconds
        run.state = self.state = state
        run.state_id, run.state_type, run.state_name = state.id, state.type, state.name
        self.step = step
        self.recorder.append(step)
        if ends:
            self.leave_flow()
        return True

    def _log_end(self, level: int) -> None:
        if logs_runs(level):
            flow = self.flow
            log_task_run(
                self.run,
                level,
                f"Finished in state {self.state}",
                self.recorder,
                task_name=self.task.name,
                flow_run_name=flow.flow_run.name if flow is not None else UNKNOWN,
                flow_name=flow.flow.name if flow is not None else UNKNOWN,
            )

    def _detailed(self, state: State[Any]) -> State[Any]:
        details = state.state_details
        details.flow_run_id, details.task_run_id = self.details.flow_run_id, self.details.task_run_id
        return state

    async def _inputs_ready(self) -> bool:
        """Wait for what the run depends on and put the results in its parameters."""
        for upstream in self.upstream:
            if not isinstance(upstream, State):
                await self.port.wait_for_run(upstream)
        try:
            if self.wait_for is not None:
                inputs.resolve(self.wait_for)
            self.parameters = inputs.resolve(self.parameters)
        except UpstreamTaskError as problem:
            self._enter(self._detailed(State(type=PENDING, name="NotReady", message=str(problem))))
            self.leave_flow()
            self.result = None
            self._log_end(ERROR)
            return False
        self.upstream = []
        return True

    def _name(self) -> str:
        entered = self.enter()
        try:
            return self.task.name_of_run(self.parameters)
        finally:
            self.leave(entered)

    async def _look_up(self) -> Outcome | None:
        """Find out under which key the result is kept, and whether it is."""
        context, _ = entered = self.enter()
        try:
            store = get_result_store().update_for_task(self.task)
            logger = self.logger
            self.entry = cache.open_entry(self.task, context, store, logger)
            record = await cache.lookup(self.entry, self.port, logger)
        except Exception as error:
            return Outcome(error=error)
        finally:
            self.leave(entered)
        return None if record is None else Outcome(record)

    async def _completed(self, value: Any) -> None:
        if isinstance(value, ResultRecord):  # Found in the cache.
            self.result = value.result
            state: State[Any] = State(type=COMPLETED, name="Cached", data=value, state_details=self.details)
        elif returned.is_plain(value):
            self.result = value
            data = ResultRecord(value) if self.entry is None else await self._keep(value)
            state = State(type=COMPLETED, name="Completed", data=data, state_details=self.details)
        else:
            state, self.result = await returned.judge(value, self.port)
            self._detailed(state)
            if self.entry is not None:
                keep = self._keep if state.type is COMPLETED else self._keep_uncached
                state.data = await keep(state.data.result)
        if self.flow is not None:
            self.flow.links.remember(self.result, self.run.id)
        self._enter(state)

    async def _keep(self, value: Any) -> Any:
        assert self.entry is not None
        return await cache.keep(self.entry, self.port, value, self.logger)

    async def _keep_uncached(self, value: Any) -> Any:
        assert self.entry is not None
        return await cache.keep_uncached(self.entry, self.port, value, self.logger)

    async def _failed(self, error: BaseException, retry: bool = True) -> bool:
        """Enter Failed, TimedOut, or Retrying by way of AwaitingRetry; whether the run has ended."""
        own_timeout = self.deadline is not None and self.deadline.caused(error)
        if isinstance(error, TimeoutError):
            state = timed_out_state(error, "Task", self.task.timeout_seconds if own_timeout else None)
        else:
            state = failed_state(error, "Task run encountered an exception")
        self._detailed(state)
        task, attempts = self.task, self.run.run_count
        if retry and attempts <= task.retries and await self._may_retry(state):
            await self._await_retry(error, attempts)
            return False
        self.error = error
        suffix = " - Retries are exhausted" if task.retries and attempts > task.retries else ""
        self.logger.error("Task run failed with exception: %s%s", shown(error), suffix, exc_info=error)
        if own_timeout:
            self.logger.error("%s", state.message)
        if self.entry is not None:
            state.data = await self._keep_uncached(error)
        self._enter(state)
        return True

    async def _may_retry(self, state: State[Any]) -> bool:
        condition = self.task.retry_condition_fn
        if condition is None:
            return True
        try:
            return bool(await self.port.call_any(condition, self.task, self.run, state))
        except Exception:
            name = getattr(condition, "__name__", repr(condition))
            self.logger.error(
                "An error was encountered while running `retry_condition_fn` check %r for task %r",
                name,
                self.task.name,
                exc_info=True,
            )
            return False

    async def _await_retry(self, error: BaseException, attempt: int) -> None:
        task = self.task
        seconds = retry_delay(task.retry_delays, attempt, task.retry_jitter_factor)
        when = f"{seconds:g} second(s) from now" if seconds else "immediately"
        self.logger.info(
            "Task run failed with exception: %s - Retry %s/%s will start %s",
            shown(error),
            attempt,
            task.retries,
            when,
        )
        if not seconds:
            return
        state = self._detailed(State(type=StateType.SCHEDULED, name="AwaitingRetry"))
        state.state_details.scheduled_time = state.timestamp + timedelta(seconds=seconds)
        self._enter(state)
        await self.port.sleep(seconds)

    async def _call_hooks(self, hooks: Sequence[Callable[..., Any]]) -> None:
        entered = self.enter()
        try:
            await call_hooks(self.port, hooks, self.task, self.run, self.state, self.logger)
        finally:
            self.leave(entered)
