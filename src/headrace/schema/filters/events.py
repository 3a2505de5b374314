"""Which events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec import field

from headrace.schema.base import now, utc
from headrace.schema.filters.shapes import Filter, Text

__all__ = [
    "END_OF_TIME",
    "EventAnyResourceFilter",
    "EventFilter",
    "EventIDFilter",
    "EventNameFilter",
    "EventOccurredFilter",
    "EventOrder",
    "EventRelatedFilter",
    "EventResourceFilter",
    "EventTextFilter",
    "ResourceSpecification",
]

DEFAULT_SPAN = timedelta(days=180)

END_OF_TIME = datetime.max.replace(tzinfo=UTC)
"""The end of a span that has none."""

ResourceSpecification = dict[str, str | list[str]]
"""The labels that a resource must have: by key the value, or values of which one must be; `*` at the end matches any rest,
`!` at the start negates."""


class EventOrder(StrEnum):
    """By the time at which they occurred."""

    ASC = "ASC"
    DESC = "DESC"


def _half_a_year_ago() -> datetime:
    return now().replace(hour=0, minute=0, second=0, microsecond=0) - DEFAULT_SPAN


class EventOccurredFilter(Filter, kw_only=True):
    """By when they occurred, both ends included.

    Args:
        since: The earliest time (UTC); midnight 180 days ago when left out.
        until: The latest time (UTC); now when left out.
    """

    since: datetime = field(default_factory=_half_a_year_ago)
    until: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.since, self.until = utc(self.since), utc(self.until)


class EventNameFilter(Filter, kw_only=True):
    """By name.

    Args:
        prefix: Beginnings of names of which one must fit.
        exclude_prefix: Beginnings that must not fit.
        name: Names of which one must be it.
        exclude_name: Names that must not be it.
    """

    prefix: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    exclude_name: list[str] | None = None


class EventResourceFilter(Filter, kw_only=True):
    """By what they happened to.

    Args:
        id: Ids of resources.
        id_prefix: Beginnings of ids.
        labels: What the resource must be labelled with.
        distinct: Only the newest event of each resource.
    """

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: ResourceSpecification | None = None
    distinct: bool = False


class EventRelatedFilter(Filter, kw_only=True):
    """By what else was involved; all of it must be true of the same related resource.

    Args:
        id: Ids of resources.
        role: Roles.
        resources_in_roles: Pairs of a resource's id and its role.
        labels: What the resource must be labelled with.
    """

    id: list[str] | None = None
    role: list[str] | None = None
    resources_in_roles: list[tuple[str, str]] | None = None
    labels: ResourceSpecification | None = None


class EventAnyResourceFilter(Filter, kw_only=True):
    """By what they happened to or what else was involved.

    Args:
        id: Ids of resources.
        id_prefix: Beginnings of ids.
        labels: What the resource must be labelled with.
    """

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: ResourceSpecification | None = None


class EventIDFilter(Filter, kw_only=True):
    """By id."""

    id: list[UUID] | None = None


class EventTextFilter(Text, kw_only=True):
    """By words in their names, resources and payloads."""


class EventFilter(Filter, kw_only=True):
    """Which events: those that meet all criteria.

    Args:
        related: One related resource that must be there, or several.
        any_resource: One resource that must be there, or several.
        order: Oldest or newest first.
    """

    occurred: EventOccurredFilter = field(default_factory=EventOccurredFilter)
    event: EventNameFilter | None = None
    resource: EventResourceFilter | None = None
    related: EventRelatedFilter | list[EventRelatedFilter] | None = None
    any_resource: EventAnyResourceFilter | list[EventAnyResourceFilter] | None = None
    id: EventIDFilter = field(default_factory=EventIDFilter)
    text: EventTextFilter | None = None
    order: EventOrder = EventOrder.DESC
