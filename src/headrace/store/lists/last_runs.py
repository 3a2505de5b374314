"""The last runs of flows: those that have started, or should have, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.overviews import LastRun
from headrace.store.columns import ID, INSTANT, PLAIN, STATE_TYPE, Columns
from headrace.store.connection import Connection, Row, micros

__all__ = ["NEWEST", "read_last_runs"]

NEWEST = (
    "FROM flow_run WHERE flow_id = :flow AND expected_start_time <= :now"
    " ORDER BY expected_start_time DESC, id DESC LIMIT :most"
)
"""A flow's last runs; there is an index in this order, so it reads no more runs than it gives."""

COLUMNS = Columns(
    id=ID, name=PLAIN, state_type=STATE_TYPE, state_name=PLAIN, timestamp=INSTANT, duration=PLAIN
)

_READ = (
    "SELECT id, name, state_type, state_name, coalesce(start_time, expected_start_time), total_run_time, state_timestamp "
    + NEWEST
)


def read_last_runs(
    conn: Connection, flow_ids: Sequence[UUID], *, most: int, now: datetime
) -> dict[UUID, list[LastRun]]:
    """The last runs of each flow, the newest first.

    Args:
        flow_ids: The flows.
        most: Runs of each flow at most.
        now: The time (UTC): what is to start later is left out, and what runs has been running until then.
    """
    # One statement for each flow: in one for all, SQLite would sort all runs of the flows.
    return {
        flow_id: [_run_of(row, now) for row in conn.rows(_READ, flow=flow_id, now=now, most=most)]
        for flow_id in dict.fromkeys(flow_ids)
    }


def _run_of(row: Row, now: datetime) -> LastRun:
    run = LastRun(**COLUMNS.load(row))
    if run.state_type is StateType.RUNNING:
        run.duration += max(micros(now) - row[-1], 0) / 1_000_000
    return run
