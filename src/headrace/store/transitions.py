"""A run enters a state: the event that records it, and the run's row that follows from it.

For flow runs, and for the few task runs that are moved one at a time; what runs record about their tasks goes through
`records`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from msgspec import structs

from headrace.core.ids import uuid7
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.core.text import encode_json
from headrace.core.verdicts import Accept, Draft
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State, StateDetails, details_of, metadata_of
from headrace.store.columns import short
from headrace.store.connection import MICROSECOND, Connection
from headrace.store.estimates import with_estimates
from headrace.store.states import with_run_ids

R = TypeVar("R", bound=FlowRun | TaskRun)

_RECORD = (
    "INSERT INTO event (id, occurred, follows, run_kind, run_id, flow_run_id, run_count, state_type, state_name, message,"
    " state_details, state_data, payload) VALUES (:id, :occurred, :follows, :run_kind, :run_id, :flow_run_id, :run_count,"
    " :state_type, :state_name, :message, :state_details, :state_data, :payload) ON CONFLICT (id) DO NOTHING"
)


def enter(conn: Connection, run: R, state: State[Any], *, forced: bool = False) -> R:
    """Record that `run` entered `state`, and change its row.

    Args:
        run: The run as it is stored now.
        state: The state; it gets another id where that is taken, and a later time where the clock was set back.
        forced: Whether rules were bypassed.

    Returns:
        The run as it is then; `run` itself is not changed.
    """
    state = _after(state, run.state)
    if not record_transition(conn, run, state, forced=forced):
        # One state may end several runs: a flow that returns the state of its subflow.
        state = structs.replace(state, id=uuid7())
        record_transition(conn, run, state, forced=forced)
    run = entered(run, state)
    _move(conn, run, state)
    return run


def entered(run: R, state: State[Any]) -> R:
    """`run` as it is after it has entered `state`."""
    changes = _progress(run, state)
    if isinstance(run, TaskRun):
        state = with_run_ids(state, run.flow_run_id, run.id)
    else:
        state = with_run_ids(state, run.id, run.parent_task_run_id)
    return with_estimates(structs.replace(run, **changes, updated=state.timestamp, state=state), None)


def answer(
    status: OrchestrationStatus,
    run: FlowRun | TaskRun,
    *,
    reason: str | None = None,
    delay_seconds: float | None = None,
) -> OrchestrationResult:
    """What orchestration says to a proposal, with the run as it then is."""
    return OrchestrationResult(
        status=status, run=run, state=run.state, reason=reason, delay_seconds=delay_seconds
    )


def state_from(draft: Draft, proposed: State[Any], now: datetime) -> State[Any]:
    """The state that orchestration drafted in place of the proposed one."""
    transition_id = proposed.state_details.transition_id
    details = StateDetails(scheduled_time=draft.scheduled_time, transition_id=transition_id)
    return State(
        type=draft.type, name=draft.name, message=draft.message, timestamp=now, state_details=details
    )


def completed_by(verdict: Accept, state: State[Any]) -> State[Any]:
    """`state` with what the verdict adds to it."""
    if verdict.name is None and not verdict.details:
        return state
    return structs.replace(
        state,
        name=verdict.name or state.name,
        state_details=structs.replace(state.state_details, **verdict.details),
    )


def _after(state: State[Any], previous: State[Any] | None) -> State[Any]:
    if previous is None or state.timestamp > previous.timestamp:
        return state
    return structs.replace(state, timestamp=previous.timestamp + MICROSECOND)


def record_transition(
    conn: Connection, run: FlowRun | TaskRun, state: State[Any], *, forced: bool = False
) -> bool:
    """Record that `run` entered `state`, and nothing else. Returns whether the state's id was free."""
    is_flow_run = isinstance(run, FlowRun)
    details, data = details_of(state.state_details), metadata_of(state.data)
    return bool(
        conn.execute(
            _RECORD,
            id=state.id,
            occurred=state.timestamp,
            follows=run.state_id,
            run_kind="flow-run" if is_flow_run else "task-run",
            run_id=run.id,
            flow_run_id=run.id if isinstance(run, FlowRun) else run.flow_run_id,
            run_count=_run_count(run, state),
            state_type=state.type.value,
            state_name=short(state.name),
            message=state.message,
            state_details=None if details is None else encode_json(details),
            state_data=None if data is None else encode_json(data),
            payload='{"forced":true}' if forced else None,
        )
    )


_MOVED = "state_id state_type state_name state_timestamp run_count start_time end_time total_run_time expected_start_time"
_CHANGES = ", ".join(f"{name} = :{name}" for name in _MOVED.split())
_MOVE_FLOW_RUN = (
    f"UPDATE flow_run SET {_CHANGES}, updated = :state_timestamp,"
    " next_scheduled_start_time = :next_scheduled_start_time WHERE id = :id"
)
_MOVE_TASK_RUN = f"UPDATE task_run SET {_CHANGES} WHERE id = :id"


def _move(conn: Connection, run: FlowRun | TaskRun, state: State[Any]) -> None:
    """Change the row of a run that has entered `state`."""
    changes = {
        "state_id": state.id,
        "state_type": state.type.value,
        "state_name": short(state.name),
        "state_timestamp": state.timestamp,
        "run_count": run.run_count,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "total_run_time": run.total_run_time,
        "expected_start_time": run.expected_start_time,
    }
    if isinstance(run, FlowRun):
        conn.execute(
            _MOVE_FLOW_RUN, id=run.id, next_scheduled_start_time=run.next_scheduled_start_time, **changes
        )
    else:
        conn.execute(_MOVE_TASK_RUN, id=run.id, **changes)


def _progress(run: FlowRun | TaskRun, state: State[Any]) -> dict[str, Any]:
    """The fields of the run that change with the state."""
    changes: dict[str, Any] = {
        "state_id": state.id,
        "state_type": state.type,
        "state_name": state.name,
        "run_count": _run_count(run, state),
        "end_time": state.timestamp if state.type in TERMINAL_STATES else None,
    }
    if run.start_time is None and (state.type is StateType.RUNNING or state.type in TERMINAL_STATES):
        # A run that ends without having started is listed where it ended.
        changes["start_time"] = state.timestamp
    if run.state is not None and run.state.type is StateType.RUNNING:
        seconds = (state.timestamp - run.state.timestamp).total_seconds()
        changes["total_run_time"] = run.total_run_time + seconds
    if run.expected_start_time is None:
        changes["expected_start_time"] = state.state_details.scheduled_time or state.timestamp
    scheduled = state.state_details.scheduled_time if state.type is StateType.SCHEDULED else None
    changes["next_scheduled_start_time"] = scheduled
    return changes


def _run_count(run: FlowRun | TaskRun, state: State[Any]) -> int:
    """A run that goes on after a pause does not start another time."""
    if state.type is not StateType.RUNNING:
        return run.run_count
    paused = run.state is not None and run.state.type is StateType.PAUSED
    resuming = isinstance(run, FlowRun) and bool(run.empirical_policy.resuming)
    return run.run_count + (0 if paused or resuming else 1)
