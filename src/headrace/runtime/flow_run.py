"""Facts about the flow run that is executing; outside one, each is empty.

id, name, tags, parameters, run_count    of the run
scheduled_start_time                     when it was to start (UTC); now, outside runs
flow_name, flow_version                  of its flow
parent_flow_run_id, root_flow_run_id     of the flow run that called it, and of the first of that chain
parent_deployment_id                     of the deployment that the parent belongs to
api_url, ui_url                          where to find it, when there is an API
job_variables                            of the infrastructure that it runs on
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from headrace.engine.addresses import api_link, ui_link
from headrace.engine.context import FlowRunContext, flow_run_var, task_run_var
from headrace.runtime.attributes import read_attribute
from headrace.schema.base import now

__all__ = [
    "api_url",
    "flow_name",
    "flow_version",
    "id",
    "job_variables",
    "name",
    "parameters",
    "parent_deployment_id",
    "parent_flow_run_id",
    "root_flow_run_id",
    "run_count",
    "scheduled_start_time",
    "tags",
    "ui_url",
]

api_url: str | None
flow_name: str | None
flow_version: str | None
id: str | None
job_variables: dict[str, Any] | None
name: str | None
parameters: dict[str, Any]
parent_deployment_id: str | None
parent_flow_run_id: str | None
root_flow_run_id: str | None
run_count: int
scheduled_start_time: datetime
tags: list[str]
ui_url: str | None


def get_id() -> str | None:
    """The run's id; in a process started for one flow run, also before that run begins."""
    if (context := flow_run_var.get()) is not None:
        return str(context.flow_run.id)
    if (task := task_run_var.get()) is not None:
        return str(task.task_run.flow_run_id) if task.task_run.flow_run_id is not None else None
    return os.environ.get("HEADRACE__FLOW_RUN_ID") or os.environ.get("PREFECT__FLOW_RUN_ID")


def get_name() -> str | None:
    """The run's name."""
    context = flow_run_var.get()
    return context.flow_run.name if context is not None else None


def get_tags() -> list[str]:
    """The run's tags."""
    context = flow_run_var.get()
    return list(context.flow_run.tags) if context is not None else []


def get_parameters() -> dict[str, Any]:
    """The run's parameters, as the flow's function gets them."""
    context = flow_run_var.get()
    return dict(context.parameters) if context is not None else {}


def get_run_count() -> int:
    """How many times the run has started to execute."""
    context = flow_run_var.get()
    return context.flow_run.run_count if context is not None else 0


def get_scheduled_start_time() -> datetime:
    """When the run was to start (UTC)."""
    context = flow_run_var.get()
    return (context.flow_run.expected_start_time if context is not None else None) or now()


def get_flow_name() -> str | None:
    """The name of the run's flow."""
    context = flow_run_var.get()
    return context.flow.name if context is not None else None


def get_flow_version() -> str | None:
    """The version of the run's flow."""
    context = flow_run_var.get()
    return context.flow.version if context is not None else None


def get_parent_flow_run_id() -> str | None:
    """The id of the flow run that called this one."""
    parent = _parent(flow_run_var.get())
    return str(parent.flow_run.id) if parent is not None else None


def get_parent_deployment_id() -> str | None:
    """The id of the deployment that the parent flow run belongs to."""
    parent = _parent(flow_run_var.get())
    return (
        str(parent.flow_run.deployment_id) if parent is not None and parent.flow_run.deployment_id else None
    )


def get_root_flow_run_id() -> str | None:
    """The id of the flow run that began the chain of flow runs which led here; this run's own if none did."""
    context = flow_run_var.get()
    while (parent := _parent(context)) is not None:
        context = parent
    return str(context.flow_run.id) if context is not None else get_id()


def get_flow_run_api_url() -> str | None:
    """Where the API has the run."""
    return api_link("flow_runs", get_id())


def get_flow_run_ui_url() -> str | None:
    """Where the web page shows the run."""
    return ui_link("flow-run", get_id())


def get_job_variables() -> dict[str, Any] | None:
    """The job variables of the infrastructure that the run executes on."""
    context = flow_run_var.get()
    return (context.flow_run.job_variables or {}) if context is not None else None


def _parent(context: FlowRunContext | None) -> FlowRunContext | None:
    return context.engine.parent if context is not None else None


FIELDS = {
    "id": get_id,
    "tags": get_tags,
    "scheduled_start_time": get_scheduled_start_time,
    "name": get_name,
    "flow_name": get_flow_name,
    "flow_version": get_flow_version,
    "parameters": get_parameters,
    "parent_flow_run_id": get_parent_flow_run_id,
    "parent_deployment_id": get_parent_deployment_id,
    "root_flow_run_id": get_root_flow_run_id,
    "run_count": get_run_count,
    "api_url": get_flow_run_api_url,
    "ui_url": get_flow_run_ui_url,
    "job_variables": get_job_variables,
}


def __getattr__(name: str) -> Any:
    return read_attribute(__name__, FIELDS, name)


def __dir__() -> list[str]:
    return sorted(__all__)
