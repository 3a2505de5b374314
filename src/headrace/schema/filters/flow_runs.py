"""Which flow runs."""

from __future__ import annotations

from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.filters.shapes import (
    AnyOf,
    AnyOrNoneOf,
    AnyOrNull,
    AnyOrPattern,
    Filter,
    Operator,
    Tags,
    Within,
    WithinOrNull,
)

__all__ = [
    "FlowRunFilter",
    "FlowRunFilterCreatedBy",
    "FlowRunFilterDeploymentId",
    "FlowRunFilterEndTime",
    "FlowRunFilterExpectedStartTime",
    "FlowRunFilterFlowVersion",
    "FlowRunFilterId",
    "FlowRunFilterIdempotencyKey",
    "FlowRunFilterName",
    "FlowRunFilterNextScheduledStartTime",
    "FlowRunFilterParentFlowRunId",
    "FlowRunFilterParentTaskRunId",
    "FlowRunFilterStartTime",
    "FlowRunFilterState",
    "FlowRunFilterStateName",
    "FlowRunFilterStateType",
    "FlowRunFilterTags",
    "FlowRunFilterWorkQueueName",
]


class FlowRunFilterId(AnyOrNoneOf[UUID], kw_only=True):
    """By id."""


class FlowRunFilterName(AnyOrPattern, kw_only=True):
    """By name."""


class FlowRunFilterTags(Tags, kw_only=True):
    """By tags.

    Args:
        any_: Tags of which at least one must be there.
    """

    any_: list[str] | None = None


class FlowRunFilterDeploymentId(AnyOrNull[UUID], kw_only=True):
    """By deployment."""


class FlowRunFilterWorkQueueName(AnyOrNull[str], kw_only=True):
    """By the name of the work queue."""


class FlowRunFilterStateType(AnyOrNoneOf[StateType], kw_only=True):
    """By the type of the present state."""


class FlowRunFilterStateName(AnyOrNoneOf[str], kw_only=True):
    """By the name of the present state."""


class FlowRunFilterState(Filter, kw_only=True):
    """By the present state."""

    operator: Operator = Operator.and_
    type: FlowRunFilterStateType | None = None
    name: FlowRunFilterStateName | None = None


class FlowRunFilterFlowVersion(AnyOf[str], kw_only=True):
    """By the version of the flow."""


class FlowRunFilterStartTime(WithinOrNull, kw_only=True):
    """By when the run started."""


class FlowRunFilterEndTime(WithinOrNull, kw_only=True):
    """By when the run ended."""


class FlowRunFilterExpectedStartTime(Within, kw_only=True):
    """By when the run started or should start."""


class FlowRunFilterNextScheduledStartTime(Within, kw_only=True):
    """By the time for which the run waits."""


class FlowRunFilterParentFlowRunId(Filter, kw_only=True):
    """By the flow run that called this one as a subflow."""

    operator: Operator = Operator.and_
    any_: list[UUID] | None = None


class FlowRunFilterParentTaskRunId(AnyOrNull[UUID], kw_only=True):
    """By the task run that stands for this run in its parent."""


class FlowRunFilterIdempotencyKey(AnyOrNoneOf[str], kw_only=True):
    """By the idempotency key with which the run was created."""


class FlowRunFilterCreatedBy(Filter, kw_only=True):
    """By who or what created the run.

    Args:
        id_: Ids of creators.
        type_: Types of creators, as `SCHEDULE`.
        is_null_: True: the creator is not known. False: it is.
    """

    operator: Operator = Operator.and_
    id_: list[UUID] | None = None
    type_: list[str] | None = None
    is_null_: bool | None = None


class FlowRunFilter(Filter, kw_only=True):
    """Which flow runs.

    Args:
        operator: Whether a run must meet all criteria or any.

    Example:
        FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.FAILED])))
    """

    operator: Operator = Operator.and_
    id: FlowRunFilterId | None = None
    name: FlowRunFilterName | None = None
    tags: FlowRunFilterTags | None = None
    deployment_id: FlowRunFilterDeploymentId | None = None
    work_queue_name: FlowRunFilterWorkQueueName | None = None
    state: FlowRunFilterState | None = None
    flow_version: FlowRunFilterFlowVersion | None = None
    start_time: FlowRunFilterStartTime | None = None
    end_time: FlowRunFilterEndTime | None = None
    expected_start_time: FlowRunFilterExpectedStartTime | None = None
    next_scheduled_start_time: FlowRunFilterNextScheduledStartTime | None = None
    parent_flow_run_id: FlowRunFilterParentFlowRunId | None = None
    parent_task_run_id: FlowRunFilterParentTaskRunId | None = None
    idempotency_key: FlowRunFilterIdempotencyKey | None = None
    created_by: FlowRunFilterCreatedBy | None = None
