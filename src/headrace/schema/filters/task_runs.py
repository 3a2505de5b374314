"""Which task runs."""

from __future__ import annotations

from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.filters.shapes import (
    AnyOf,
    AnyOrNull,
    AnyOrPattern,
    Filter,
    Operator,
    Tags,
    Within,
    WithinOrNull,
)

__all__ = [
    "TaskRunFilter",
    "TaskRunFilterEndTime",
    "TaskRunFilterExpectedStartTime",
    "TaskRunFilterFlowRunId",
    "TaskRunFilterId",
    "TaskRunFilterName",
    "TaskRunFilterStartTime",
    "TaskRunFilterState",
    "TaskRunFilterStateName",
    "TaskRunFilterStateType",
    "TaskRunFilterSubFlowRuns",
    "TaskRunFilterTags",
]


class TaskRunFilterFlowRunId(AnyOrNull[UUID], kw_only=True):
    """By the flow run that called the task.

    Args:
        is_null_: True: task runs outside flow runs. False: inside some, or inside those of `any_`.
    """

    is_null_: bool | None = False


class TaskRunFilterId(AnyOf[UUID], kw_only=True):
    """By id."""


class TaskRunFilterName(AnyOrPattern, kw_only=True):
    """By name."""


class TaskRunFilterTags(Tags, kw_only=True):
    """By tags."""


class TaskRunFilterStateType(AnyOf[StateType], kw_only=True):
    """By the type of the present state."""


class TaskRunFilterStateName(AnyOf[str], kw_only=True):
    """By the name of the present state."""


class TaskRunFilterState(Filter, kw_only=True):
    """By the present state."""

    operator: Operator = Operator.and_
    type: TaskRunFilterStateType | None = None
    name: TaskRunFilterStateName | None = None


class TaskRunFilterSubFlowRuns(Filter, kw_only=True):
    """By whether the task run stands for a subflow run.

    Args:
        exists_: True: it does. False: it is a task run of its own.
    """

    exists_: bool | None = None


class TaskRunFilterStartTime(WithinOrNull, kw_only=True):
    """By when the run started."""


class TaskRunFilterEndTime(WithinOrNull, kw_only=True):
    """By when the run ended."""


class TaskRunFilterExpectedStartTime(Within, kw_only=True):
    """By when the run started or should start."""


class TaskRunFilter(Filter, kw_only=True):
    """Which task runs.

    Args:
        operator: Whether a run must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    id: TaskRunFilterId | None = None
    name: TaskRunFilterName | None = None
    tags: TaskRunFilterTags | None = None
    state: TaskRunFilterState | None = None
    start_time: TaskRunFilterStartTime | None = None
    end_time: TaskRunFilterEndTime | None = None
    expected_start_time: TaskRunFilterExpectedStartTime | None = None
    subflow_runs: TaskRunFilterSubFlowRuns | None = None
    flow_run_id: TaskRunFilterFlowRunId | None = None
