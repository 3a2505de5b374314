"""Lists of flow runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select

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
    return queries.count(conn, select(flow_run.c.id).where(*flow_runs_within(scope or RunScope())))


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
