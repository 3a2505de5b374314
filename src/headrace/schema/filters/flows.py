"""Which flows."""

from __future__ import annotations

from uuid import UUID

from headrace.schema.filters.shapes import AnyOrNoneOf, AnyOrPattern, Filter, Operator, Tags

__all__ = ["FlowFilter", "FlowFilterDeployment", "FlowFilterId", "FlowFilterName", "FlowFilterTags"]


class FlowFilterId(AnyOrNoneOf[UUID], kw_only=True):
    """By id."""


class FlowFilterName(AnyOrPattern, kw_only=True):
    """By name."""


class FlowFilterTags(Tags, kw_only=True):
    """By tags."""


class FlowFilterDeployment(Filter, kw_only=True):
    """By whether the flow is deployed.

    Args:
        is_null_: True: flows without deployments. False: flows with some.
    """

    operator: Operator = Operator.and_
    is_null_: bool | None = None


class FlowFilter(Filter, kw_only=True):
    """Which flows.

    Args:
        operator: Whether a flow must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    id: FlowFilterId | None = None
    deployment: FlowFilterDeployment | None = None
    name: FlowFilterName | None = None
    tags: FlowFilterTags | None = None
