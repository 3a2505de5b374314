"""Flow runs in the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, structs

from headrace.core.machine import decide_flow_run
from headrace.core.rules import is_repeated
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.core.verdicts import Abort, Accept, Facts, Reject, Wait
from headrace.exceptions import ObjectNotFound
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import CreatedBy, FlowRun, FlowRunPolicy
from headrace.schema.states import State
from headrace.store import leases, states, subflows
from headrace.store.columns import (
    BOOLEAN,
    ID,
    INSTANT,
    NAME,
    PLAIN,
    STATE_TYPE,
    Columns,
    id_of,
    json_of,
)
from headrace.store.connection import MICROSECOND, Connection, Row
from headrace.store.estimates import with_estimates
from headrace.store.transitions import (
    answer,
    completed_by,
    enter,
    entered,
    record_transition,
    state_from,
)

COLUMNS = Columns(
    id=ID,
    name=NAME,
    flow_id=ID,
    flow_version=PLAIN,
    deployment_id=ID,
    deployment_version=PLAIN,
    work_queue_id=ID,
    work_pool_id=ID,
    parent_task_run_id=ID,
    idempotency_key=PLAIN,
    created=INSTANT,
    updated=INSTANT,
    state_id=ID,
    state_type=STATE_TYPE,
    state_name=NAME,
    run_count=PLAIN,
    expected_start_time=INSTANT,
    start_time=INSTANT,
    end_time=INSTANT,
    total_run_time=PLAIN,
    next_scheduled_start_time=INSTANT,
    auto_scheduled=BOOLEAN,
    infrastructure_document_id=ID,
    infrastructure_pid=PLAIN,
    empirical_policy=json_of(FlowRunPolicy),
    parameters=json_of(),
    context=json_of(),
    tags=json_of(list[str]),
    labels=json_of(),
    created_by=json_of(CreatedBy, nullable=True),
    job_variables=json_of(nullable=True),
)
"""What of a row makes a flow run, but for its state."""

SELECTION = f"{COLUMNS.of('flow_run')}, {states.COLUMNS.of('state')}"
"""What `flow_run_of` takes."""

_READ = f"SELECT {SELECTION} FROM flow_run LEFT JOIN event AS state ON state.id = flow_run.state_id WHERE flow_run.id = :id"
_LOCK = "SELECT id FROM flow_run WHERE id = :id"
_CREATE = (
    f"INSERT INTO flow_run ({', '.join(COLUMNS.names)}, state_timestamp)"
    f" VALUES ({', '.join(f':{name}' for name in COLUMNS.names)}, :state_timestamp) ON CONFLICT DO NOTHING"
)
_KNOWN = "SELECT id FROM flow_run WHERE id = :id OR (flow_id = :flow AND idempotency_key = :key) ORDER BY id = :id DESC LIMIT 1"


def create_flow_run(conn: Connection, run: FlowRun, *, now: datetime) -> FlowRun:
    """Store a new flow run; its state, if it has one, becomes the first of its history.

    A run whose id is stored already, or whose flow has one of the same idempotency key, is not stored again.

    Args:
        run: The run. Its flow must be stored.
        now: The time (UTC).

    Returns:
        The run as it is stored.
    """
    state = run.state
    run = new_flow_run(run, now)
    made = run if state is None else entered(run, state)
    timestamp = None if state is None else state.timestamp
    if not conn.execute(_CREATE, **COLUMNS.dump(made), state_timestamp=timestamp):
        return _known(conn, run)
    if state is None:
        return made
    if not record_transition(conn, run, state):
        return _enter(conn, run, state.fresh_copy(timestamp=state.timestamp))
    _follow(conn, made)
    return made


def new_flow_run(run: FlowRun, now: datetime) -> FlowRun:
    """`run` as it is before it enters its first state."""
    expected = run.expected_start_time
    if run.state is not None and run.state.type is StateType.SCHEDULED:
        expected = expected or run.state.state_details.scheduled_time
    return structs.replace(
        run,
        created=run.created or now,
        updated=now,
        expected_start_time=expected or now,
        state=None,
        state_id=None,
        state_type=None,
        state_name=None,
    )


def set_flow_run_state(
    conn: Connection,
    run_id: UUID,
    state: State[Any],
    *,
    force: bool = False,
    token: int | None = None,
    now: datetime,
) -> OrchestrationResult:
    """Propose a state for a flow run; `core.machine` decides, and what it decides is stored.

    Args:
        run_id: The run.
        state: The state that it is to have.
        force: Bypass the rules, all but those that protect persisted results.
        token: The token of the lease under which the proposer executes the run; None for anybody else.
        now: The time (UTC).

    Returns:
        What became of the proposal, and the run as it is now.

    Raises:
        ObjectNotFound: There is no such run.
    """
    run = lock_flow_run(conn, run_id)
    if token is not None and not is_repeated(run.state, state) and not leases.is_held(conn, run_id, token):
        reason = "Another process has taken over this run, or it was declared dead: this one's lease is gone."
        return answer(OrchestrationStatus.ABORT, run, reason=reason)
    match decide_flow_run(run, state, Facts(now=now, force=force)):
        case Accept() as verdict:
            # The policy last: whether the run is resuming matters to how it enters the state.
            run = _enter(conn, run, completed_by(verdict, state), forced=force)
            return answer(OrchestrationStatus.ACCEPT, _with_policy(conn, run, verdict.policy))
        case Reject(reason=reason, draft=None, policy=policy):
            return answer(OrchestrationStatus.REJECT, _with_policy(conn, run, policy), reason=reason)
        case Reject(reason=reason, draft=draft, policy=policy) if draft is not None:
            run = _enter(conn, _with_policy(conn, run, policy), state_from(draft, state, now))
            return answer(OrchestrationStatus.REJECT, run, reason=reason)
        case Wait(seconds=seconds, reason=reason):
            return answer(OrchestrationStatus.WAIT, run, reason=reason, delay_seconds=seconds)
        case Abort(reason=reason):
            return answer(OrchestrationStatus.ABORT, run, reason=reason)
    raise AssertionError("a verdict is one of four")


def update_flow_run(
    conn: Connection,
    run_id: UUID,
    *,
    now: datetime,
    name: str | UnsetType = UNSET,
    flow_version: str | UnsetType | None = UNSET,
    parameters: dict[str, Any] | UnsetType = UNSET,
    empirical_policy: FlowRunPolicy | UnsetType = UNSET,
    tags: list[str] | UnsetType = UNSET,
    labels: dict[str, Any] | UnsetType = UNSET,
    context: dict[str, Any] | UnsetType = UNSET,
    infrastructure_pid: str | UnsetType | None = UNSET,
    job_variables: dict[str, Any] | UnsetType | None = UNSET,
) -> FlowRun:
    """Change what is given of a flow run, and leave the rest.

    Returns:
        The run as it is then.

    Raises:
        ObjectNotFound: There is no such run.
    """
    given = {
        "name": name,
        "flow_version": flow_version,
        "parameters": parameters,
        "empirical_policy": empirical_policy,
        "tags": tags,
        "labels": labels,
        "context": context,
        "infrastructure_pid": infrastructure_pid,
        "job_variables": job_variables,
    }
    changes = {field: value for field, value in given.items() if value is not UNSET}
    assignments = COLUMNS.changes([*changes, "updated"])
    sql = f"UPDATE flow_run SET {assignments} WHERE id = :id"
    conn.execute(sql, id=run_id, **COLUMNS.dump_some(changes), updated=now)
    return read_flow_run(conn, run_id)


def add_labels(conn: Connection, run_id: UUID, labels: Mapping[str, Any], *, now: datetime) -> None:
    """Add labels to a flow run; those that it has under the same keys are replaced.

    Raises:
        ObjectNotFound: There is no such run.
    """
    run = lock_flow_run(conn, run_id)
    update_flow_run(conn, run_id, labels={**run.labels, **labels}, now=now)


def read_flow_run(conn: Connection, run_id: UUID, *, now: datetime | None = None) -> FlowRun:
    """The flow run with that id.

    Args:
        now: The time (UTC), to estimate how long the run has been running.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.row(_READ, id=run_id)
    if row is None:
        raise ObjectNotFound(f"There is no flow run with the id {run_id}.")
    return flow_run_of(row, now)


def flow_run_of(row: Row, now: datetime | None) -> FlowRun:
    """The flow run in a row of `SELECTION`."""
    run = FlowRun(**COLUMNS.load(row), state=states.state_of(row[len(COLUMNS) :]))
    if run.state is not None:
        run.state = states.with_run_ids(run.state, run.id, run.parent_task_run_id)
    return with_estimates(run, now)


def frees_lease(state: State[Any]) -> bool:
    """Whether nothing executes a run any more that has entered `state`: it has ended, or is suspended."""
    suspended = state.type is StateType.PAUSED and state.state_details.pause_reschedule
    return suspended or state.type in TERMINAL_STATES


def lock_flow_run(conn: Connection, run_id: UUID) -> FlowRun:
    """The flow run with that id, as it stays until the commit. Raises as `read_flow_run`."""
    # In a statement of its own: one that has waited for the lock sees the new row, but not what it joins to it.
    if conn.for_update:
        conn.row(_LOCK + conn.for_update, id=run_id)
    return read_flow_run(conn, run_id)


def _known(conn: Connection, run: FlowRun) -> FlowRun:
    """The run that is stored already under the id or the idempotency key of `run`."""
    run_id = conn.value(_KNOWN, id=run.id, flow=run.flow_id, key=run.idempotency_key)
    return read_flow_run(conn, id_of(run_id) or run.id)


def _enter(conn: Connection, run: FlowRun, state: State[Any], *, forced: bool = False) -> FlowRun:
    run = enter(conn, run, state, forced=forced)
    _follow(conn, run)
    return run


def _follow(conn: Connection, run: FlowRun) -> None:
    """What follows from the state that a run has entered."""
    state = run.state
    assert state is not None
    if frees_lease(state):
        leases.end_lease(conn, run.id)
    if run.parent_task_run_id is not None:
        subflows.copy_to_tracking_task_run(conn, run, state)


def _with_policy(conn: Connection, run: FlowRun, changes: Mapping[str, Any]) -> FlowRun:
    policy = structs.replace(run.empirical_policy, **changes)
    if policy == run.empirical_policy:
        return run
    # `updated` tells lists that the run has changed, though its time is the last transition's.
    updated = None if run.updated is None else run.updated + MICROSECOND
    sql = "UPDATE flow_run SET empirical_policy = :empirical_policy, updated = :updated WHERE id = :id"
    conn.execute(sql, id=run.id, **COLUMNS.dump_some({"empirical_policy": policy, "updated": updated}))
    return structs.replace(run, empirical_policy=policy, updated=updated)
