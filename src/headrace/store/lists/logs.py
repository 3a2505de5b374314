"""Lists of log lines. They are written by `records.record`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, literal_column, select

from headrace.schema.filters.logs import LogFilter
from headrace.schema.logs import Log
from headrace.schema.sorting import LogSort
from headrace.store.connection import Connection
from headrace.store.lists import queries
from headrace.store.lists.limits import DEFAULT_LIMIT
from headrace.store.lists.where import logs_where
from headrace.store.logs import COLUMNS, log_of
from headrace.store.tables import log

_OF_RUN = f"SELECT {COLUMNS.of('log')}, seq FROM log WHERE flow_run_id = :run"


def read_logs(
    conn: Connection,
    wanted: LogFilter | None = None,
    *,
    sort: LogSort = LogSort.TIMESTAMP_ASC,
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
) -> list[Log]:
    """Log lines in the order of time; those of the same instant as they were recorded.

    Args:
        wanted: Which; all when None.
        sort: Whether the oldest or the newest come first.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
    """
    by = [log.c.timestamp, log.c.seq]
    if sort is LogSort.TIMESTAMP_DESC:
        by = [column.desc() for column in by]  # type: ignore[misc]
    lines: Select[Any] = (
        select(literal_column(COLUMNS.of("log"))).select_from(log).where(logs_where(wanted or LogFilter()))
    )
    query = lines.order_by(*by).limit(limit).offset(offset or None)
    return [log_of(row) for row in queries.rows(conn, query)]


def read_logs_after(
    conn: Connection, flow_run_id: UUID, last: tuple[datetime, int] | None, *, limit: int
) -> list[tuple[int, Log]]:
    """The log lines of a flow run in the order of time, some at a time, each with its number.

    Args:
        flow_run_id: The run.
        last: The time and the number of the line after which to go on; None to begin.
        limit: How many at most.
    """
    after = "" if last is None else " AND (timestamp, seq) > (:timestamp, :seq)"
    bounds = {} if last is None else {"timestamp": last[0], "seq": last[1]}
    sql = f"{_OF_RUN}{after} ORDER BY timestamp, seq LIMIT :limit"
    return [(row[-1], log_of(row)) for row in conn.rows(sql, run=flow_run_id, limit=limit, **bounds)]


def count_logs(conn: Connection, wanted: LogFilter | None = None) -> int:
    """How many log lines there are."""
    return queries.count(conn, select(log.c.seq).where(logs_where(wanted or LogFilter())))
