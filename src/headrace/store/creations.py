"""Many new flow runs at once: two statements for all of them, whoever asked for them.

A server under load creates thousands of runs a second, each asked for by another client. One at a time each costs two
statements of 30 bound values, most of it under the GIL; together they travel as one JSON text, as records do (`bulk`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from headrace.core.states import TERMINAL_STATES
from headrace.schema.runs import FlowRun, FlowRunPolicy
from headrace.schema.states import State, details_of, metadata_of
from headrace.store.bulk import BulkInsert, Rows
from headrace.store.columns import short
from headrace.store.connection import Connection, micros
from headrace.store.flow_runs import new_flow_run
from headrace.store.labels import inherited_labels
from headrace.store.rows import instant
from headrace.store.transitions import entered

_common = {
    "name": "text",
    "created": "bigint",
    "updated": "bigint",
    "state_type": "text",
    "state_name": "text",
    "state_timestamp": "bigint",
    "run_count": "integer",
    "expected_start_time": "bigint",
    "total_run_time": "float",
    "auto_scheduled": "boolean",
    "empirical_policy": "text",
    "labels": "text",
    "parameters": "text",
    "tags": "text",
    "flow_version": "text",
    "job_variables": "text",
}
_rare = {
    "start_time": "bigint",
    "next_scheduled_start_time": "bigint",
    "context": "text",
    "created_by": "text",
}

_FLOW_RUNS = BulkInsert("flow_run", ("id", "flow_id", "state_id"), _common | _rare)
_STEPS = BulkInsert(
    "event",
    ("id", "run_id", "flow_run_id"),
    {
        "occurred": "bigint",
        "run_count": "integer",
        "state_type": "text",
        "state_name": "text",
        "message": "text",
        "state_details": "text",
        "state_data": "text",
    },
    constants={"run_kind": "flow-run"},
)


_NO_POLICY = FlowRunPolicy()


def is_plain(run: FlowRun) -> bool:
    """Whether a new run can be stored together with others: nothing is to be looked up for it, or follows from it.

    Args:
        run: A run with a state whose id, and the state's, have just been minted.
    """
    return (
        run.state is not None
        and run.state.type not in TERMINAL_STATES
        and not any(
            (run.idempotency_key, run.parent_task_run_id, run.deployment_id, run.infrastructure_document_id)
        )
    )


def create_flow_runs(conn: Connection, runs: Sequence[FlowRun], *, now: datetime) -> list[FlowRun]:
    """Store new flow runs, each with its first state.

    Args:
        runs: The runs; each `is_plain`. They get the labels of their flows.
        now: The time (UTC).

    Returns:
        The runs as they are stored.

    Raises:
        StoreConflictError: The flow of one of them is not stored; then none of them is.
    """
    flow_runs, steps, stored = Rows(), Rows(), []
    inherited = {flow_id: inherited_labels(conn, flow_id) for flow_id in {run.flow_id for run in runs}}
    for run in runs:
        assert run.state is not None
        run.labels = inherited[run.flow_id] | run.labels
        made = entered(new_flow_run(run, now), run.state)
        _add_flow_run(flow_runs, made, run.state)
        _add_step(steps, made, run.state)
        stored.append(made)
    _FLOW_RUNS.execute(conn, flow_runs)
    _STEPS.execute(conn, steps)
    return stored


def _add_flow_run(rows: Rows, run: FlowRun, state: State[Any]) -> None:
    rows.ids += [_octets(run.id), _octets(run.flow_id), _octets(state.id)]
    policy, rare = run.empirical_policy, (run.start_time, run.next_scheduled_start_time)
    common = (
        short(run.name),
        instant(run.created),
        instant(run.updated),
        state.type.value,
        short(state.name),
        instant(state.timestamp),
        run.run_count,
        instant(run.expected_start_time),
        run.total_run_time,
        run.auto_scheduled,
        None if policy == _NO_POLICY else policy,
        run.labels or None,
        run.parameters or None,
        run.tags or None,
        run.flow_version,
        run.job_variables,
    )
    if any(rare) or run.context or run.created_by:
        rows.fields.append((*common, *map(instant, rare), run.context or None, run.created_by))
        rows.width = len(_common) + len(_rare)
    else:
        rows.fields.append(common)
        rows.width = rows.width or len(_common)


def _add_step(rows: Rows, run: FlowRun, state: State[Any]) -> None:
    rows.ids += [_octets(state.id), _octets(run.id), _octets(run.id)]
    rows.fields.append(
        (
            micros(state.timestamp),
            run.run_count,
            state.type.value,
            short(state.name),
            state.message,
            details_of(state.state_details),
            metadata_of(state.data),
        )
    )
    rows.width = 7


def _octets(value: UUID) -> bytes:
    return value.int.to_bytes(16, "big")
