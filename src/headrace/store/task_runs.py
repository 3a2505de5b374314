"""Task runs in the store.

Most come from `records.record`: the engine moves them and tells afterwards. The verbs that move them here serve tracking task
runs of subflows, dead runs, and whoever proposes states from outside.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from headrace.core.machine import decide_task_run
from headrace.core.states import StateType
from headrace.core.verdicts import Abort, Accept, Facts, Reject, Wait
from headrace.exceptions import ObjectNotFound
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import TaskRun
from headrace.schema.states import State
from headrace.store import tables
from headrace.store.estimates import with_estimates
from headrace.store.names import find
from headrace.store.states import STATE_COLUMNS, state_of
from headrace.store.transitions import answer, completed_by, enter, state_from
from headrace.store.where import DEFAULT_LIMIT, Sort, TaskRunFilter, order, task_runs_where

task_run, event = tables.task_run, tables.event

_columns = [column.name for column in task_run.c if column.name != "state_timestamp"]


def create_task_run(conn: Connection, run: TaskRun, *, now: datetime) -> TaskRun:
    """Store a new task run; its state, if it has one, becomes the first of its history.

    A run whose id is stored already is not stored again.

    Args:
        run: The run.
        now: The time (UTC).

    Returns:
        The run as it is stored.
    """
    if conn.execute(select(task_run.c.id).where(task_run.c.id == run.id)).one_or_none() is not None:
        return read_task_run(conn, run.id)
    state = run.state
    run = structs.replace(
        run, created=run.created or now, state=None, state_id=None, state_type=None, state_name=None
    )
    conn.execute(insert(task_run).values({name: getattr(run, name) for name in _columns}))
    return run if state is None else enter(conn, run, state)


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
    run = read_task_run(conn, run_id)
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


def read_task_run(conn: Connection, run_id: UUID, *, now: datetime | None = None) -> TaskRun:
    """The task run with that id.

    Args:
        now: The time (UTC), to estimate how long the run has been running.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.execute(_select().where(task_run.c.id == run_id)).mappings().one_or_none()
    if row is None:
        raise ObjectNotFound(f"There is no task run with the id {run_id}.")
    return _run_of(row, now)


def read_task_runs(
    conn: Connection,
    wanted: TaskRunFilter | None = None,
    *,
    sort: Sort = "ID_DESC",
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
    now: datetime | None = None,
) -> list[TaskRun]:
    """Task runs, the newest first unless `sort` says otherwise.

    Args:
        wanted: Which; all when None.
        sort: Their order.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
        now: The time (UTC), to estimate how long those that run have been running.
    """
    query = _select().where(*task_runs_where(wanted or TaskRunFilter())).order_by(*order(task_run, sort))
    return [_run_of(row, now) for row in conn.execute(query.limit(limit).offset(offset)).mappings()]


def count_task_runs(conn: Connection, wanted: TaskRunFilter | None = None) -> int:
    """How many task runs there are."""
    conditions = task_runs_where(wanted or TaskRunFilter())
    return conn.execute(select(func.count()).select_from(task_run).where(*conditions)).scalar_one()


def find_task_run(conn: Connection, text: str, *, now: datetime | None = None) -> TaskRun:
    """The task run that a person means by `text`.

    Args:
        text: An id, the start of one (4 characters or more), or a name; of several runs of that name the newest.
        now: As in `read_task_run`.

    Raises:
        ObjectNotFound: There is none, or `text` is the start of several ids.
    """
    return read_task_run(conn, find(conn, task_run, "task run", text), now=now)


def _flow_run_state(conn: Connection, run: TaskRun) -> StateType | None:
    if run.flow_run_id is None:
        return None
    query = select(tables.flow_run.c.state_type).where(tables.flow_run.c.id == run.flow_run_id)
    state_type = conn.execute(query).scalar_one_or_none()
    return None if state_type is None else StateType(state_type)


def _select() -> Select[Any]:
    columns = [task_run.c[name] for name in _columns]
    return select(*columns, *STATE_COLUMNS).join_from(
        task_run, event, event.c.id == task_run.c.state_id, isouter=True
    )


def _run_of(row: RowMapping, now: datetime | None) -> TaskRun:
    fields = {name: row[name] for name in _columns}
    fields["state_type"] = None if fields["state_type"] is None else StateType(fields["state_type"])
    state = state_of(row)
    updated = fields["created"] if state is None else state.timestamp
    return with_estimates(TaskRun(**fields, state=state, updated=updated), now)
