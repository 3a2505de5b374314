"""`Event`: something that happened to a resource. Every state transition is one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Schema, now


class Event(Schema, kw_only=True):
    """Something that happened to a resource.

    Args:
        event: What happened, dotted: `prefect.task-run.Completed`.
        resource: Labels of what it happened to; `prefect.resource.id` is required.
        related: Labels of what else was involved, each with `prefect.resource.id` and `prefect.resource.role`.
        payload: Whatever else is worth keeping; JSON.
        occurred: When it happened (UTC).
        follows: The event that is known to have come right before.
        received: When the store accepted it (UTC).
    """

    event: str
    resource: dict[str, str]
    id: UUID = field(default_factory=uuid7)
    occurred: datetime = field(default_factory=now)
    related: list[dict[str, str]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None
    received: datetime | None = None
