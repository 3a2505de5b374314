"""What clients send about task runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from headrace.core.ids import uuid7
from headrace.core.names import generate_name
from headrace.core.states import StateType
from headrace.schema.base import Body, Labels, utc
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.requests.policies import with_retries
from headrace.schema.requests.scope import HistoryInterval, Limit, Offset, Page, RenamedQueueScope, RunScope
from headrace.schema.requests.states import StateCreate
from headrace.schema.runs import RunInput, TaskRun, TaskRunPolicy
from headrace.schema.sorting import TaskRunSort

__all__ = [
    "TaskRunCreate",
    "TaskRunUpdate",
    "TaskRunsCountBody",
    "TaskRunsFilterBody",
    "TaskRunsHistoryBody",
    "TaskRunsPaginateBody",
    "UITaskRunCountsBody",
]


class TaskRunCreate(Body, kw_only=True):
    """`POST /task_runs/`.

    Args:
        id: The run's id; one is minted when left out.
        name: The run's name; one is made up when left out or empty.
        task_key: What tells the task apart from others.
        dynamic_key: What tells the run apart from others of the same task in the same flow run.
    """

    task_key: str
    dynamic_key: str
    id: UUID | None = None
    state: StateCreate | None = None
    name: str | None = None
    flow_run_id: UUID | None = None
    cache_key: Annotated[str, Meta(max_length=2000)] | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = field(default_factory=TaskRunPolicy)
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = field(default_factory=dict)
    task_inputs: dict[str, list[RunInput]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cache_expiration = utc(self.cache_expiration)

    def to_task_run(self, created: datetime) -> TaskRun:
        """The run that is asked for, in its first state.

        Args:
            created: When (UTC).
        """
        state = self.state or StateCreate(type=StateType.PENDING)
        return TaskRun(
            id=self.id or uuid7(),
            name=self.name or generate_name(),
            created=created,
            flow_run_id=self.flow_run_id,
            task_key=self.task_key,
            dynamic_key=self.dynamic_key,
            task_version=self.task_version,
            cache_key=self.cache_key,
            cache_expiration=self.cache_expiration,
            empirical_policy=with_retries(self.empirical_policy),
            task_inputs=self.task_inputs,
            tags=self.tags,
            labels=dict(self.labels or {}),
            state=state.to_state(created),
        )


class TaskRunUpdate(Body, kw_only=True):
    """`PATCH /task_runs/{id}`."""

    name: str | UnsetType | None = UNSET


class TaskRunsFilterBody(RunScope, kw_only=True):
    """`POST /task_runs/filter`."""

    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: Limit | None = None
    offset: Offset = 0


class TaskRunsCountBody(RunScope, kw_only=True):
    """`POST /task_runs/count` and `POST /ui/task_runs/count`."""


class TaskRunsPaginateBody(RunScope, kw_only=True):
    """`POST /task_runs/paginate`."""

    sort: TaskRunSort = TaskRunSort.ID_DESC
    limit: Limit | None = None
    page: Page = 1


class TaskRunsHistoryBody(RunScope, kw_only=True):
    """`POST /task_runs/history`.

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


class UITaskRunCountsBody(RenamedQueueScope, kw_only=True):
    """`POST /ui/task_runs/dashboard/counts`: `task_runs` must say from when on."""

    task_runs: TaskRunFilter
