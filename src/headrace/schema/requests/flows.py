"""What clients send about flows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, field

from headrace.schema.base import Body, Labels, Parameters, utc
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.work_pools import WorkQueueFilter
from headrace.schema.requests.scope import BulkLimit, Limit, Offset, Page, PoolScope
from headrace.schema.sorting import FlowSort

__all__ = [
    "FailingFlowsBody",
    "FlowCreate",
    "FlowIdsBody",
    "FlowUpdate",
    "FlowsBulkDeleteBody",
    "FlowsCountBody",
    "FlowsFilterBody",
    "FlowsPaginateBody",
    "LastRunsBody",
]


class FlowCreate(Body, kw_only=True):
    """`POST /flows/`: the flow of that name, made known when it is not."""

    name: Annotated[str, Meta(pattern=r"^[^/%&><]+$")]
    tags: list[str] = field(default_factory=list)
    labels: Labels | None = field(default_factory=dict)


class FlowUpdate(Body, kw_only=True):
    """`PATCH /flows/{id}`."""

    tags: list[str] | UnsetType = UNSET


class FlowsFilterBody(PoolScope, kw_only=True):
    """`POST /flows/filter`.

    Args:
        work_queues: Clients send it; only flows with runs in such a queue.
    """

    work_queues: WorkQueueFilter | None = None
    sort: FlowSort = FlowSort.NAME_ASC
    limit: Limit | None = None
    offset: Offset = 0


class FlowsCountBody(PoolScope, kw_only=True):
    """`POST /flows/count`."""


class FlowsPaginateBody(PoolScope, kw_only=True):
    """`POST /flows/paginate`."""

    sort: FlowSort = FlowSort.NAME_ASC
    limit: Limit | None = None
    page: Page = 1


class FlowsBulkDeleteBody(Parameters, kw_only=True):
    """`POST /flows/bulk_delete`."""

    flows: FlowFilter | None = None
    limit: BulkLimit = 50


class FlowIdsBody(Parameters, kw_only=True):
    """`POST /ui/flows/count-deployments` and `POST /ui/flows/next-runs`."""

    flow_ids: Annotated[list[UUID], Meta(max_length=200)]


class LastRunsBody(FlowIdsBody, kw_only=True):
    """`POST /ui/flows/last-runs`.

    Args:
        runs: How many of each flow at most.
    """

    runs: Annotated[int, Meta(ge=1, le=50)] = 20


class FailingFlowsBody(Parameters, kw_only=True):
    """`POST /ui/flows/failing`: flows of which runs failed in a span of time.

    Args:
        since: Its start (UTC).
        until: Its end (UTC); the time of asking when left out.
        limit: How many flows at most.
    """

    since: datetime
    until: datetime | None = None
    limit: Annotated[int, Meta(ge=0, le=200)] = 10

    def __post_init__(self) -> None:
        self.since, self.until = utc(self.since), utc(self.until)
