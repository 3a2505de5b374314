"""`FlowRunInput`: something that was sent to a flow run while it ran or was paused."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from headrace.core.ids import uuid7
from headrace.schema.base import Schema


class FlowRunInput(Schema, kw_only=True):
    """Something that was sent to a flow run; its key is unique in the run.

    Args:
        value: JSON text.
        sender: Who sent it, as `prefect.flow-run.<id>`.
    """

    flow_run_id: UUID
    key: str
    value: str
    id: UUID = field(default_factory=uuid7)
    created: datetime | None = None
    updated: datetime | None = None
    sender: str | None = None

    @property
    def decoded_value(self) -> Any:
        """What `value` stands for."""
        return json.loads(self.value)
