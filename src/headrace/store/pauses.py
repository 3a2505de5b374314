"""Resuming flow runs that are paused or suspended."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import structs

from headrace.core.states import StateType
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun
from headrace.schema.states import State, StateDetails
from headrace.store.connection import Connection
from headrace.store.flow_run_inputs import create_flow_run_input
from headrace.store.flow_runs import read_flow_run, set_flow_run_state
from headrace.store.transitions import answer

__all__ = ["is_paused", "resume_flow_run"]


def is_paused(run: FlowRun) -> bool:
    """Whether a flow run waits to be resumed."""
    return run.state_type is StateType.PAUSED


def resume_flow_run(
    conn: Connection, run_id: UUID, *, told: FlowRunInput | None = None, now: datetime
) -> OrchestrationResult:
    """Let a paused flow run go on, or schedule a suspended one.

    Args:
        run_id: The run.
        told: What it is told; stored when it may go on.
        now: The time (UTC).

    Returns:
        What became of it; ABORT, without a state, for a run that is not paused.

    Raises:
        ObjectNotFound: There is no such run.
        ObjectAlreadyExists: It was told something under that key before.
    """
    run = read_flow_run(conn, run_id)
    if run.state is None or not is_paused(run):
        refused = answer(
            OrchestrationStatus.ABORT, run, reason="Cannot resume a flow run that is not paused."
        )
        return structs.replace(refused, state=None)
    proposed: State[Any] = State(type=StateType.RUNNING, timestamp=now)
    if run.state.state_details.pause_reschedule:
        due = StateDetails(scheduled_time=now)
        proposed = State(type=StateType.SCHEDULED, name="Resuming", timestamp=now, state_details=due)
    verdict = set_flow_run_state(conn, run_id, proposed, now=now)
    if told is not None and verdict.status is OrchestrationStatus.ACCEPT:
        create_flow_run_input(conn, told, now=now)
    return verdict
