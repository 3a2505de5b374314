"""Runs whose process has died: found by their leases, and ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, or_, select

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, task_runs
from headrace.store.processes import Holder, is_alive, this_process
from headrace.store.records import record
from headrace.store.tables import flow_run, lease
from headrace.store.where import TaskRunFilter

UNFINISHED = [kind for kind in StateType if kind not in TERMINAL_STATES]


def reap_dead_runs(
    conn: Connection, *, now: datetime, is_alive: Callable[[Holder], bool | None] = is_alive
) -> list[FlowRun]:
    """End the flow runs whose process has died, and their unfinished task runs.

    A run is dead when its lease has expired, unless its process is known to be alive; or, before that, when its process
    is known to be gone. It becomes Crashed; one that was being cancelled becomes Cancelled.

    Args:
        now: The time (UTC).
        is_alive: Whether a process is there; None when that cannot be told.

    Returns:
        The runs that were ended.
    """
    dead = [row for row in _suspects(conn, now) if not _lives(row, now, is_alive)]
    return [_end(conn, row, now) for row in dead]


def _suspects(conn: Connection, now: datetime) -> list[Row[Any]]:
    """Leases that have expired, or whose process this machine can look for, of runs that have not ended."""
    query = (
        select(lease)
        .join(flow_run, flow_run.c.id == lease.c.run_id)
        .where(lease.c.expires.is_not(None), or_(lease.c.expires <= now, lease.c.host == this_process().host))
        .where(flow_run.c.state_type.in_([kind.value for kind in UNFINISHED]))
    )
    return list(conn.execute(query))


def _lives(row: Row[Any], now: datetime, is_alive: Callable[[Holder], bool | None]) -> bool:
    alive = is_alive(Holder(row.host, row.pid, row.pid_started))
    return row.expires > now if alive is None else alive


def _end(conn: Connection, row: Row[Any], now: datetime) -> FlowRun:
    message = f"The process {row.pid} on {row.host}, which executed this run, has disappeared."
    run = flow_runs.read_flow_run(conn, row.run_id)
    cancelling = run.state_type is StateType.CANCELLING
    kind = StateType.CANCELLED if cancelling else StateType.CRASHED
    _end_task_runs(conn, run.id, kind, message, now)
    result = flow_runs.set_flow_run_state(
        conn, run.id, State(type=kind, message=message, timestamp=now), now=now
    )
    assert isinstance(result.run, FlowRun)
    return result.run


def _end_task_runs(conn: Connection, run_id: UUID, kind: StateType, message: str, now: datetime) -> None:
    unfinished = TaskRunFilter(flow_run_ids=[run_id], state_types=UNFINISHED)
    steps = []
    for run in task_runs.read_task_runs(conn, unfinished, limit=None):
        assert run.state is not None
        # A clock that is behind the dead process's must not put the end before what it follows.
        state: State[Any] = State(type=kind, message=message, timestamp=max(now, run.state.timestamp))
        running = run.state.type is StateType.RUNNING
        seconds = (state.timestamp - run.state.timestamp).total_seconds() if running else 0.0
        steps.append(
            TaskTransition(
                run,
                state,
                run.state_id,
                run.run_count,
                run.start_time,
                state.timestamp,
                run.total_run_time + seconds,
            )
        )
    record(conn, steps)
