"""How much there is of everything."""

from __future__ import annotations

from headrace.core.states import StateType
from headrace.store.connection import Connection


def count_flow_runs_by_state(conn: Connection) -> dict[StateType, int]:
    """How many flow runs are in each state."""
    return _counted(conn, "flow_run")


def count_task_runs_by_state(conn: Connection) -> dict[StateType, int]:
    """How many task runs are in each state."""
    return _counted(conn, "task_run")


def _counted(conn: Connection, table: str) -> dict[StateType, int]:
    query = f"SELECT state_type, count(*) FROM {table} WHERE state_type IS NOT NULL GROUP BY state_type"
    counts = {StateType(kind): count for kind, count in conn.rows(query)}
    return {kind: counts.get(kind, 0) for kind in StateType}
