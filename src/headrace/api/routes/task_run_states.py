"""The states that task runs have been in."""

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
async def read_task_run_state(id: FromPath[UUID], store: InjectedStore) -> State[Any]:
    """One state of a task run."""
    return await store.read(lambda conn: states.read_state(conn, id, "task-run"))


@get("/")
async def list_task_run_states(task_run_id: FromQuery[UUID], store: InjectedStore) -> list[State[Any]]:
    """The states that a task run has been in, the first one first."""
    return await store.read(lambda conn: states.read_states(conn, task_run_id, "task-run"))


router = Router(
    path="/task_run_states",
    route_handlers=[read_task_run_state, list_task_run_states],
    tags=["Task Run States"],
    opt=not_found("Task run state not found"),
)
