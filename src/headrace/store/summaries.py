"""What a flow run consists of: its task runs counted by state, and its subflow runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, select

from headrace.core.states import StateType
from headrace.schema.runs import FlowRun
from headrace.store.flow_runs import read_flow_runs
from headrace.store.tables import flow_run, task_run
from headrace.store.where import FlowRunFilter


def count_task_runs_by_state(conn: Connection, flow_run_id: UUID) -> dict[StateType, int]:
    """How many task runs of a flow run are in each state; states without any are left out."""
    query = (
        select(task_run.c.state_type, func.count())
        .where(task_run.c.flow_run_id == flow_run_id, task_run.c.state_type.is_not(None))
        .group_by(task_run.c.state_type)
    )
    counts = {StateType(kind): count for kind, count in conn.execute(query)}
    return {kind: counts[kind] for kind in StateType if kind in counts}


def read_subflow_runs(
    conn: Connection, flow_run_id: UUID, *, now: datetime | None = None, limit: int = 200
) -> list[FlowRun]:
    """The flow runs that a flow run started, in the order in which it did.

    Args:
        flow_run_id: The flow run.
        now: The time (UTC), to estimate how long those that run have been running.
        limit: How many at most.
    """
    trackers = select(task_run.c.id).where(task_run.c.flow_run_id == flow_run_id)
    query = (
        select(flow_run.c.id)
        .where(flow_run.c.parent_task_run_id.in_(trackers))
        .order_by(flow_run.c.id)
        .limit(limit)
    )
    ids = conn.execute(query).scalars().all()
    runs = read_flow_runs(conn, FlowRunFilter(ids=ids), limit=limit, now=now) if ids else []
    return sorted(runs, key=lambda run: run.id.int)
