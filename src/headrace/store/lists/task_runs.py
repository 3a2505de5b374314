"""Lists of task runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, literal_column, select

from headrace.schema.requests.scope import RunScope
from headrace.schema.requests.task_runs import TaskRunsHistoryBody
from headrace.schema.responses import HistoryResponse
from headrace.schema.runs import TaskRun
from headrace.schema.sorting import TaskRunSort
from headrace.store.connection import Connection
from headrace.store.lists import queries
from headrace.store.lists.history import read_history
from headrace.store.lists.limits import DEFAULT_LIMIT
from headrace.store.lists.where import order, task_runs_within
from headrace.store.tables import event, task_run
from headrace.store.task_runs import SELECTION, task_run_of


def read_task_runs(
    conn: Connection,
    scope: RunScope | None = None,
    *,
    sort: TaskRunSort = TaskRunSort.ID_DESC,
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
    now: datetime | None = None,
) -> list[TaskRun]:
    """Task runs, the newest first unless `sort` says otherwise.

    Args:
        scope: Which; all when None.
        sort: Their order.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
        now: The time (UTC), to estimate how long those that run have been running.
    """
    wanted = select(task_run.c.id).where(*task_runs_within(scope or RunScope()))
    page = wanted.order_by(*order(task_run, sort)).limit(limit).offset(offset or None).subquery("page")
    # The ids first: sorting them is sorting 16 bytes each, not whole runs and states.
    state = event.alias("state")
    joined = page.join(task_run, task_run.c.id == page.c.id).outerjoin(
        state, state.c.id == task_run.c.state_id
    )
    query: Select[Any] = (
        select(literal_column(SELECTION)).select_from(joined).order_by(*order(task_run, sort))
    )
    return [task_run_of(row, now) for row in queries.list_rows(conn, query)]


def count_task_runs(conn: Connection, scope: RunScope | None = None) -> int:
    """How many task runs there are."""
    return queries.count(conn, select(task_run.c.id).where(*task_runs_within(scope or RunScope())))


def read_task_run_history(
    conn: Connection, body: TaskRunsHistoryBody, *, now: datetime
) -> list[HistoryResponse]:
    """How many task runs were expected in each interval; see `history.read_history`."""
    return read_history(
        conn,
        task_run,
        task_runs_within(body),
        start=body.history_start,
        end=body.history_end,
        interval=timedelta(seconds=body.history_interval),
        now=now,
    )
