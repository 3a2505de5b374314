"""`Log`: one line that a run logged."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Schema


class Log(Schema, kw_only=True):
    """One line that a run logged.

    Args:
        name: The logger's name.
        level: The level as a number, as in `logging` (INFO is 20).
        message: The text, formatted.
        timestamp: When it was logged (UTC).
        created: The same, as the API answers it.
        updated: The same: lines do not change.
    """

    name: str
    level: int
    message: str
    timestamp: datetime
    id: UUID = field(default_factory=uuid7)
    created: datetime | None = None
    updated: datetime | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    worker_id: UUID | None = None
