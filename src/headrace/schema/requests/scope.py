"""What the bodies of lists and counts share: filters of the nouns around the one that is asked for, and the part wanted.

An object is in a list when it meets the filter of its own noun and belongs to an object of each other noun that has
a filter: flow runs with a filter of `flows` are those of the flows that meet it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from headrace.schema.base import Parameters
from headrace.schema.filters.deployments import DeploymentFilter
from headrace.schema.filters.flow_runs import FlowRunFilter
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.task_runs import TaskRunFilter
from headrace.schema.filters.work_pools import WorkPoolFilter, WorkQueueFilter

__all__ = [
    "BulkLimit",
    "HistoryInterval",
    "Limit",
    "Offset",
    "Page",
    "PoolScope",
    "QueueScope",
    "RenamedQueueScope",
    "RunScope",
]

Limit = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""How many at most; the setting `server.api.default_limit` when left out, and never more than that."""

Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""How many to leave out at the start."""

Page = Annotated[int, Meta(ge=1, le=2**31 - 1)]
"""Which page, from 1."""

BulkLimit = Annotated[int, Meta(ge=1, le=50)]
"""How many one request changes at most."""

HistoryInterval = Annotated[float, Meta(ge=1, le=100 * 366 * 86_400)]
"""The width of a bucket of a history, in seconds."""


class RunScope(Parameters, kw_only=True):
    """Filters of flows, their runs, the task runs of those, and deployments."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None


class PoolScope(RunScope, kw_only=True):
    """Filters of runs, and of the work pools that they go to."""

    work_pools: WorkPoolFilter | None = None


class QueueScope(PoolScope, kw_only=True):
    """Filters of runs, and of the work pools and queues that they go to."""

    work_pool_queues: WorkQueueFilter | None = None


class RenamedQueueScope(PoolScope, kw_only=True):
    """As `QueueScope`, where the wire says `work_queues`."""

    work_pool_queues: WorkQueueFilter | None = field(default=None, name="work_queues")
