"""Graphs of flow runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath, FromQuery

from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import Refusal
from headrace.schema.base import utc
from headrace.schema.graph import DependencyResult, Graph
from headrace.store import graph

__all__ = ["router"]


@get("/{id:uuid}/graph")
async def read_dependencies(
    id: FromPath[UUID], store: InjectedStore, settings: InjectedSettings
) -> list[DependencyResult]:
    """The task runs of a flow run, each with the task runs whose results it takes."""
    most = settings.server.flow_run_graph.max_nodes
    found = await store.read(lambda conn: graph.read_dependencies(conn, id, most=most))
    if found is None:
        raise _too_large(id, most)
    return found


@get("/{id:uuid}/graph-v2")
async def read_graph(
    id: FromPath[UUID],
    store: InjectedStore,
    settings: InjectedSettings,
    since: FromQuery[datetime | None] = None,
) -> Graph:
    """The graph of a flow run; with `since`, without what had ended by then."""
    most, after = settings.server.flow_run_graph.max_nodes, utc(since)
    found = await store.read(lambda conn: graph.read_graph(conn, id, since=after, most=most))
    if found is None:
        raise _too_large(id, most)
    return found


def _too_large(id: UUID, most: int) -> Refusal:
    return Refusal(400, f"The graph of flow run {id} has more than {most} nodes.")


router = Router(
    path="/flow_runs", route_handlers=[read_dependencies, read_graph], tags=["Flow Runs", "Flow Run Graph"]
)
