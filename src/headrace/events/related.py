"""What is involved in whatever happens in the code of a run: the run, its flow, their deployment, their tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from headrace.engine.context import FlowRunContext, flow_run_var, task_run_var
from headrace.schema.events import RelatedResource

__all__ = ["related_resources_from_run_context", "tags_as_related_resources"]


def related_resources_from_run_context(exclude: Iterable[str] = ()) -> list[RelatedResource]:
    """The resources around the run that is executing; none outside runs.

    Args:
        exclude: Ids of resources to leave out: those that are known to be involved.
    """
    known = set(exclude)
    return [resource for resource in _around() if resource.id not in known]


def tags_as_related_resources(tags: Iterable[str]) -> list[RelatedResource]:
    """Tags as resources, in the order of the alphabet."""
    return [_resource("tag", tag) for tag in sorted(set(tags))]


def _around() -> Iterator[RelatedResource]:
    flow_run, task_run = flow_run_var.get(), task_run_var.get()
    tags: set[str] = set()
    if flow_run is not None:
        yield _resource("flow-run", flow_run.flow_run.id, flow_run.flow_run.name)
        tags.update(flow_run.flow_run.tags)
    if task_run is not None:
        yield _resource("task-run", task_run.task_run.id, task_run.task_run.name)
        tags.update(task_run.task_run.tags)
    if flow_run is not None:
        yield from _of_flow_run(flow_run)
    yield from tags_as_related_resources(tags)


def _of_flow_run(context: FlowRunContext) -> Iterator[RelatedResource]:
    run = context.flow_run
    yield _resource("flow", run.flow_id, context.flow.name)
    for role, object_id, name in (
        ("deployment", run.deployment_id, None),
        ("work-queue", run.work_queue_id, run.work_queue_name),
        ("work-pool", run.work_pool_id, run.work_pool_name),
    ):
        if object_id is not None:
            yield _resource(role, object_id, name)


def _resource(role: str, object_id: UUID | str, name: str | None = None) -> RelatedResource:
    labels = {"prefect.resource.id": f"prefect.{role}.{object_id}", "prefect.resource.role": role}
    return RelatedResource(labels if name is None else {**labels, "prefect.resource.name": name})
