"""Facts about the task run that is executing; outside one, each is empty.

id, name, tags, parameters, run_count    of the run
task_name                                of its task
api_url, ui_url                          where to find it, when there is an API
"""

from __future__ import annotations

from typing import Any

from headrace.engine.addresses import api_link, ui_link
from headrace.engine.context import task_run_var
from headrace.runtime.attributes import read_attribute

__all__ = ["api_url", "id", "name", "parameters", "run_count", "tags", "task_name", "ui_url"]

api_url: str | None
id: str | None
name: str | None
parameters: dict[str, Any]
run_count: int
tags: list[str]
task_name: str | None
ui_url: str | None


def get_id() -> str | None:
    """The run's id."""
    context = task_run_var.get()
    return str(context.task_run.id) if context is not None else None


def get_tags() -> list[str]:
    """The run's tags."""
    context = task_run_var.get()
    return list(context.task_run.tags) if context is not None else []


def get_run_count() -> int:
    """How many times the run has started to execute."""
    context = task_run_var.get()
    return context.task_run.run_count if context is not None else 0


def get_name() -> str | None:
    """The run's name."""
    context = task_run_var.get()
    return context.task_run.name if context is not None else None


def get_task_name() -> str | None:
    """The name of the run's task."""
    context = task_run_var.get()
    return context.task.name if context is not None else None


def get_parameters() -> dict[str, Any]:
    """The run's parameters, as the task's function gets them."""
    context = task_run_var.get()
    return dict(context.parameters) if context is not None else {}


def get_task_run_api_url() -> str | None:
    """Where the API has the run."""
    return api_link("task_runs", get_id())


def get_task_run_ui_url() -> str | None:
    """Where the web page shows the run."""
    return ui_link("task-run", get_id())


FIELDS = {
    "id": get_id,
    "tags": get_tags,
    "name": get_name,
    "parameters": get_parameters,
    "run_count": get_run_count,
    "task_name": get_task_name,
    "api_url": get_task_run_api_url,
    "ui_url": get_task_run_ui_url,
}


def __getattr__(name: str) -> Any:
    return read_attribute(__name__, FIELDS, name)


def __dir__() -> list[str]:
    return sorted(__all__)
