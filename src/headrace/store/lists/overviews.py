"""What the web page shows of runs without showing them one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, case, func, literal_column, select

from headrace.core.states import StateType
from headrace.schema.requests.flow_runs import UIFlowRunsHistoryBody
from headrace.schema.requests.scope import RunScope
from headrace.schema.responses import CountByState, SimpleFlowRun, SimpleNextFlowRun, TaskRunCount
from headrace.store.columns import id_of, instant_of
from headrace.store.connection import Connection, micros
from headrace.store.lists import queries
from headrace.store.lists.estimates import run_seconds, seconds_late
from headrace.store.lists.flow_runs import conditions_to_count, without_subflows
from headrace.store.lists.where import flow_runs_within, is_narrow, order, task_runs_within
from headrace.store.tables import ENDED, STARTED, flow_run, task_run

__all__ = [
    "BUCKETS",
    "count_ended_task_runs",
    "count_flow_runs_by_state",
    "count_task_runs_by_state",
    "count_task_runs_of",
    "read_next_flow_runs",
    "read_simple_flow_runs",
]

T = TypeVar("T")

BUCKETS = 20
"""Bars of the dashboard's diagram of task runs."""


def read_simple_flow_runs(
    conn: Connection, body: UIFlowRunsHistoryBody, *, now: datetime
) -> list[SimpleFlowRun]:
    """Flow runs as points of a diagram.

    Args:
        body: Which, in which order, how many.
        now: The time (UTC), to estimate how long they have been running and have been late.
    """
    run = flow_run.c
    started: Any = literal_column(STARTED)
    points: Any = select(
        run.id, run.state_type, started, run_seconds(flow_run, now), seconds_late(flow_run, now)
    ).where(run.state_type.is_not(None), *flow_runs_within(body))
    wanted = points.order_by(*order(flow_run, body.sort)).limit(body.limit).offset(body.offset or None)
    return [
        SimpleFlowRun(
            id=_known(id_of(run_id)),
            state_type=StateType(kind),
            timestamp=_known(instant_of(at)),
            duration=seconds,
            lateness=late,
        )
        for run_id, kind, at, seconds, late in queries.rows(conn, wanted)
    ]


def read_next_flow_runs(conn: Connection, flow_ids: Sequence[UUID]) -> dict[UUID, SimpleNextFlowRun | None]:
    """The flow run of each flow that is scheduled next; None for a flow without one."""
    run = flow_run.c
    due = func.row_number().over(partition_by=run.flow_id, order_by=(run.next_scheduled_start_time, run.id))
    columns = (run.flow_id, run.id, run.name, run.state_name, run.next_scheduled_start_time)
    waiting = (
        select(*columns, due.label("place"))
        .where(run.state_type == StateType.SCHEDULED.value)
        .where(run.next_scheduled_start_time.is_not(None), run.flow_id.in_(flow_ids))
        .subquery()
    )
    first: Any = select(*list(waiting.c)[: len(columns)]).where(waiting.c.place == 1)
    found: dict[UUID, SimpleNextFlowRun | None] = dict.fromkeys(flow_ids)
    for flow_id, run_id, name, state_name, at in queries.rows(conn, first):
        flow = _known(id_of(flow_id))
        found[flow] = SimpleNextFlowRun(
            id=_known(id_of(run_id)),
            flow_id=flow,
            name=name,
            state_name=state_name,
            state_type=StateType.SCHEDULED,
            next_scheduled_start_time=_known(instant_of(at)),
        )
    return found


def count_task_runs_of(conn: Connection, flow_run_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many task runs each flow run has; those that stand for subflow runs do not count."""
    run = task_run.c
    subflow = select(flow_run.c.id).where(flow_run.c.parent_task_run_id == run.id).exists()
    counts: Any = (
        select(run.flow_run_id, func.count())
        .where(run.flow_run_id.in_(flow_run_ids), ~subflow)
        .group_by(run.flow_run_id)
    )
    found = {_known(id_of(run_id)): count for run_id, count in queries.rows(conn, counts)}
    return {run_id: found.get(run_id, 0) for run_id in flow_run_ids}


def count_flow_runs_by_state(conn: Connection, scope: RunScope | None = None) -> CountByState:
    """How many flow runs there are in each state."""
    wanted = scope or RunScope()
    apart = without_subflows(conn, wanted)
    conditions = [*conditions_to_count(wanted)] if apart is None else apart.conditions
    counts = Counter(_by_state(conn, conditions))
    if apart is not None:
        counts.subtract(_by_state(conn, [*conditions, apart.is_subflow], is_found=True))
    return CountByState(**counts)


def _by_state(
    conn: Connection, conditions: Sequence[ColumnElement[bool]], *, is_found: bool = False
) -> dict[str, int]:
    state = flow_run.c.state_type
    # As below: what few runs are asked for has an index of its own.
    kind: ColumnElement[Any] = queries.unindexed(state) if conditions else state
    counts: Any = select(kind, func.count()).where(kind.is_not(None), *conditions).group_by(kind)
    return {str(name): count for name, count in queries.rows(conn, counts, is_found=is_found)}


def count_task_runs_by_state(conn: Connection, scope: RunScope | None = None) -> CountByState:
    """How many task runs there are in each state."""
    wanted = scope or RunScope()
    conditions = [*task_runs_within(wanted)]
    # Groups come out of the index of states, unless there is one that finds what few runs are asked for.
    state = task_run.c.state_type
    kind: ColumnElement[Any] = queries.unindexed(state) if is_narrow(wanted) else state
    counts: Any = select(kind, func.count()).where(kind.is_not(None), *conditions).group_by(kind)
    return CountByState(**{str(kind): count for kind, count in queries.rows(conn, counts)})


def count_ended_task_runs(
    conn: Connection, scope: RunScope, *, start: datetime, end: datetime
) -> list[TaskRunCount]:
    """How many task runs ended well (a cancelled one did) and badly, by when they started: the span in equal buckets.

    Args:
        scope: Which.
        start: The start of the first bucket (UTC).
        end: The end of the last (UTC).
    """
    begin, span = micros(start), micros(end) - micros(start)
    counts = [TaskRunCount(completed=0, failed=0) for _ in range(BUCKETS)]
    if span <= 0:
        return counts
    run = task_run.c
    place = (run.start_time - begin) * BUCKETS // span
    well = case((run.state_type.in_(["COMPLETED", "CANCELLED"]), 1), else_=0)
    badly = case((run.state_type.in_(["FAILED", "CRASHED"]), 1), else_=0)
    # The index of the end serves as one of the start.
    ended: Any = (
        select(place, func.sum(well), func.sum(badly))
        .where(run.start_time >= begin, run.start_time < begin + span)
        .where(literal_column(ENDED) >= bindparam("since", begin), *task_runs_within(scope))
        .group_by(place)
    )
    for at, completed, failed in queries.rows(conn, ended):
        counts[at] = TaskRunCount(completed=completed, failed=failed)
    return counts


def _known(value: T | None) -> T:
    """A value of a column that is never NULL here."""
    assert value is not None
    return value
