"""`FlowRun` and `TaskRun`: one execution of a flow, one execution of a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct, field

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.base import Schema
from headrace.schema.states import State

__all__ = [
    "Constant",
    "CreatedBy",
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "Parameter",
    "RunInput",
    "TaskRun",
    "TaskRunPolicy",
    "TaskRunResult",
]


class TaskRunResult(Struct, frozen=True, tag_field="input_type", tag="task_run", kw_only=True):
    """An input that is the result of a task run."""

    id: UUID


class FlowRunResult(Struct, frozen=True, tag_field="input_type", tag="flow_run", kw_only=True):
    """An input that is the result of a flow run."""

    id: UUID


class Parameter(Struct, frozen=True, tag_field="input_type", tag="parameter", kw_only=True):
    """An input that is a parameter of the flow run."""

    name: str


class Constant(Struct, frozen=True, tag_field="input_type", tag="constant", kw_only=True):
    """An input of a fixed value."""

    type: str


RunInput = TaskRunResult | FlowRunResult | Parameter | Constant


class CreatedBy(Schema, kw_only=True):
    """Who or what created a run.

    Args:
        id: The id of the creator, say of a schedule.
        type: What it is: `SCHEDULE`, `DEPLOYMENT`, `AUTOMATION`.
        display_value: How people know it.
    """

    id: UUID | None = None
    type: str | None = None
    display_value: str | None = None


class FlowRunPolicy(Schema, kw_only=True):
    """How a flow run is retried, paused and resumed. Delays are in seconds."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | float | None = None
    pause_keys: set[str] | None = field(default_factory=set)
    resuming: bool | None = False
    retry_type: Literal["in_process", "reschedule"] | None = None


class TaskRunPolicy(Schema, kw_only=True):
    """How a task run is retried. Delays are in seconds."""

    max_retries: int = 0
    retry_delay_seconds: float = 0
    retries: int | None = None
    retry_delay: int | float | list[float] | None = None
    retry_jitter_factor: float | None = None


class _Run(Schema, weakref=True, kw_only=True):
    """What both kinds of run share."""

    id: UUID = field(default_factory=uuid7)
    name: str = ""
    created: datetime | None = None
    updated: datetime | None = None
    state_id: UUID | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    state: State[Any] | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)


class FlowRun(_Run, kw_only=True):
    """One execution of a flow. Durations are in seconds."""

    flow_id: UUID
    deployment_id: UUID | None = None
    deployment_version: str | None = None
    work_queue_id: UUID | None = None
    work_queue_name: str | None = None
    work_pool_id: UUID | None = None
    work_pool_name: str | None = None
    flow_version: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    empirical_policy: FlowRunPolicy = field(default_factory=FlowRunPolicy)
    parent_task_run_id: UUID | None = None
    auto_scheduled: bool = False
    infrastructure_document_id: UUID | None = None
    infrastructure_pid: str | None = None
    created_by: CreatedBy | None = None
    job_variables: dict[str, Any] | None = None


class TaskRun(_Run, kw_only=True):
    """One execution of a task. Durations are in seconds."""

    task_key: str
    dynamic_key: str
    flow_run_id: UUID | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = field(default_factory=TaskRunPolicy)
    task_inputs: dict[str, list[RunInput]] = field(default_factory=dict)
    flow_run_run_count: int = 0
