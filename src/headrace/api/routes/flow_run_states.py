"""The states that flow runs have been in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Router, get
from litestar.params import FromPath, FromQuery

from headrace.api.dependencies import InjectedStore
from headrace.api.errors import not_found
from headrace.schema.states import State
from headrace.store import states

__all__ = ["router"]


@get("/{id:uuid}")
async def read_flow_run_state(id: FromPath[UUID], store: InjectedStore) -> State[Any]:
    """One state of a flow run."""
    return await store.read(lambda conn: states.read_state(conn, id, "flow-run"))


@get("/")
async def list_flow_run_states(flow_run_id: FromQuery[UUID], store: InjectedStore) -> list[State[Any]]:
    """The states that a flow run has been in, the first one first."""
    return await store.read(lambda conn: states.read_states(conn, flow_run_id, "flow-run"))


router = Router(
    path="/flow_run_states",
    route_handlers=[read_flow_run_state, list_flow_run_states],
    tags=["Flow Run States"],
    opt=not_found("Flow run state not found"),
)
