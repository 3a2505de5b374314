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
from headrace.schema.runs import FlowRun
from headrace.schema.states import State, details_of, metadata_of
from headrace.store.bulk import NO_ID, BulkInsert, Rows
from headrace.store.connection import Connection, micros
from headrace.store.flow_runs import COLUMNS, new_flow_run
from headrace.store.labels import inherited_labels
from headrace.store.transitions import entered

_IDS = (
    "id",
    "flow_id",
    "deployment_id",
    "work_queue_id",
    "work_pool_id",
    "parent_task_run_id",
    "state_id",
    "infrastructure_document_id",
)
_FIELDS = {
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
    "parameters": "text",
    "tags": "text",
    "empirical_policy": "text",
    "start_time": "bigint",
    "end_time": "bigint",
    "next_scheduled_start_time": "bigint",
    "flow_version": "text",
    "deployment_version": "text",
    "infrastructure_pid": "text",
    "context": "text",
    "labels": "text",
    "created_by": "text",
    "job_variables": "text",
}

_FLOW_RUNS = BulkInsert("flow_run", _IDS, _FIELDS)
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


def is_plain(run: FlowRun) -> bool:
    """Whether a new run can be stored together with others: nothing is to be looked up for it, or follows from it.

    Args:
        run: A run with a state whose id, and the state's, have just been minted.
    """
    return (
        run.idempotency_key is None
        and run.parent_task_run_id is None
        and run.state is not None
        and run.state.type not in TERMINAL_STATES
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
    kept = COLUMNS.dump(run)
    kept["state_timestamp"] = state.timestamp
    rows.ids += [_octets(kept[name]) for name in _IDS]
    rows.fields.append(
        tuple([micros(value) if type(value := kept[name]) is datetime else value for name in _FIELDS])
    )
    rows.width = len(_FIELDS)


def _add_step(rows: Rows, run: FlowRun, state: State[Any]) -> None:
    rows.ids += [_octets(state.id), _octets(run.id), _octets(run.id)]
    rows.fields.append(
        (
            micros(state.timestamp),
            run.run_count,
            state.type.value,
            state.name,
            state.message,
            details_of(state.state_details),
            metadata_of(state.data),
        )
    )
    rows.width = 7


def _octets(value: UUID | None) -> bytes:
    return NO_ID if value is None else value.int.to_bytes(16, "big")
