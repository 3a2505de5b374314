"""`Flow`: a named workflow, as the store knows it (the decorated function is `headrace.flows.Flow`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Schema, now


class Flow(Schema, kw_only=True):
    """A workflow that has run or was deployed; its name is unique."""

    name: str
    id: UUID = field(default_factory=uuid7)
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
