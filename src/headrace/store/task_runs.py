"""Task runs in the store.

Most come from `records.record`: the engine moves them and tells afterwards. The verbs that move them here serve tracking task
runs of subflows, dead runs, and whoever proposes states from outside.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, structs

from headrace.core.machine import decide_task_run
from headrace.core.states import StateType
from headrace.core.verdicts import Abort, Accept, Facts, Reject, Wait
from headrace.exceptions import ObjectNotFound
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import RunInput, TaskRun, TaskRunPolicy
from headrace.schema.states import State
from headrace.store import states
from headrace.store.columns import ID, INSTANT, NAME, PLAIN, STATE_TYPE, Columns, id_of, json_of
from headrace.store.connection import Connection, Row
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
    flow_run_id=ID,
    flow_run_run_count=PLAIN,
    task_key=PLAIN,
    dynamic_key=PLAIN,
    task_version=PLAIN,
    cache_key=PLAIN,
    cache_expiration=INSTANT,
    created=INSTANT,
    state_id=ID,
    state_type=STATE_TYPE,
    state_name=NAME,
    run_count=PLAIN,
    expected_start_time=INSTANT,
    start_time=INSTANT,
    end_time=INSTANT,
    total_run_time=PLAIN,
    empirical_policy=json_of(TaskRunPolicy),
    task_inputs=json_of(dict[str, list[RunInput]]),
    tags=json_of(list[str]),
    labels=json_of(),
)
"""What of a row makes a task run, but for its state."""

SELECTION = f"{COLUMNS.of('task_run')}, {states.COLUMNS.of('state')}"
"""What `task_run_of` takes."""

_READ = f"SELECT {SELECTION} FROM task_run LEFT JOIN event AS state ON state.id = task_run.state_id WHERE task_run.id = :id"
_LOCK = "SELECT id FROM task_run WHERE id = :id"
_CREATE = (
    f"INSERT INTO task_run ({', '.join(COLUMNS.names)}, state_timestamp)"
    f" VALUES ({', '.join(f':{name}' for name in COLUMNS.names)}, :state_timestamp) ON CONFLICT DO NOTHING"
)


def create_task_run(conn: Connection, run: TaskRun, *, now: datetime) -> TaskRun:
    """Store a new task run; its state, if it has one, becomes the first of its history.

    A run whose id is stored already is not stored again.

    Args:
        run: The run.
        now: The time (UTC).

    Returns:
        The run as it is stored.
    """
    state = run.state
    run = structs.replace(
        run, created=run.created or now, state=None, state_id=None, state_type=None, state_name=None
    )
    made = run if state is None else entered(run, state)
    timestamp = None if state is None else state.timestamp
    if not conn.execute(_CREATE, **COLUMNS.dump(made), state_timestamp=timestamp):
        return read_task_run(conn, run.id)
    if state is not None and not record_transition(conn, run, state):
        return enter(conn, run, state.fresh_copy(timestamp=state.timestamp))
    return made


def set_task_run_state(
    conn: Connection, run_id: UUID, state: State[Any], *, force: bool = False, now: datetime
) -> OrchestrationResult:
    """Propose a state for a task run; `core.machine` decides, and what it decides is stored.

    Args:
        run_id: The run.
        state: The state that it is to have.
        force: Bypass the rules, all but those that protect persisted results.
        now: The time (UTC).

    Returns:
        What became of the proposal, and the run as it is now.

    Raises:
        ObjectNotFound: There is no such run.
    """
    run = lock_task_run(conn, run_id)
    facts = Facts(now=now, force=force, flow_run_state=_flow_run_state(conn, run))
    match decide_task_run(run, state, facts):
        case Accept() as verdict:
            run = enter(conn, run, completed_by(verdict, state), forced=force)
            return answer(OrchestrationStatus.ACCEPT, run)
        case Reject(reason=reason, draft=draft):
            run = run if draft is None else enter(conn, run, state_from(draft, state, now))
            return answer(OrchestrationStatus.REJECT, run, reason=reason)
        case Wait(seconds=seconds, reason=reason):
            return answer(OrchestrationStatus.WAIT, run, reason=reason, delay_seconds=seconds)
        case Abort(reason=reason):
            return answer(OrchestrationStatus.ABORT, run, reason=reason)


def update_task_run(conn: Connection, run_id: UUID, *, name: str | UnsetType = UNSET) -> None:
    """Change what is given of a task run.

    Raises:
        ObjectNotFound: There is no such run.
    """
    if name is UNSET:
        read_task_run(conn, run_id)
    elif not conn.execute("UPDATE task_run SET name = :name WHERE id = :id", id=run_id, name=name):
        raise ObjectNotFound(f"There is no task run with the id {run_id}.")


def read_task_run(conn: Connection, run_id: UUID, *, now: datetime | None = None) -> TaskRun:
    """The task run with that id.

    Args:
        now: The time (UTC), to estimate how long the run has been running.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.row(_READ, id=run_id)
    if row is None:
        raise ObjectNotFound(f"There is no task run with the id {run_id}.")
    return task_run_of(row, now)


def find_by_key(conn: Connection, run: TaskRun) -> TaskRun | None:
    """The task run that stands for the same call as `run`: of the same task and key, in the same flow run or in none."""
    within = "flow_run_id IS NULL" if run.flow_run_id is None else "flow_run_id = :flow_run"
    sql = f"SELECT id FROM task_run WHERE {within} AND task_key = :task AND dynamic_key = :dynamic LIMIT 1"
    known = {} if run.flow_run_id is None else {"flow_run": run.flow_run_id}
    run_id = id_of(conn.value(sql, task=run.task_key, dynamic=run.dynamic_key, **known))
    return None if run_id is None else read_task_run(conn, run_id)


def is_stored(conn: Connection, run_id: UUID) -> bool:
    """Whether there is a task run with that id."""
    return conn.value(_LOCK, id=run_id) is not None


def lock_task_run(conn: Connection, run_id: UUID) -> TaskRun:
    """The task run with that id, as it stays until the commit. Raises as `read_task_run`."""
    if conn.for_update:
        conn.row(_LOCK + conn.for_update, id=run_id)
    return read_task_run(conn, run_id)


def _flow_run_state(conn: Connection, run: TaskRun) -> StateType | None:
    if run.flow_run_id is None:
        return None
    state_type = conn.value("SELECT state_type FROM flow_run WHERE id = :id", id=run.flow_run_id)
    return None if state_type is None else StateType(state_type)


def task_run_of(row: Row, now: datetime | None) -> TaskRun:
    """The task run in a row of `SELECTION`."""
    fields = COLUMNS.load(row)
    state = states.state_of(row[len(COLUMNS) :])
    run = TaskRun(**fields, state=state, updated=fields["created"] if state is None else state.timestamp)
    if state is not None and state.type is StateType.SCHEDULED:
        run.next_scheduled_start_time = state.state_details.scheduled_time
    return with_estimates(run, now)
