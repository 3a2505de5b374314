"""Task runs: created, found, changed, moved.

Most task runs are recorded by the engines that execute them. Created here are those that stand for subflow runs, and those
that wait for somebody to execute them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, structs

from headrace.api.deleting import delete_object
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import not_found
from headrace.api.pages import limit_of, offset_of, page_of
from headrace.api.responses import JsonResponse
from headrace.api.verdicts import verdict_response
from headrace.core.names import generate_name
from headrace.exceptions import ObjectNotFound, StoreConflictError
from headrace.schema.base import now
from headrace.schema.requests.states import SetStateBody
from headrace.schema.requests.task_runs import (
    TaskRunCreate,
    TaskRunsCountBody,
    TaskRunsFilterBody,
    TaskRunsHistoryBody,
    TaskRunsPaginateBody,
    TaskRunUpdate,
)
from headrace.schema.responses import HistoryResponse, SetStateResponse, TaskRunPaginationResponse
from headrace.schema.runs import TaskRun
from headrace.store import deletions, task_runs
from headrace.store.connection import Connection
from headrace.store.estimates import with_estimates
from headrace.store.labels import labels_of_task_run
from headrace.store.lists.task_runs import count_task_runs, read_task_run_history, read_task_runs

__all__ = ["router"]


@post("/", status_code=201)
async def create_task_run(data: JSONBody[TaskRunCreate], store: InjectedStore) -> JsonResponse[TaskRun]:
    """Create a task run; 200 answers one that was there already under the id, or under the same keys in its flow run."""
    at = now()
    asked = data.to_task_run(at)

    def command(conn: Connection) -> TaskRun:
        try:
            labels = labels_of_task_run(conn, asked)
        except ObjectNotFound as error:
            raise StoreConflictError(str(error)) from error
        known = task_runs.find_by_key(conn, asked)
        return known or task_runs.create_task_run(conn, structs.replace(asked, labels=labels), now=at)

    run = await store.write(command)
    is_new = run.id == asked.id and run.created == at
    return JsonResponse(with_estimates(run, now()), status_code=201 if is_new else 200)


@get("/{id:uuid}", opt=not_found("Task not found"))
async def read_task_run(id: FromPath[UUID], store: InjectedStore) -> TaskRun:
    """One task run."""
    at = now()
    return await store.read(lambda conn: task_runs.read_task_run(conn, id, now=at))


@patch("/{id:uuid}", status_code=204)
async def update_task_run(id: FromPath[UUID], data: JSONBody[TaskRunUpdate], store: InjectedStore) -> None:
    """Change a task run's name; an empty one becomes one that is made up."""
    name = UNSET if data.name is UNSET else data.name or generate_name()
    await store.write(lambda conn: task_runs.update_task_run(conn, id, name=name))


@delete("/{id:uuid}")
async def delete_task_run(id: FromPath[UUID], store: InjectedStore) -> None:
    """Delete a task run with its log lines."""
    await delete_object(store, deletions.delete_task_run, id)


@post("/{id:uuid}/set_state", status_code=201, opt=not_found(None))
async def set_task_run_state(
    id: FromPath[UUID], data: JSONBody[SetStateBody], store: InjectedStore
) -> JsonResponse[SetStateResponse[Any]]:
    """Propose a state for a task run; 200 answers when it keeps the one that it has."""
    at = now()
    state = data.state.to_state(at)
    verdict = await store.write(
        lambda conn: task_runs.set_task_run_state(conn, id, state, force=data.force, now=at)
    )
    return verdict_response(verdict, at)


@post("/filter", status_code=200)
async def list_task_runs(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[TaskRunsFilterBody | None] = None
) -> list[TaskRun]:
    """The task runs that meet the filters."""
    body = data or TaskRunsFilterBody()
    limit, at = limit_of(body.limit, settings), now()
    return await store.read(
        lambda conn: read_task_runs(conn, body, sort=body.sort, limit=limit, offset=body.offset, now=at)
    )


@post("/paginate", status_code=200)
async def paginate_task_runs(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[TaskRunsPaginateBody | None] = None
) -> TaskRunPaginationResponse:
    """A page of the task runs that meet the filters."""
    body = data or TaskRunsPaginateBody()
    limit, at = limit_of(body.limit, settings), now()

    def query(conn: Connection) -> TaskRunPaginationResponse:
        offset = offset_of(body.page, limit)
        runs = read_task_runs(conn, body, sort=body.sort, limit=limit, offset=offset, now=at)
        return page_of(runs, count=count_task_runs(conn, body), limit=limit, page=body.page)

    return await store.read(query)


@post("/count", status_code=200)
async def count(store: InjectedStore, data: JSONBody[TaskRunsCountBody | None] = None) -> int:
    """How many task runs meet the filters."""
    return await store.read(lambda conn: count_task_runs(conn, data))


@post("/history", status_code=200)
async def history(data: JSONBody[TaskRunsHistoryBody], store: InjectedStore) -> list[HistoryResponse]:
    """How many task runs were expected in each of a row of intervals, by the state that they are in."""
    at = now()
    return await store.read(lambda conn: read_task_run_history(conn, data, now=at))


router = Router(
    path="/task_runs",
    route_handlers=[
        create_task_run,
        read_task_run,
        update_task_run,
        delete_task_run,
        set_task_run_state,
        list_task_runs,
        paginate_task_runs,
        count,
        history,
    ],
    tags=["Task Runs"],
    opt=not_found("Task run not found"),
)
