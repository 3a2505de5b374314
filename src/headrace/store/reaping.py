"""Runs whose process has died: found by their leases, and ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, task_runs
from headrace.store.columns import id_of
from headrace.store.connection import MICROSECOND, Connection
from headrace.store.processes import Holder, is_alive, this_process
from headrace.store.records import record

_UNFINISHED = ", ".join(f"'{kind.value}'" for kind in StateType if kind not in TERMINAL_STATES)


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
    dead = [suspect for suspect in _suspects(conn, now) if not suspect.lives(is_alive)]
    return [run for suspect in dead if (run := _end(conn, suspect, now)) is not None]


class _Suspect(NamedTuple):
    """A flow run that has not ended, and who executes it under which token."""

    run_id: UUID
    token: int
    holder: Holder
    has_expired: bool

    def lives(self, is_alive: Callable[[Holder], bool | None]) -> bool:
        alive = is_alive(self.holder)
        return not self.has_expired if alive is None else alive


_SUSPECTS = (
    "SELECT run_id, token, host, pid, pid_started, expires <= :now FROM lease JOIN flow_run ON flow_run.id = lease.run_id"
    " WHERE expires IS NOT NULL AND (expires <= :now OR host = :host)"
    f" AND flow_run.state_type IN ({_UNFINISHED})"
)


def _suspects(conn: Connection, now: datetime, run_id: UUID | None = None) -> list[_Suspect]:
    """Leases that have expired, or whose process this machine can look for, of runs that have not ended.

    Args:
        run_id: Look at this run only.
    """
    only = {} if run_id is None else {"run": run_id}
    sql = _SUSPECTS + ("" if run_id is None else " AND run_id = :run") + " ORDER BY run_id"
    return [
        _Suspect(suspect, token, Holder(host, pid, started), bool(expired))
        for value, token, host, pid, started, expired in conn.rows(
            sql, now=now, host=this_process().host, **only
        )
        if (suspect := id_of(value)) is not None
    ]


def _end(conn: Connection, dead: _Suspect, now: datetime) -> FlowRun | None:
    """End a run; None when it has ended since, or somebody else has taken it over or ends it right now."""
    run = flow_runs.lock_flow_run(conn, dead.run_id)
    if dead not in _suspects(conn, now, dead.run_id):
        return None
    message = (
        f"The process {dead.holder.pid} on {dead.holder.host}, which executed this run, has disappeared."
    )
    cancelling = run.state_type is StateType.CANCELLING
    kind = StateType.CANCELLED if cancelling else StateType.CRASHED
    end_task_runs(conn, run.id, kind, message, now=now)
    result = flow_runs.set_flow_run_state(
        conn, run.id, State(type=kind, message=message, timestamp=now), now=now
    )
    assert isinstance(result.run, FlowRun)
    return result.run


def end_task_runs(
    conn: Connection, flow_run_id: UUID, kind: StateType, message: str, *, now: datetime
) -> None:
    """End the unfinished task runs of a flow run whose process has died.

    That they did not end otherwise is a conclusion. What their process has recorded may yet come, and stands then: so
    their last state has the time right after the one that is known, and what comes comes after it.

    Args:
        flow_run_id: The flow run.
        kind: How they end.
        message: Why.
        now: The time (UTC).
    """
    unfinished = (
        f"SELECT {task_runs.SELECTION} FROM task_run JOIN event AS state ON state.id = task_run.state_id"
        " WHERE task_run.flow_run_id = :run AND task_run.state_type IN"
        f" ({_UNFINISHED}) ORDER BY task_run.id"
    )
    steps = []
    for row in conn.rows(unfinished, run=flow_run_id):
        run = task_runs.task_run_of(row, now)
        assert run.state is not None
        state: State[Any] = State(type=kind, message=message, timestamp=run.state.timestamp + MICROSECOND)
        # A clock that is behind the dead process's must not put the end before what it follows.
        end = max(now, run.state.timestamp)
        running = run.state.type is StateType.RUNNING
        seconds = run.total_run_time + ((end - run.state.timestamp).total_seconds() if running else 0.0)
        steps.append(TaskTransition(run, state, run.state_id, run.run_count, run.start_time, end, seconds))
    record(conn, steps)
