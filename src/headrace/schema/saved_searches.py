"""`SavedSearch`: filters of a list, kept under a name."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Body, Schema

__all__ = ["SavedSearch", "SavedSearchFilter"]


class SavedSearchFilter(Body, kw_only=True):
    """One criterion of a saved search.

    Args:
        object: What it is about: `flow_run`.
        property: Which property of that.
        type: The type of the value: `string`, `[string]`, `date`.
        operation: How they are compared: `equals`, `any`, `last_1_week`.
        value: What the property is compared with.
    """

    object: str
    property: str
    type: str
    operation: str
    value: Any


class SavedSearch(Schema, kw_only=True):
    """Filters of a list, kept under a name that is unique."""

    name: str
    id: UUID = field(default_factory=uuid7)
    created: datetime | None = None
    updated: datetime | None = None
    filters: list[SavedSearchFilter] = field(default_factory=list)
