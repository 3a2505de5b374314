"""What people and other runs tell flow runs."""

from __future__ import annotations

from uuid import UUID

from litestar import MediaType, Response, Router, delete, get, post
from litestar.params import FromPath, JSONBody

from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import not_found
from headrace.api.pages import limit_of
from headrace.schema.base import now
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.schema.requests.flow_runs import FlowRunInputCreate, FlowRunInputsFilterBody
from headrace.store import flow_run_inputs
from headrace.store.lists.flow_run_inputs import read_flow_run_inputs

__all__ = ["router"]


@post("/input", status_code=201, opt=not_found("Flow run not found"))
async def create_input(
    id: FromPath[UUID], data: JSONBody[FlowRunInputCreate], store: InjectedStore
) -> Response[None]:
    """Tell a flow run something, under a key that it has nothing under yet."""
    at = now()
    given = FlowRunInput(flow_run_id=id, key=data.key, value=data.value, sender=data.sender)
    await store.write(lambda conn: flow_run_inputs.create_flow_run_input(conn, given, now=at))
    return Response(None, status_code=201)


@post("/input/filter", status_code=200)
async def list_inputs(
    id: FromPath[UUID],
    data: JSONBody[FlowRunInputsFilterBody],
    store: InjectedStore,
    settings: InjectedSettings,
) -> list[FlowRunInput]:
    """What a flow run was told under keys that begin so, the oldest first."""
    limit = limit_of(data.limit, settings)
    return await store.read(
        lambda conn: read_flow_run_inputs(
            conn, id, prefix=data.prefix, exclude=data.exclude_keys, limit=limit
        )
    )


@get("/input/{key:str}", media_type=MediaType.TEXT)
async def read_input(id: FromPath[UUID], key: FromPath[str], store: InjectedStore) -> Response[str]:
    """What a flow run was told under a key: the text as it was sent."""
    given = await store.read(lambda conn: flow_run_inputs.read_flow_run_input(conn, id, key))
    return Response(given.value, media_type=MediaType.TEXT)


@delete("/input/{key:str}")
async def delete_input(id: FromPath[UUID], key: FromPath[str], store: InjectedStore) -> None:
    """Take back what a flow run was told under a key."""
    await store.write(lambda conn: flow_run_inputs.delete_flow_run_input(conn, id, key))


router = Router(
    path="/flow_runs/{id:uuid}",
    route_handlers=[create_input, list_inputs, read_input, delete_input],
    tags=["Flow Runs"],
    opt=not_found("Flow run input not found"),
)
