"""The life of a flow run: every transition is proposed to orchestration and committed before the flow goes on.

When the flow's function has returned, what it submitted is waited for, all that its tasks recorded is committed, and
only then is the final state proposed: a flow that is Completed is visible as a whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from datetime import datetime
from logging import ERROR, INFO
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakSet

from headrace.core.ids import uuid7
from headrace.core.names import generate_name
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.engine import inputs, returned
from headrace.engine.addresses import ui_link
from headrace.engine.cache import keep_flow_result
from headrace.engine.context import FlowRunContext, flow_run_around, flow_run_var, tags_var, task_run_var
from headrace.engine.hooks import call_hooks
from headrace.engine.lifecycle import Lifecycle, Outcome
from headrace.engine.links import ResultLinks
from headrace.engine.outcomes import (
    crashed_state,
    failed_state,
    is_crash,
    is_hand_made,
    shown,
    timed_out_state,
)
from headrace.engine.ports import Port
from headrace.engine.recordable import recordable
from headrace.engine.session import current_session
from headrace.engine.timeouts import Deadline
from headrace.exceptions import Abort, HeadraceException, ParameterTypeError, UpstreamTaskError
from headrace.logging.configuration import ensure_logging_setup
from headrace.logging.loggers import flow_run_logger
from headrace.logging.prints import capture_prints, release_prints
from headrace.results import ResultRecord, get_result_store
from headrace.schema.base import now
from headrace.schema.orchestration import OrchestrationStatus
from headrace.schema.runs import FlowRun, FlowRunPolicy, RunInput, TaskRun
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.flows import Flow

CANCELLED = "The run was to be cancelled, and its code has ended."
"""What a run's last state says when it was cancelled from outside."""

NO_FLOW = UUID(int=0)
"""Stands for the flow's id until orchestration has filled it in."""


class FlowRunEngine(Lifecycle):
    """One flow run.

    Args:
        flow: The flow.
        parameters: Its arguments by name; futures and states among them are waited for and replaced.
        port: How to touch the world.
        wait_for: Futures and states to wait for without passing them on.
    """

    __slots__ = (
        "context",
        "flow",
        "inputs",
        "logger",
        "parameters",
        "parent",
        "recorder",
        "run",
        "session",
        "wait_for",
    )

    def __init__(
        self, flow: Flow[..., Any], parameters: dict[str, Any], port: Port, wait_for: Any = None
    ) -> None:
        self.flow, self.parameters, self.port, self.wait_for = flow, parameters, port, wait_for
        self.error = self.deadline = None
        self.state = None
        self.inputs: dict[str, list[RunInput]] = {}
        self.result = returned.RAISE
        self.parent = flow_run_around(flow)
        ensure_logging_setup()
        self.session = current_session()
        self.recorder = self.session.recorder

    def deliver(self, return_state: bool) -> Any:
        """What the caller gets: the state, or the result, or the exception that ended the run."""
        if self.error is not None and (not return_state or is_crash(self.error)):
            raise self.error
        if return_state:
            return self.state
        return self.state.result() if self.result is returned.RAISE else self.result

    async def abandon(self, error: BaseException) -> None:
        """Interrupted between two steps: record that the run ended there."""
        if self.state is not None and self.state.type not in TERMINAL_STATES:
            try:
                self._end_task_runs(error)
                await self.port.wait(self.recorder.drain())
                await self._propose(crashed_state(error))
            except (Abort, HeadraceException, OSError) as problem:
                self.logger.error("It could not be recorded that the run ended here: %s", shown(problem))

    # --- The steps -------------------------------------------------------------------------------------------------

    async def prepare(self) -> bool:
        not_ready = await self._resolve_inputs()
        given = self.parameters
        pending: State[Any] = not_ready or State(type=StateType.PENDING, name="Pending")
        self.run = FlowRun(
            id=uuid7(),
            flow_id=NO_FLOW,
            name=generate_name(),
            flow_version=self.flow.version,
            parameters=recordable(given),
            empirical_policy=FlowRunPolicy(
                retries=self.flow.retries, retry_delay=self.flow.retry_delay_seconds
            ),
            tags=sorted(tags_var.get()),
            expected_start_time=pending.timestamp,
            state=pending,
        )
        self.context = self._context()
        refused = None if not_ready is not None else self._refusal(given)
        self.run = await self._create(pending)
        self.context.flow_run = self.run
        self.state = pending
        self.logger = flow_run_logger(self.run, self.flow)
        self.logger.recorder = self.recorder
        if not_ready is None and refused is None:
            return True
        if refused is not None:
            await self._propose(refused)
        await self.conclude()
        return False

    def _refusal(self, given: dict[str, Any]) -> State[Any] | None:
        """Validate the parameters and name the run; the state that the run gets when that fails."""
        try:
            self.parameters = self.context.parameters = self.flow.validate_parameters(given)
        except ParameterTypeError as error:
            self.error = error
            return failed_state(error, "Validation of flow parameters failed with error:")
        try:
            if self.flow.flow_run_name:
                self.run.name = self._name()
        except Exception as error:
            self.error = error
            return failed_state(error, "Flow run encountered an exception:")
        return None

    async def start(self) -> None:
        self.logger.info(
            "Beginning %s run %r for flow %r",
            "flow" if self.parent is None else "subflow",
            self.run.name,
            self.flow.name,
        )
        if link := ui_link("flow-run", str(self.run.id)):
            self.logger.info("View at %s", link, extra={"send_to_api": False})
        await self._propose(State(type=StateType.RUNNING, name="Running"))
        self.context.start_time = self.state.timestamp
        self.context.ended = False
        self.context.task_runner = self.flow.task_runner.duplicate()
        self.context.task_runner.__enter__()
        if self.flow.on_running_hooks:
            await self._call_hooks(self.flow.on_running_hooks)

    def enter(self) -> Any:
        if self.context.log_prints:
            capture_prints()
        return flow_run_var.set(self.context), task_run_var.set(None)

    @property
    def isgenerator(self) -> bool:
        return self.flow.isgenerator

    def leave(self, entered: Any) -> None:
        if self.context.log_prints:
            release_prints()
        in_flow, in_task = entered
        task_run_var.reset(in_task)
        flow_run_var.reset(in_flow)

    def arguments(self) -> tuple[Callable[..., Any], Any, Any, Deadline | None]:
        args, kwargs = self.flow.binder.call_arguments(self.parameters)
        self.deadline = Deadline(self.flow.timeout_seconds) if self.flow.timeout_seconds else None
        return self.flow.fn, args, kwargs, self.deadline

    async def settle(self, outcome: Outcome) -> bool:
        state = await self._ended(outcome)
        self.context.ended = True
        if self.error is not None and is_crash(self.error):
            self._end_task_runs(self.error)
        state.timestamp = now()  # What the flow submitted may have ended only now.
        await self.port.wait(self.recorder.drain())
        await self._propose(state)
        if self.state.type is StateType.CANCELLING:
            # Somebody asked for it while the code ran; now that it has ended, it is for this process to say so.
            self.result = returned.RAISE
            await self._propose(State(type=StateType.CANCELLED, name="Cancelled", message=CANCELLED))
        if self.state.type in TERMINAL_STATES or self.state.type is not StateType.SCHEDULED:
            return True
        self.logger.info(
            "Received non-final state %r when proposing final state %r and will attempt to run again...",
            self.state.name,
            state.name,
        )
        self.error = None
        await self._wait_until(self.state.state_details.scheduled_time)
        return False

    async def conclude(self) -> None:
        hooks = self.flow.hooks_of(self.state.type)
        if hooks:
            await self._call_hooks(hooks)
        self.logger.log(
            INFO if self.state.type is StateType.COMPLETED else ERROR, "Finished in state %s", self.state
        )
        if self.parent is not None:
            self.parent.links.remember(self.result, self.run.id)
        await self.port.wait(self.recorder.drain())
        await self.port.wait(self.session.orchestrator.delivered())

    # --- What the steps consist of ---------------------------------------------------------------------------------

    async def _resolve_inputs(self) -> State[Any] | None:
        """Wait for what the run depends on; NotReady when some of it did not complete."""
        upstream = [*inputs.collect_upstream(self.parameters), *inputs.collect_upstream(self.wait_for)]
        if not upstream:
            self.parameters = inputs.resolve(self.parameters)
            return None
        links = self.parent.links if self.parent is not None else None
        self.inputs = inputs.task_inputs(self.parameters, links, self.wait_for)
        for run in upstream:
            if not isinstance(run, State):
                await self.port.wait_for_run(run)
        try:
            inputs.resolve(self.wait_for)
            self.parameters = inputs.resolve(self.parameters)
        except UpstreamTaskError as problem:
            return State(type=StateType.PENDING, name="NotReady", message=str(problem))
        return None

    def _context(self) -> FlowRunContext:
        context = FlowRunContext()
        context.engine = self
        context.flow = self.flow
        context.flow_run = self.run
        context.parameters = self.parameters
        context.recorder = self.recorder
        context.links = ResultLinks()
        context.subflow_counts = {}
        context.streams = WeakSet()
        context.start_time = now()
        context.log_prints = self.flow.logs_prints(self.parent)
        context.persist_result = self.flow.persists_result(self.parent)
        context.result_store = get_result_store().update_for_flow(self.flow)
        context.task_runner = self.flow.task_runner
        context.around = task_run_var.get()
        return context

    def _name(self) -> str:
        entered = self.enter()
        try:
            return self.flow.name_of_run(self.parameters)
        finally:
            self.leave(entered)

    async def _create(self, pending: State[Any]) -> FlowRun:
        tracker = self._tracker(pending) if self.parent is not None else None
        if tracker is not None:
            self.run.parent_task_run_id = tracker.id
        creating = self.session.orchestrator.create_flow_run(self.flow.name, self.run, tracker)
        return await self.port.wait(creating)

    def _tracker(self, pending: State[Any]) -> TaskRun:
        """The task run that stands for this flow run in its parent."""
        assert self.parent is not None
        counts = self.parent.subflow_counts
        index = counts[self.flow.name] = counts.get(self.flow.name, -1) + 1
        return TaskRun(
            id=uuid7(),
            name=f"{self.flow.name}-{index}",
            task_key=self.flow.flow_key,
            dynamic_key=str(index),
            flow_run_id=self.parent.flow_run.id,
            flow_run_run_count=self.parent.flow_run.run_count,
            task_version=self.flow.version,
            task_inputs=self.inputs or inputs.task_inputs(self.parameters, self.parent.links),
            expected_start_time=pending.timestamp,
        )

    async def _propose(self, state: State[Any]) -> None:
        """Propose `state` until orchestration decides, and take the state that the run then has."""
        orchestrator = self.session.orchestrator
        state.state_details.flow_run_id = self.run.id
        state.state_details.transition_id = state.id  # A proposal whose answer is lost may be made again.
        while True:
            verdict = await self.port.wait(orchestrator.set_flow_run_state(self.run.id, state))
            if verdict.status is not OrchestrationStatus.WAIT:
                break
            await self.port.sleep(verdict.delay_seconds or 0)
        if verdict.status is OrchestrationStatus.ABORT:
            raise Abort(verdict.reason)
        current = verdict.state or state
        if verdict.status is OrchestrationStatus.ACCEPT or current.id == state.id:
            current.data = state.data
        run, now_recorded = self.run, verdict.run
        run.state = self.state = current
        for name in (
            "state_id",
            "state_type",
            "state_name",
            "run_count",
            "start_time",
            "end_time",
            "total_run_time",
        ):
            setattr(run, name, getattr(now_recorded, name))

    async def _ended(self, outcome: Outcome) -> State[Any]:
        """The state to propose after an attempt, once everything that the attempt submitted has ended."""
        runner, error = self.context.task_runner, outcome.error
        try:
            if error is None:
                return await self._completed(outcome.value)
            self.error = error
            return self._state_of(error)
        except BaseException as problem:
            error = self.error = problem
            return self._state_of(problem)
        finally:
            if error is not None and self.deadline is not None and self.deadline.caused(error):
                error = self.deadline.interruption()  # What runs late must not run on.
            await self.port.call_blocking(runner.__exit__, type(error) if error else None, error, None)
            await self._close_streams()

    def _end_task_runs(self, error: BaseException) -> None:
        """End the task runs that what crashed the flow has left unfinished."""
        for engine in list(self.context.unfinished.values()):
            engine.end_with_flow(error)

    async def _close_streams(self) -> None:
        """End the runs of generators that the flow did not use up."""
        for stream in list(self.context.streams):
            try:
                await self.port.call_any(stream.aclose if inspect.isasyncgen(stream) else stream.close)
            except Exception as error:
                self.logger.error("A generator could not be closed at the flow's end: %s", shown(error))

    async def _completed(self, value: Any) -> State[Any]:
        if inspect.isgenerator(value):
            value = list(value)
        if returned.is_plain(value):
            state: State[Any] = State(type=StateType.COMPLETED, name="Completed", data=ResultRecord(value))
            self.result = value
        else:
            state, result = await returned.judge(value, self.port)
            # A state that the flow returns decides what its caller gets, unless it is that of a run that completed.
            decides = is_hand_made(value) or (
                isinstance(value, State) and state.type is not StateType.COMPLETED
            )
            self.result = returned.RAISE if decides else result
        if self.context.persist_result:
            data = state.data.result
            state.data = await keep_flow_result(self.context.result_store, self.port, data, self.logger)
        return state

    def _state_of(self, error: BaseException) -> State[Any]:
        if is_crash(error):
            self.logger.error("Crash detected! %s", crashed_state(error).message)
            return crashed_state(error)
        if isinstance(error, TimeoutError):
            own = self.deadline is not None and self.deadline.caused(error)
            state = timed_out_state(error, "Flow", self.flow.timeout_seconds if own else None)
            self.logger.error("%s", state.message)
            return state
        self.logger.error("Encountered exception during execution: %s", shown(error), exc_info=error)
        return failed_state(error, "Flow run encountered an exception:")

    async def _wait_until(self, time: datetime | None) -> None:
        if time is not None:
            seconds = (time - now()).total_seconds()
            if seconds > 0:
                await self.port.sleep(seconds)

    async def _call_hooks(self, hooks: Sequence[Callable[..., Any]]) -> None:
        entered = self.enter()
        try:
            await call_hooks(self.port, hooks, self.flow, self.run, self.state, self.logger)
        finally:
            self.leave(entered)
