"""Which log lines."""

from __future__ import annotations

from uuid import UUID

from headrace.schema.filters.shapes import AnyOf, Between, Filter, Operator, Text, Within

__all__ = [
    "LogFilter",
    "LogFilterFlowRunId",
    "LogFilterLevel",
    "LogFilterTaskRunId",
    "LogFilterTextSearch",
    "LogFilterTimestamp",
]


class LogFilterLevel(Between, kw_only=True):
    """By level, as a number."""


class LogFilterTimestamp(Within, kw_only=True):
    """By when the line was logged."""


class LogFilterFlowRunId(AnyOf[UUID], kw_only=True):
    """By flow run; the lines of its task runs are among them."""


class LogFilterTaskRunId(AnyOf[UUID], kw_only=True):
    """By task run.

    Args:
        is_null_: True: lines of no task run. False: lines of some.
    """

    is_null_: bool | None = None


class LogFilterTextSearch(Text, kw_only=True):
    """By words of the message and of the logger's name."""


class LogFilter(Filter, kw_only=True):
    """Which log lines.

    Args:
        operator: Whether a line must meet all criteria or any.
    """

    operator: Operator = Operator.and_
    level: LogFilterLevel | None = None
    timestamp: LogFilterTimestamp | None = None
    flow_run_id: LogFilterFlowRunId | None = None
    task_run_id: LogFilterTaskRunId | None = None
    text: LogFilterTextSearch | None = None
