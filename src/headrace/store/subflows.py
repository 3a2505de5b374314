"""A subflow run and the task run that stands for it in the flow run that called it."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from headrace.core.ids import uuid7
from headrace.core.states import TERMINAL_STATES
from headrace.exceptions import ObjectNotFound
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.store import task_runs
from headrace.store.connection import Connection
from headrace.store.transitions import enter


def copy_to_tracking_task_run(conn: Connection, run: FlowRun, state: State[Any]) -> None:
    """Give the tracking task run the state that the subflow run has entered; one that has ended with it keeps its own."""
    assert run.parent_task_run_id is not None
    try:
        tracking = task_runs.lock_task_run(conn, run.parent_task_run_id)
    except ObjectNotFound:  # of a caller that keeps its task runs elsewhere
        return
    if tracking.state_type in TERMINAL_STATES and state.type in TERMINAL_STATES:
        return
    details = structs.replace(
        state.state_details, flow_run_id=None, task_run_id=None, child_flow_run_id=run.id
    )
    enter(conn, tracking, structs.replace(state, id=uuid7(), state_details=details))
