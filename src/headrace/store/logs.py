"""Log lines in the store. They are written by `records.record`."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from headrace.schema.logs import Log
from headrace.store.tables import log
from headrace.store.where import DEFAULT_LIMIT, LogFilter, logs_where


def read_logs(
    conn: Connection,
    wanted: LogFilter | None = None,
    *,
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
    descending: bool = False,
) -> list[Log]:
    """Log lines in the order in which they were recorded.

    Args:
        wanted: Which; all when None.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
        descending: Newest first.
    """
    columns = [column for column in log.c if column.name != "seq"]
    query = select(*columns).where(*logs_where(wanted or LogFilter()))
    query = query.order_by(log.c.seq.desc() if descending else log.c.seq).limit(limit).offset(offset)
    return [Log(**row._mapping) for row in conn.execute(query)]


def count_logs(conn: Connection, wanted: LogFilter | None = None) -> int:
    """How many log lines there are."""
    return conn.execute(
        select(func.count()).select_from(log).where(*logs_where(wanted or LogFilter()))
    ).scalar_one()
