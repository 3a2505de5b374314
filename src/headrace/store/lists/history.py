"""Histories: how many runs were expected to start in each of a row of intervals, by the state that they are in now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select

from headrace.core.states import StateType
from headrace.schema.responses import HistoryResponse, HistoryResponseState
from headrace.store.connection import MICROSECOND, Connection, micros
from headrace.store.lists import queries
from headrace.store.lists.estimates import run_seconds, seconds_late

__all__ = ["MAX_INTERVALS", "read_history"]

MAX_INTERVALS = 500
"""Intervals of one history at most; what comes later is left out."""

LAST = datetime.max.replace(tzinfo=UTC)


def read_history(
    conn: Connection,
    table: Table,
    conditions: Iterable[ColumnElement[bool]],
    *,
    start: datetime,
    end: datetime,
    interval: timedelta,
    now: datetime,
) -> list[HistoryResponse]:
    """The history of runs.

    Args:
        table: `flow_run` or `task_run`.
        conditions: Which runs.
        start: The start of the first interval (UTC).
        end: The last ends then or later (UTC).
        interval: How long each is, a second or more.
        now: The time (UTC), to estimate how long runs have been running and have been late.
    """
    count = min(-(-(end - start) // interval), (LAST - start) // interval, MAX_INTERVALS)
    if count <= 0:
        return []
    width, begin, run = interval // MICROSECOND, micros(start), table.c
    place = (run.expected_start_time - begin) // width
    figures: Any = (
        select(
            place,
            run.state_type,
            run.state_name,
            func.count(),
            func.sum(run_seconds(table, now)),
            func.sum(seconds_late(table, now)),
        )
        .where(run.expected_start_time >= begin, run.expected_start_time < begin + count * width)
        .where(queries.unindexed(run.state_type).is_not(None), *conditions)
        .group_by(place, run.state_type, run.state_name)
        .order_by(place, run.state_type, run.state_name)
    )
    states: dict[int, list[HistoryResponseState]] = defaultdict(list)
    for at, kind, name, runs, seconds, late in queries.rows(conn, figures):
        states[at].append(
            HistoryResponseState(
                state_type=StateType(kind),
                state_name=name,
                count_runs=runs,
                sum_estimated_run_time=seconds,
                sum_estimated_lateness=late,
            )
        )
    return [
        HistoryResponse(
            interval_start=start + at * interval, interval_end=start + (at + 1) * interval, states=states[at]
        )
        for at in range(count)
    ]
