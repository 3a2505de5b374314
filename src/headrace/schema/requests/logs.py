"""What clients send about log lines."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from headrace.schema.base import Body, Parameters, utc
from headrace.schema.filters.logs import LogFilter
from headrace.schema.logs import Log
from headrace.schema.requests.scope import Limit, Offset
from headrace.schema.sorting import LogSort

__all__ = ["LogCreate", "LogsCountBody", "LogsFilterBody"]


class LogCreate(Body, kw_only=True):
    """A line of `POST /logs/`, whose body is a list of them.

    Args:
        name: The logger's name.
        level: The level as a number, as in `logging` (INFO is 20).
        message: The text, formatted.
        timestamp: When it was logged (UTC).
    """

    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    worker_id: UUID | None = None

    def __post_init__(self) -> None:
        self.timestamp = utc(self.timestamp)

    def to_log(self, most: int) -> Log:
        """The line as it is recorded, under an id of its own.

        Args:
            most: The longest text, in bytes; a longer one is cut, and says so at its end.
        """
        return Log(
            name=self.name,
            level=self.level,
            message=_cut(self.message, most),
            timestamp=self.timestamp,
            flow_run_id=self.flow_run_id,
            task_run_id=self.task_run_id,
            worker_id=self.worker_id,
        )


class LogsCountBody(Parameters, kw_only=True):
    """`POST /logs/count`."""

    logs: LogFilter | None = None


class LogsFilterBody(Parameters, kw_only=True):
    """`POST /logs/filter`."""

    logs: LogFilter | None = None
    sort: LogSort = LogSort.TIMESTAMP_ASC
    limit: Limit | None = None
    offset: Offset = 0


def _cut(message: str, most: int) -> str:
    if len(message) * 4 <= most or len(body := message.encode(errors="replace")) <= most:
        return message
    return f"{body[:most].decode(errors='ignore')}... [{len(body) - most} of {len(body)} bytes cut]"
