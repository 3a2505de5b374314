"""Events and their resources, under the names that scripts import."""

from __future__ import annotations

from headrace.core.labels import LabelPattern
from headrace.schema.events import Event, RelatedResource, Resource
from headrace.schema.filters.events import ResourceSpecification

__all__ = ["Event", "ReceivedEvent", "RelatedResource", "Resource", "ResourceSpecification", "matches"]

ReceivedEvent = Event
"""An event that a store has accepted: its `received` says when."""


def matches(expected: str, value: str | None) -> bool:
    """Whether the value of a label is as expected.

    Args:
        expected: The value; with `*` at its end how it begins, with `!` in front what it must not be.
        value: The value; None when there is no such label, which matches nothing.
    """
    return value is not None and LabelPattern.parse(expected).matches(value)
