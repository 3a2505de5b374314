"""Facts about the deployment that the executing flow run belongs to; each is empty when it belongs to none.

id, version               of the deployment
flow_run_id, parameters   of the flow run
"""

from __future__ import annotations

from typing import Any

from headrace.engine.context import flow_run_var
from headrace.runtime import flow_run
from headrace.runtime.attributes import read_attribute

__all__ = ["flow_run_id", "id", "name", "parameters", "version"]

flow_run_id: str | None
id: str | None
name: str | None
parameters: dict[str, Any]
version: str | None


def get_id() -> str | None:
    """The deployment's id."""
    context = flow_run_var.get()
    return (
        str(context.flow_run.deployment_id)
        if context is not None and context.flow_run.deployment_id
        else None
    )


def get_name() -> str | None:
    """The deployment's name, which its runs carry as a label."""
    context = flow_run_var.get()
    return context.flow_run.labels.get("headrace.deployment.name") if context is not None else None


def get_version() -> str | None:
    """The version of the deployment that the run was made from."""
    context = flow_run_var.get()
    return context.flow_run.deployment_version if context is not None else None


def get_flow_run_id() -> str | None:
    """The id of the flow run."""
    return flow_run.get_id()


def get_parameters() -> dict[str, Any]:
    """The parameters of the flow run."""
    return flow_run.get_parameters()


FIELDS = {
    "id": get_id,
    "flow_run_id": get_flow_run_id,
    "name": get_name,
    "parameters": get_parameters,
    "version": get_version,
}


def __getattr__(name: str) -> Any:
    return read_attribute(__name__, FIELDS, name)


def __dir__() -> list[str]:
    return sorted(__all__)
