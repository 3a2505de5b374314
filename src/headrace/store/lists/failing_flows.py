"""Flows of which runs have failed, and of each the last one that did."""

from __future__ import annotations

from datetime import datetime

from headrace.schema.overviews import FailingFlow, LastFailure
from headrace.store.columns import ID, INSTANT, PLAIN, Columns
from headrace.store.connection import Connection, Row, micros
from headrace.store.tables import ENDED

__all__ = ["read_failing_flows"]

_FAILED = "state_type IN ('FAILED', 'CRASHED')"

# What ended in a span is read once, from the index of ends.
_FAILING = (
    f"SELECT flow_id, sum(CASE WHEN {_FAILED} THEN 1 ELSE 0 END) AS failed, count(*) AS ended,"
    f" max(CASE WHEN {_FAILED} THEN end_time END) AS last"
    f" FROM flow_run WHERE {ENDED} >= :since AND {ENDED} <= :until GROUP BY flow_id"
)
_READ = (
    f"SELECT failing.flow_id, flow.name, failing.failed, failing.ended, failing.last FROM ({_FAILING}) AS failing"
    " JOIN flow ON flow.id = failing.flow_id WHERE failing.last IS NOT NULL"
    " ORDER BY failing.last DESC, failing.flow_id LIMIT :most"
)
_LAST = (
    "SELECT flow_run.id, flow_run.name, flow_run.state_name, flow_run.end_time, state.message FROM flow_run"
    " LEFT JOIN event AS state ON state.id = flow_run.state_id"
    f" WHERE {ENDED.replace('end_time', 'flow_run.end_time')} = :ended AND flow_run.flow_id = :flow"
    f" AND flow_run.{_FAILED} ORDER BY flow_run.id DESC LIMIT 1"
)

_FLOW = Columns(flow_id=ID, flow_name=PLAIN, failed=PLAIN, ended=PLAIN)
_RUN = Columns(id=ID, name=PLAIN, state_name=PLAIN, end_time=INSTANT, message=PLAIN)


def read_failing_flows(conn: Connection, *, since: datetime, until: datetime, most: int) -> list[FailingFlow]:
    """Flows of which runs have failed or crashed, the one that did so last first.

    Args:
        since: Only runs that ended then or later (UTC).
        until: Only runs that ended then or earlier (UTC).
        most: Flows at most.
    """
    rows = conn.rows(_READ, since=max(micros(since), 1), until=until, most=most)
    return [_failing(conn, row) for row in rows]


def _failing(conn: Connection, row: Row) -> FailingFlow:
    last = conn.row(_LAST, flow=row[0], ended=row[-1])
    assert last is not None
    return FailingFlow(**_FLOW.load(row), last=LastFailure(**_RUN.load(last)))
