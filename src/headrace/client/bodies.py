"""Bodies of what is asked of a server about runs: the objects of the engine as the API takes them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs

from headrace.core.text import encode_json
from headrace.schema.requests.flow_runs import FlowRunCreate
from headrace.schema.requests.states import StateCreate
from headrace.schema.requests.task_runs import TaskRunCreate
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State, metadata_of

__all__ = ["encoded", "flow_run_body", "state_body", "task_run_body"]


def encoded(body: msgspec.Struct) -> bytes:
    """A body as JSON; what JSON has no form for is replaced."""
    try:
        return msgspec.json.encode(body)
    except Exception:  # half a surrogate pair in a name, and the like
        return encode_json(body).encode()


def flow_run_body(run: FlowRun, flow_id: UUID) -> FlowRunCreate:
    """What creates a flow run, of a flow that the server knows."""
    return FlowRunCreate(
        id=run.id,
        flow_id=flow_id,
        state=None if run.state is None else state_body(run.state),
        name=run.name,
        flow_version=run.flow_version,
        deployment_id=run.deployment_id,
        parameters=run.parameters,
        context=run.context,
        parent_task_run_id=run.parent_task_run_id,
        empirical_policy=run.empirical_policy,
        tags=run.tags,
        labels=run.labels,
        idempotency_key=run.idempotency_key,
        job_variables=run.job_variables,
    )


def task_run_body(run: TaskRun) -> TaskRunCreate:
    """What creates a task run."""
    return TaskRunCreate(
        id=run.id,
        name=run.name,
        task_key=run.task_key,
        dynamic_key=run.dynamic_key,
        flow_run_id=run.flow_run_id,
        task_version=run.task_version,
        empirical_policy=run.empirical_policy,
        tags=run.tags,
        labels=run.labels,
        task_inputs=run.task_inputs,
        state=None if run.state is None else state_body(run.state),
    )


def state_body(state: State[Any]) -> StateCreate:
    """What proposes a state. Nothing of it is shared with the state, which may change."""
    return StateCreate(
        type=state.type,
        name=state.name,
        message=state.message,
        data=None if state.data is None else metadata_of(state.data),
        state_details=structs.replace(state.state_details),
        id=state.id,
        timestamp=state.timestamp,
    )
