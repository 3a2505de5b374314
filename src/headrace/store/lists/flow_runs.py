"""Lists of flow runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import structs
from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select

from headrace.schema.filters.flow_runs import FlowRunFilterParentTaskRunId
from headrace.schema.filters.shapes import Operator
from headrace.schema.requests.flow_runs import FlowRunsHistoryBody
from headrace.schema.requests.scope import RunScope
from headrace.schema.responses import HistoryResponse
from headrace.schema.runs import FlowRun
from headrace.schema.sorting import FlowRunSort
from headrace.store.connection import Connection
from headrace.store.flow_runs import SELECTION, flow_run_of
from headrace.store.lists import queries
from headrace.store.lists.estimates import seconds_late
from headrace.store.lists.history import read_history
from headrace.store.lists.limits import DEFAULT_LIMIT
from headrace.store.lists.where import flow_runs_within, order
from headrace.store.tables import event, flow_run

WITHOUT_PARENT = FlowRunFilterParentTaskRunId(is_null_=True)
"""The criterion of flow runs that are no subflow runs."""

_SUBFLOWS = select(flow_run.c.id).where(flow_run.c.parent_task_run_id > bindparam("least", UUID(int=0)))
"""Subflow runs, in SQLite; their condition is one that it takes an index for."""


def read_flow_runs(
    conn: Connection,
    scope: RunScope | None = None,
    *,
    sort: FlowRunSort = FlowRunSort.ID_DESC,
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
    now: datetime | None = None,
) -> list[FlowRun]:
    """Flow runs, the newest first unless `sort` says otherwise.

    Args:
        scope: Which; all when None.
        sort: Their order.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
        now: The time (UTC), to estimate how long those that run have been running.
    """
    # The ids first: sorting them is sorting 16 bytes each, not whole runs and states.
    page = _wanted(select(flow_run.c.id), scope, sort, limit, offset).subquery("page")
    state = event.alias("state")
    joined = page.join(flow_run, flow_run.c.id == page.c.id).outerjoin(
        state, state.c.id == flow_run.c.state_id
    )
    query: Select[Any] = (
        select(literal_column(SELECTION)).select_from(joined).order_by(*order(flow_run, sort))
    )
    return [flow_run_of(row, now) for row in queries.list_rows(conn, query)]


def versions_query(
    scope: RunScope | None, *, sort: FlowRunSort, limit: int | None, offset: int
) -> Select[Any]:
    """The ids of the flow runs of a list, each with what changes whenever the run does. Arguments as of `read_flow_runs`."""
    versions: Select[Any] = select(flow_run.c.id, flow_run.c.state_id, flow_run.c.updated)
    return _wanted(versions, scope, sort, limit, offset)


def read_flow_runs_of(conn: Connection, ids: Sequence[UUID]) -> list[FlowRun]:
    """The flow runs of these ids, in no order; ids of none are passed over."""
    names = {f"id_{place}": run_id for place, run_id in enumerate(ids)}
    listed = ", ".join(f":{name}" for name in names)
    sql = (
        f"SELECT {SELECTION} FROM flow_run LEFT JOIN event AS state ON state.id = flow_run.state_id"
        f" WHERE flow_run.id IN ({listed})"
    )
    return [flow_run_of(row, None) for row in conn.rows(sql, **names)]


def _wanted(
    query: Select[Any], scope: RunScope | None, sort: FlowRunSort, limit: int | None, offset: int
) -> Select[Any]:
    wanted = query.where(*flow_runs_within(scope or RunScope())).order_by(*order(flow_run, sort))
    return wanted.limit(limit).offset(offset or None)


def count_flow_runs(conn: Connection, scope: RunScope | None = None) -> int:
    """How many flow runs there are."""
    wanted, run_id = scope or RunScope(), flow_run.c.id
    apart = without_subflows(conn, wanted)
    if apart is None:
        return queries.count(conn, select(run_id).where(*conditions_to_count(wanted)))
    found = select(run_id).where(*apart.conditions)
    return queries.count(conn, found) - queries.count(conn, found.where(apart.is_subflow), is_found=True)


class Apart(NamedTuple):
    """Runs without a parent as all runs but the subflow runs.

    Args:
        conditions: The conditions on `flow_run` beside that.
        is_subflow: The condition of subflow runs, which finds them by their index.
    """

    conditions: list[ColumnElement[bool]]
    is_subflow: ColumnElement[bool]


def without_subflows(conn: Connection, scope: RunScope) -> Apart | None:
    """How to count runs without a parent: as all others, less the subflow runs among them, while those are few.

    What meets other conditions SQLite counts in an index. A condition on parents would have it read all those rows.

    Args:
        scope: Which flow runs.

    Returns:
        None when they are not to be counted so.
    """
    others = _with_any_parent(scope)
    if others is None or conn.dialect != "sqlite":
        return None
    if queries.count(conn, _SUBFLOWS.limit(queries.MANY)) >= queries.MANY:
        return None
    return Apart([*flow_runs_within(others)], flow_run.c.id.in_(_SUBFLOWS))


def conditions_to_count(scope: RunScope, *, is_narrowed: bool = False) -> Iterator[ColumnElement[bool]]:
    """The conditions on `flow_run` where rows are counted.

    That nearly all flow runs have no parent, SQLite does not know: it would look for them in the index of parents rather than for
    what few meet the other conditions.

    Args:
        scope: Which flow runs.
        is_narrowed: Whether there are other conditions beside these.
    """
    others = _with_any_parent(scope)
    conditions = [*flow_runs_within(others or scope)]
    if others is not None:
        parent = flow_run.c.parent_task_run_id
        yield (queries.unindexed(parent) if conditions or is_narrowed else parent).is_(None)
    yield from conditions


def _with_any_parent(scope: RunScope) -> RunScope | None:
    """What is asked for but that it has no parent; None when that is not asked for."""
    runs = scope.flow_runs
    if runs is None or runs.operator is Operator.or_ or runs.parent_task_run_id != WITHOUT_PARENT:
        return None
    return structs.replace(scope, flow_runs=structs.replace(runs, parent_task_run_id=None))


def average_lateness(conn: Connection, scope: RunScope | None = None, *, now: datetime) -> float | None:
    """Seconds by which flow runs are late on average, those that are not counting as 0; None when there are none.

    Args:
        scope: Which; all when None.
        now: The time (UTC), until which those that wait are late.
    """
    late = select(func.avg(seconds_late(flow_run, now))).where(*flow_runs_within(scope or RunScope()))
    average: float | None = queries.rows(conn, late)[0][0]
    return average


def read_flow_run_history(
    conn: Connection, body: FlowRunsHistoryBody, *, now: datetime
) -> list[HistoryResponse]:
    """How many flow runs were expected in each interval; see `history.read_history`."""
    return read_history(
        conn,
        flow_run,
        flow_runs_within(body),
        start=body.history_start,
        end=body.history_end,
        interval=timedelta(seconds=body.history_interval),
        now=now,
    )
