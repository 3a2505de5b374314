"""What clients send about flow runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field, structs

from headrace.core.ids import uuid7
from headrace.core.names import generate_name
from headrace.core.states import StateType
from headrace.schema.base import Body, Labels, Parameters, utc
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.requests.policies import with_retries
from headrace.schema.requests.scope import (
    BulkLimit,
    HistoryInterval,
    Limit,
    Offset,
    Page,
    PoolScope,
    QueueScope,
    RenamedQueueScope,
)
from headrace.schema.requests.states import StateCreate
from headrace.schema.runs import FlowRun, FlowRunPolicy
from headrace.schema.sorting import FlowRunSort

__all__ = [
    "FlowRunCreate",
    "FlowRunIdsBody",
    "FlowRunInputCreate",
    "FlowRunInputsFilterBody",
    "FlowRunUpdate",
    "FlowRunsBulkDeleteBody",
    "FlowRunsBulkSetStateBody",
    "FlowRunsCountBody",
    "FlowRunsFilterBody",
    "FlowRunsHistoryBody",
    "FlowRunsLatenessBody",
    "FlowRunsPaginateBody",
    "ResumeBody",
    "StatesOverTimeBody",
    "UIFlowRunsHistoryBody",
]


class FlowRunCreate(Body, kw_only=True):
    """`POST /flow_runs/`.

    Args:
        id: The run's id; one is minted when left out. A second request with the same id answers with the first one's run.
        name: The run's name; one is made up when left out or empty.
        state: The state that the run starts in; Pending when left out.
        idempotency_key: A second request with the same key and flow answers with the first one's run.
        work_pool_name: The pool that the run goes to; with `work_queue_name`, which of its queues.
    """

    flow_id: UUID
    id: UUID | None = None
    state: StateCreate | None = None
    name: str | None = None
    flow_version: str | None = None
    deployment_id: UUID | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    parent_task_run_id: UUID | None = None
    infrastructure_document_id: UUID | None = None
    empirical_policy: FlowRunPolicy = field(default_factory=FlowRunPolicy)
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = field(default_factory=dict)
    idempotency_key: str | None = None
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] | None = None

    def to_flow_run(self, created: datetime) -> FlowRun:
        """The run that is asked for, in its first state.

        Args:
            created: When (UTC).
        """
        state = self.state or StateCreate(type=StateType.PENDING)
        return FlowRun(
            id=self.id or uuid7(),
            name=self.name or generate_name(),
            created=created,
            flow_id=self.flow_id,
            flow_version=self.flow_version,
            deployment_id=self.deployment_id,
            parameters=self.parameters,
            context=self.context,
            parent_task_run_id=self.parent_task_run_id,
            infrastructure_document_id=self.infrastructure_document_id,
            empirical_policy=with_retries(self.empirical_policy),
            tags=self.tags,
            labels=dict(self.labels or {}),
            idempotency_key=self.idempotency_key,
            job_variables=self.job_variables or {},
            state=state.to_state(created),
        )


class FlowRunUpdate(Body, kw_only=True):
    """`PATCH /flow_runs/{id}`: what is given replaces what was."""

    name: str | UnsetType | None = UNSET
    flow_version: str | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET
    empirical_policy: FlowRunPolicy | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    infrastructure_pid: str | UnsetType | None = UNSET
    job_variables: dict[str, Any] | UnsetType | None = UNSET

    def changes(self) -> dict[str, Any]:
        """What is given, by field; a name that is empty becomes one that is made up."""
        given = {name: value for name, value in structs.asdict(self).items() if value is not UNSET}
        if "name" in given:
            given["name"] = self.name or generate_name()
        if isinstance(self.empirical_policy, FlowRunPolicy):
            given["empirical_policy"] = with_retries(self.empirical_policy)
        return given


class FlowRunsFilterBody(QueueScope, kw_only=True):
    """`POST /flow_runs/filter`."""

    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: Limit | None = None
    offset: Offset = 0


class FlowRunsCountBody(QueueScope, kw_only=True):
    """`POST /flow_runs/count`."""


class FlowRunsLatenessBody(QueueScope, kw_only=True):
    """`POST /flow_runs/lateness`."""


class FlowRunsPaginateBody(QueueScope, kw_only=True):
    """`POST /flow_runs/paginate`."""

    sort: FlowRunSort = FlowRunSort.ID_DESC
    limit: Limit | None = None
    page: Page = 1


class FlowRunsHistoryBody(RenamedQueueScope, kw_only=True):
    """`POST /flow_runs/history`.

    Args:
        history_start: The start of the first bucket (UTC).
        history_end: The end of the last (UTC).
        history_interval: The width of a bucket, in seconds.
    """

    history_start: datetime
    history_end: datetime
    history_interval: HistoryInterval = field(name="history_interval_seconds")

    def __post_init__(self) -> None:
        self.history_start, self.history_end = utc(self.history_start), utc(self.history_end)


class FlowRunsBulkDeleteBody(Parameters, kw_only=True):
    """`POST /flow_runs/bulk_delete`."""

    flow_runs: FlowRunFilter | None = None
    limit: BulkLimit = 50


class FlowRunsBulkSetStateBody(Parameters, kw_only=True):
    """`POST /flow_runs/bulk_set_state`.

    Args:
        force: Skip the rules that protect final states.
    """

    state: StateCreate
    flow_runs: FlowRunFilter | None = None
    force: bool = False
    limit: BulkLimit = 50


class ResumeBody(Parameters, kw_only=True):
    """`POST /flow_runs/{id}/resume`."""

    run_input: dict[str, Any] | None = None


class FlowRunInputCreate(Parameters, kw_only=True):
    """`POST /flow_runs/{id}/input`.

    Args:
        key: Letters, digits, hyphens and underscores; unique in the run.
        value: JSON text.
        sender: Who sends it, as `prefect.flow-run.<id>`.
    """

    key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*$")]
    value: str
    sender: str | None = None


class FlowRunInputsFilterBody(Parameters, kw_only=True):
    """`POST /flow_runs/{id}/input/filter`: the oldest inputs whose keys begin so."""

    prefix: str
    limit: Limit = 1
    exclude_keys: list[str] = field(default_factory=list)


class FlowRunIdsBody(Parameters, kw_only=True):
    """`POST /ui/flow_runs/count-task-runs`."""

    flow_run_ids: Annotated[list[UUID], Meta(max_length=200)]


class UIFlowRunsHistoryBody(PoolScope, kw_only=True):
    """`POST /ui/flow_runs/history`."""

    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC
    limit: Annotated[int, Meta(ge=0, le=1000)] = 1000
    offset: Offset = 0


class StatesOverTimeBody(QueueScope, kw_only=True):
    """`POST /ui/flow_runs/states-over-time`.

    Args:
        since: The start of the first interval (UTC).
        until: The end of the last (UTC); the time of asking when left out.
        buckets: How many intervals.
    """

    since: datetime
    until: datetime | None = None
    buckets: Annotated[int, Meta(ge=1, le=200)] = 60

    def __post_init__(self) -> None:
        self.since, self.until = utc(self.since), utc(self.until)
