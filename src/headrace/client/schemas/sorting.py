"""Orders of lists, under the names that scripts import."""

from headrace.schema.sorting import (
    FlowRunSort,
    FlowSort,
    LogSort,
    TaskRunSort,
)

__all__ = [
    "FlowRunSort",
    "FlowSort",
    "LogSort",
    "TaskRunSort",
]
