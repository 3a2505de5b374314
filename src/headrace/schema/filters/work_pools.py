"""Which work pools, and which of their queues."""

from __future__ import annotations

from uuid import UUID

from headrace.schema.filters.shapes import AnyOf, Filter, Operator

__all__ = [
    "WorkPoolFilter",
    "WorkPoolFilterId",
    "WorkPoolFilterName",
    "WorkPoolFilterType",
    "WorkQueueFilter",
    "WorkQueueFilterId",
    "WorkQueueFilterName",
]


class WorkPoolFilterId(AnyOf[UUID], kw_only=True):
    """By id."""


class WorkPoolFilterName(AnyOf[str], kw_only=True):
    """By name."""


class WorkPoolFilterType(AnyOf[str], kw_only=True):
    """By the type of infrastructure."""


class WorkPoolFilter(Filter, kw_only=True):
    """Which work pools.

    Args:
        operator: Whether a pool must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    id: WorkPoolFilterId | None = None
    name: WorkPoolFilterName | None = None
    type: WorkPoolFilterType | None = None


class WorkQueueFilterId(AnyOf[UUID], kw_only=True):
    """By id."""


class WorkQueueFilterName(AnyOf[str], kw_only=True):
    """By name.

    Args:
        startswith_: Beginnings of names of which one must fit.
    """

    startswith_: list[str] | None = None


class WorkQueueFilter(Filter, kw_only=True):
    """Which work queues.

    Args:
        operator: Whether a queue must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    id: WorkQueueFilterId | None = None
    name: WorkQueueFilterName | None = None
