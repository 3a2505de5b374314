"""Headrace runs Python workflows: decorate functions with `@flow` and `@task`, call them, and every run is recorded.

    from headrace import flow, task

    @task
    def add(x: int, y: int) -> int:
        return x + y

    @flow
    def main() -> int:
        return add(1, 2)

    main()

Importing this package loads names only; what a name stands for is loaded when it is first used (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from headrace import runtime
    from headrace.client.orchestration.client import get_client
    from headrace.context import get_run_context, tags
    from headrace.core.annotations import allow_failure, unmapped
    from headrace.flows import Flow, flow
    from headrace.logging import get_run_logger
    from headrace.schema.states import State
    from headrace.tasks import Task, task

_HOMES = {
    "Flow": "headrace.flows",
    "State": "headrace.schema.states",
    "Task": "headrace.tasks",
    "allow_failure": "headrace.core.annotations",
    "flow": "headrace.flows",
    "get_client": "headrace.client.orchestration.client",
    "get_run_context": "headrace.context",
    "get_run_logger": "headrace.logging.loggers",
    "runtime": "headrace.runtime",
    "tags": "headrace.context",
    "task": "headrace.tasks",
    "unmapped": "headrace.core.annotations",
}
"""The module that defines each public name."""

__all__ = [
    "Flow",
    "State",
    "Task",
    "__version__",
    "allow_failure",
    "flow",
    "get_client",
    "get_run_context",
    "get_run_logger",
    "runtime",
    "tags",
    "task",
    "unmapped",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
