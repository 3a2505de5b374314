"""Flows."""

from __future__ import annotations

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from headrace.api.deleting import delete_each, delete_object
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import not_found
from headrace.api.pages import limit_of, offset_of, page_of
from headrace.api.responses import JsonResponse
from headrace.schema.base import now
from headrace.schema.flows import Flow
from headrace.schema.requests.flows import (
    FlowCreate,
    FlowsBulkDeleteBody,
    FlowsCountBody,
    FlowsFilterBody,
    FlowsPaginateBody,
    FlowUpdate,
)
from headrace.schema.requests.scope import RunScope
from headrace.schema.responses import FlowBulkDeleteResponse, FlowPaginationResponse
from headrace.store import deletions, flows
from headrace.store.connection import Connection
from headrace.store.lists.flows import count_flows, read_flows

__all__ = ["router"]


@post("/", status_code=201)
async def create_flow(data: JSONBody[FlowCreate], store: InjectedStore) -> JsonResponse[Flow]:
    """The flow of that name; it is made known when it is not, which is answered 201 instead of 200."""
    at = now()
    flow = await store.write(
        lambda conn: flows.read_or_create_flow(conn, data.name, tags=data.tags, labels=data.labels, now=at)
    )
    return JsonResponse(flow, status_code=201 if flow.created == at else 200)


@get("/{id:uuid}")
async def read_flow(id: FromPath[UUID], store: InjectedStore) -> Flow:
    """One flow."""
    return await store.read(lambda conn: flows.read_flow(conn, id))


@get("/name/{name:str}")
async def read_flow_by_name(name: FromPath[str], store: InjectedStore) -> Flow:
    """The flow of that name."""
    return await store.read(lambda conn: flows.read_flow_by_name(conn, name))


@patch("/{id:uuid}", status_code=204)
async def update_flow(id: FromPath[UUID], data: JSONBody[FlowUpdate], store: InjectedStore) -> None:
    """Change a flow's tags."""
    at = now()
    await store.write(lambda conn: flows.update_flow(conn, id, tags=data.tags, now=at))


@delete("/{id:uuid}")
async def delete_flow(id: FromPath[UUID], store: InjectedStore) -> None:
    """Delete a flow and all its runs."""
    await delete_object(store, deletions.delete_flow, id)


@post("/bulk_delete", status_code=200)
async def delete_flows(
    store: InjectedStore, data: JSONBody[FlowsBulkDeleteBody | None] = None
) -> FlowBulkDeleteResponse:
    """Delete the flows that meet a filter, and all their runs."""
    body = data or FlowsBulkDeleteBody()
    found = await store.read(lambda conn: read_flows(conn, RunScope(flows=body.flows), limit=body.limit))
    return FlowBulkDeleteResponse(
        deleted=await delete_each(store, deletions.delete_flow, [flow.id for flow in found])
    )


@post("/filter", status_code=200)
async def list_flows(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[FlowsFilterBody | None] = None
) -> list[Flow]:
    """The flows that meet the filters."""
    body = data or FlowsFilterBody()
    limit = limit_of(body.limit, settings)
    return await store.read(
        lambda conn: read_flows(conn, body, sort=body.sort, limit=limit, offset=body.offset)
    )


@post("/paginate", status_code=200)
async def paginate_flows(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[FlowsPaginateBody | None] = None
) -> FlowPaginationResponse:
    """A page of the flows that meet the filters."""
    body = data or FlowsPaginateBody()
    limit = limit_of(body.limit, settings)

    def query(conn: Connection) -> FlowPaginationResponse:
        offset = offset_of(body.page, limit)
        flows = read_flows(conn, body, sort=body.sort, limit=limit, offset=offset)
        return page_of(flows, count=count_flows(conn, body), limit=limit, page=body.page)

    return await store.read(query)


@post("/count", status_code=200)
async def count(store: InjectedStore, data: JSONBody[FlowsCountBody | None] = None) -> int:
    """How many flows meet the filters."""
    return await store.read(lambda conn: count_flows(conn, data))


router = Router(
    path="/flows",
    route_handlers=[
        create_flow,
        read_flow,
        read_flow_by_name,
        update_flow,
        delete_flow,
        delete_flows,
        list_flows,
        paginate_flows,
        count,
    ],
    tags=["Flows"],
    opt=not_found("Flow not found"),
)
