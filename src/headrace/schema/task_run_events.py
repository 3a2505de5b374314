"""The payload of `prefect.task-run.*` events, by which Prefect's clients report what their task runs do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.core.states import StateType
from headrace.schema.base import Int32, Schema
from headrace.schema.runs import RunInput, TaskRunPolicy
from headrace.schema.states import StateDetails

__all__ = ["ReportedState", "ReportedTaskRun", "TaskRunReport"]


class ReportedState(Schema, kw_only=True):
    """The state that the run has entered; when is the time of the event."""

    type: StateType
    name: str | None = None
    message: str | None = None
    state_details: StateDetails | None = None
    data: Any = None


class ReportedTaskRun(Schema, kw_only=True):
    """The run after it has entered the state; its ids are in the event's resources."""

    task_key: str
    dynamic_key: str
    name: str | None = None
    empirical_policy: TaskRunPolicy | None = None
    tags: list[str] | None = None
    labels: dict[str, Any] | None = None
    task_inputs: dict[str, list[RunInput]] | None = None
    task_version: str | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    run_count: Int32 = 0
    flow_run_run_count: Int32 = 0
    expected_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class TaskRunReport(Schema, kw_only=True):
    """The payload. What clients send besides, the state before, is known from the event that this one follows."""

    validated_state: ReportedState
    task_run: ReportedTaskRun
