"""Which deployments."""

from __future__ import annotations

from uuid import UUID

from headrace.schema.filters.shapes import AnyOf, AnyOrNoneOf, AnyOrPattern, Between, Filter, Operator, Tags

__all__ = [
    "DeploymentFilter",
    "DeploymentFilterConcurrencyLimit",
    "DeploymentFilterId",
    "DeploymentFilterName",
    "DeploymentFilterPaused",
    "DeploymentFilterTags",
    "DeploymentFilterWorkQueueName",
    "DeploymentOrFlowNameFilter",
]


class DeploymentFilterId(AnyOrNoneOf[UUID], kw_only=True):
    """By id."""


class DeploymentFilterName(AnyOrPattern, kw_only=True):
    """By name."""


class DeploymentOrFlowNameFilter(Filter, kw_only=True):
    """By the name of the deployment or of its flow.

    Args:
        like_: A text that the name contains, in any case of letters.
    """

    like_: str | None = None


class DeploymentFilterPaused(Filter, kw_only=True):
    """By whether it is paused."""

    eq_: bool | None = None


class DeploymentFilterTags(Tags, kw_only=True):
    """By tags.

    Args:
        any_: Tags of which at least one must be there.
    """

    any_: list[str] | None = None


class DeploymentFilterWorkQueueName(AnyOf[str], kw_only=True):
    """By the name of the work queue."""


class DeploymentFilterConcurrencyLimit(Between, kw_only=True):
    """By how many of its runs may run at once.

    Args:
        is_null_: True: there is no limit. False: there is one.
    """

    is_null_: bool | None = None


class DeploymentFilter(Filter, kw_only=True):
    """Which deployments.

    Args:
        operator: Whether a deployment must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    id: DeploymentFilterId | None = None
    name: DeploymentFilterName | None = None
    flow_or_deployment_name: DeploymentOrFlowNameFilter | None = None
    paused: DeploymentFilterPaused | None = None
    tags: DeploymentFilterTags | None = None
    work_queue_name: DeploymentFilterWorkQueueName | None = None
    concurrency_limit: DeploymentFilterConcurrencyLimit | None = None
