"""Labels that a run has from what it belongs to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import structs

from headrace.exceptions import ObjectNotFound
from headrace.schema.runs import FlowRun, TaskRun
from headrace.store import flow_runs, flows
from headrace.store.connection import Connection

__all__ = ["inherited_labels", "labels_of_task_run", "with_labels"]


def with_labels(conn: Connection, run: FlowRun) -> FlowRun:
    """A new flow run with the labels that it has from its flow; its own win."""
    return structs.replace(run, labels=inherited_labels(conn, run.flow_id) | run.labels)


def inherited_labels(conn: Connection, flow_id: UUID) -> dict[str, Any]:
    """The labels that runs of a flow have from it: the flow's, and one that names it."""
    try:
        inherited = flows.read_flow(conn, flow_id).labels
    except ObjectNotFound:  # storing the run will fail, and say so
        inherited = {}
    return {**inherited, "prefect.flow.id": str(flow_id)}


def labels_of_task_run(conn: Connection, run: TaskRun) -> dict[str, Any]:
    """The labels that a new task run gets: its flow run's, those that name flow and flow run, and its own, which win.

    Raises:
        ObjectNotFound: There is no such flow run.
    """
    if run.flow_run_id is None:
        return run.labels
    parent = flow_runs.read_flow_run(conn, run.flow_run_id)
    ids = {"prefect.flow.id": str(parent.flow_id), "prefect.flow-run.id": str(parent.id)}
    return {**parent.labels, **ids, **run.labels}
