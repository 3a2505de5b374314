"""Flow runs in the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, structs
from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from headrace.core.machine import decide_flow_run
from headrace.core.rules import is_repeated
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.core.verdicts import Abort, Accept, Facts, Reject, Wait
from headrace.exceptions import ObjectNotFound
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun, FlowRunPolicy
from headrace.schema.states import State
from headrace.store import leases, subflows, tables
from headrace.store.estimates import with_estimates
from headrace.store.names import find
from headrace.store.states import STATE_COLUMNS, state_of
from headrace.store.transitions import answer, completed_by, enter, state_from
from headrace.store.where import DEFAULT_LIMIT, FlowRunFilter, Sort, flow_runs_where, order

flow_run, event = tables.flow_run, tables.event

_columns = [column.name for column in flow_run.c if column.name != "state_timestamp"]


def create_flow_run(conn: Connection, run: FlowRun, *, now: datetime) -> FlowRun:
    """Store a new flow run; its state, if it has one, becomes the first of its history.

    A run whose id is stored already, or whose flow has one of the same idempotency key, is not stored again.

    Args:
        run: The run. Its flow must be stored.
        now: The time (UTC).

    Returns:
        The run as it is stored.
    """
    known = _known(conn, run)
    if known is not None:
        return known
    state = run.state
    if state is not None and state.type is StateType.SCHEDULED:
        scheduled = state.state_details.scheduled_time
        run = structs.replace(run, expected_start_time=run.expected_start_time or scheduled)
    expected = run.expected_start_time or now
    run = structs.replace(run, created=run.created or now, updated=now, expected_start_time=expected)
    run = structs.replace(run, state=None, state_id=None, state_type=None, state_name=None)
    conn.execute(insert(flow_run).values({name: getattr(run, name) for name in _columns}))
    return run if state is None else _enter(conn, run, state)


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
    run = read_flow_run(conn, run_id)
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
    conn.execute(update(flow_run).where(flow_run.c.id == run_id).values(**changes, updated=now))
    return read_flow_run(conn, run_id)


def read_flow_run(conn: Connection, run_id: UUID, *, now: datetime | None = None) -> FlowRun:
    """The flow run with that id.

    Args:
        now: The time (UTC), to estimate how long the run has been running.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.execute(_select().where(flow_run.c.id == run_id)).mappings().one_or_none()
    if row is None:
        raise ObjectNotFound(f"There is no flow run with the id {run_id}.")
    return _run_of(row, now)


def read_flow_runs(
    conn: Connection,
    wanted: FlowRunFilter | None = None,
    *,
    sort: Sort = "ID_DESC",
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
    now: datetime | None = None,
) -> list[FlowRun]:
    """Flow runs, the newest first unless `sort` says otherwise.

    Args:
        wanted: Which; all when None.
        sort: Their order.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
        now: The time (UTC), to estimate how long those that run have been running.
    """
    query = _select().where(*flow_runs_where(wanted or FlowRunFilter())).order_by(*order(flow_run, sort))
    return [_run_of(row, now) for row in conn.execute(query.limit(limit).offset(offset)).mappings()]


def count_flow_runs(conn: Connection, wanted: FlowRunFilter | None = None) -> int:
    """How many flow runs there are."""
    conditions = flow_runs_where(wanted or FlowRunFilter())
    return conn.execute(select(func.count()).select_from(flow_run).where(*conditions)).scalar_one()


def find_flow_run(conn: Connection, text: str, *, now: datetime | None = None) -> FlowRun:
    """The flow run that a person means by `text`.

    Args:
        text: An id, the start of one (4 characters or more), or a name; of several runs of that name the newest.
        now: As in `read_flow_run`.

    Raises:
        ObjectNotFound: There is none, or `text` is the start of several ids.
    """
    return read_flow_run(conn, find(conn, flow_run, "flow run", text), now=now)


def _select() -> Select[Any]:
    columns = [column for column in flow_run.c if column.name != "state_timestamp"]
    return select(*columns, *STATE_COLUMNS).join_from(
        flow_run, event, event.c.id == flow_run.c.state_id, isouter=True
    )


def _run_of(row: RowMapping, now: datetime | None) -> FlowRun:
    fields = {name: row[name] for name in _columns}
    fields["state_type"] = None if fields["state_type"] is None else StateType(fields["state_type"])
    return with_estimates(FlowRun(**fields, state=state_of(row)), now)


def _known(conn: Connection, run: FlowRun) -> FlowRun | None:
    same = flow_run.c.id == run.id
    if run.idempotency_key is not None:
        same |= (flow_run.c.flow_id == run.flow_id) & (flow_run.c.idempotency_key == run.idempotency_key)
    run_id = conn.execute(select(flow_run.c.id).where(same)).scalars().first()
    return None if run_id is None else read_flow_run(conn, run_id)


def _enter(conn: Connection, run: FlowRun, state: State[Any], *, forced: bool = False) -> FlowRun:
    run = enter(conn, run, state, forced=forced)
    suspended = state.type is StateType.PAUSED and state.state_details.pause_reschedule
    if suspended or state.type in TERMINAL_STATES:
        leases.end_lease(conn, run.id)
    if run.parent_task_run_id is not None and run.state is not None:
        subflows.copy_to_tracking_task_run(conn, run, run.state)
    return run


def _with_policy(conn: Connection, run: FlowRun, changes: Mapping[str, Any]) -> FlowRun:
    policy = structs.replace(run.empirical_policy, **changes)
    if policy == run.empirical_policy:
        return run
    conn.execute(update(flow_run).where(flow_run.c.id == run.id).values(empirical_policy=policy))
    return structs.replace(run, empirical_policy=policy)
