"""Flow runs: created, found, changed, moved."""

from __future__ import annotations

from uuid import UUID

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET

from headrace.api.bridge import Bridge
from headrace.api.deleting import delete_each, delete_object
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.encoded_runs import EncodedFlowRuns, statement_of
from headrace.api.errors import Refusal, not_found
from headrace.api.gathering import Gathering
from headrace.api.pages import limit_of, offset_of, page_of
from headrace.api.parameters import check_size
from headrace.api.responses import JsonResponse
from headrace.core.states import StateType
from headrace.exceptions import StoreConflictError
from headrace.schema.base import Labels, encode, now
from headrace.schema.requests.flow_runs import (
    FlowRunCreate,
    FlowRunsBulkDeleteBody,
    FlowRunsCountBody,
    FlowRunsFilterBody,
    FlowRunsHistoryBody,
    FlowRunsLatenessBody,
    FlowRunsPaginateBody,
    FlowRunUpdate,
)
from headrace.schema.requests.scope import RunScope
from headrace.schema.responses import FlowRunBulkDeleteResponse, FlowRunPaginationResponse, HistoryResponse
from headrace.schema.runs import FlowRun
from headrace.store import creations, deletions, flow_runs, task_runs
from headrace.store.connection import Connection
from headrace.store.estimates import with_estimates
from headrace.store.labels import with_labels
from headrace.store.lists.flow_runs import (
    average_lateness,
    count_flow_runs,
    read_flow_run_history,
    read_flow_runs,
)

__all__ = ["router"]


@post("/", status_code=201)
async def create_flow_run(
    data: JSONBody[FlowRunCreate], store: InjectedStore, settings: InjectedSettings
) -> JsonResponse[FlowRun]:
    """Create a flow run; 200 answers one that was there already under the id or idempotency key."""
    check_size(data.parameters, settings)
    _check_queue(data)
    at = now()
    asked = data.to_flow_run(at)

    def command(conn: Connection) -> FlowRun:
        parent = asked.parent_task_run_id
        if parent is not None and not task_runs.is_stored(conn, parent):
            raise StoreConflictError(
                f"There is no task run with the id {parent}, the run's parent_task_run_id."
            )
        return flow_runs.create_flow_run(conn, with_labels(conn, asked), now=at)

    if data.id is None and creations.is_plain(asked):
        run = await store.shared(_creations).add(asked)
    else:
        run = await store.write(command)
    is_new = run.id == asked.id and run.created == at
    return JsonResponse(with_estimates(run, now()), status_code=201 if is_new else 200)


@get("/{id:uuid}")
async def read_flow_run(id: FromPath[UUID], store: InjectedStore) -> FlowRun:
    """One flow run."""
    at = now()
    return await store.read(lambda conn: flow_runs.read_flow_run(conn, id, now=at))


@patch("/{id:uuid}", status_code=204)
async def update_flow_run(
    id: FromPath[UUID], data: JSONBody[FlowRunUpdate], store: InjectedStore, settings: InjectedSettings
) -> None:
    """Change what is given of a flow run; one without a name gets another that is made up."""
    if data.parameters is not UNSET:
        check_size(data.parameters, settings)
    if data.job_variables is not UNSET and data.job_variables is not None:
        _refuse_job_variables(await store.read(lambda conn: flow_runs.read_flow_run(conn, id)))
    at = now()
    await store.write(lambda conn: flow_runs.update_flow_run(conn, id, now=at, **data.changes()))


@patch("/{id:uuid}/labels", status_code=204, opt=not_found(None))
async def update_labels(id: FromPath[UUID], data: JSONBody[Labels], store: InjectedStore) -> None:
    """Add labels to a flow run, or change them."""
    at = now()
    await store.write(lambda conn: flow_runs.add_labels(conn, id, data, now=at))


@delete("/{id:uuid}")
async def delete_flow_run(id: FromPath[UUID], store: InjectedStore) -> None:
    """Delete a flow run with its task runs, log lines and inputs."""
    await delete_object(store, deletions.delete_flow_run, id)


@post("/bulk_delete", status_code=200)
async def delete_flow_runs(
    store: InjectedStore, data: JSONBody[FlowRunsBulkDeleteBody | None] = None
) -> FlowRunBulkDeleteResponse:
    """Delete the flow runs that meet a filter, each with what belongs to it."""
    body = data or FlowRunsBulkDeleteBody()
    scope = RunScope(flow_runs=body.flow_runs)
    found = await store.read(lambda conn: read_flow_runs(conn, scope, limit=body.limit))
    ids = [run.id for run in found]
    return FlowRunBulkDeleteResponse(deleted=await delete_each(store, deletions.delete_flow_run, ids))


@post("/filter", status_code=200)
async def list_flow_runs(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[FlowRunsFilterBody | None] = None
) -> JsonResponse[list[FlowRun]]:
    """The flow runs that meet the filters."""
    body = data or FlowRunsFilterBody()
    limit_of(body.limit, settings)
    text, most, pages = encode(body), settings.server.api.default_limit, store.shared(_pages)
    at = now()
    page = await store.read_quickly(
        text, lambda conn: pages.page(conn, statement_of(text, conn.dialect, most), at)
    )
    return JsonResponse(page)  # type: ignore[arg-type]  # encoded already


@post("/paginate", status_code=200)
async def paginate_flow_runs(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[FlowRunsPaginateBody | None] = None
) -> FlowRunPaginationResponse:
    """A page of the flow runs that meet the filters."""
    body = data or FlowRunsPaginateBody()
    limit, at = limit_of(body.limit, settings), now()

    def query(conn: Connection) -> FlowRunPaginationResponse:
        offset = offset_of(body.page, limit)
        runs = read_flow_runs(conn, body, sort=body.sort, limit=limit, offset=offset, now=at)
        return page_of(runs, count=count_flow_runs(conn, body), limit=limit, page=body.page)

    return await store.read(query)


@post("/count", status_code=200)
async def count(store: InjectedStore, data: JSONBody[FlowRunsCountBody | None] = None) -> int:
    """How many flow runs meet the filters."""
    return await store.read(lambda conn: count_flow_runs(conn, data))


@post("/lateness", status_code=200)
async def lateness(store: InjectedStore, data: JSONBody[FlowRunsLatenessBody | None] = None) -> float | None:
    """By how many seconds flow runs are late on average."""
    at = now()
    return await store.read(lambda conn: average_lateness(conn, data, now=at))


@post("/history", status_code=200)
async def history(data: JSONBody[FlowRunsHistoryBody], store: InjectedStore) -> list[HistoryResponse]:
    """How many flow runs were expected in each of a row of intervals, by the state that they are in."""
    at = now()
    return await store.read(lambda conn: read_flow_run_history(conn, data, now=at))


def _creations(bridge: Bridge) -> Gathering[FlowRun, FlowRun]:
    return Gathering(bridge, lambda conn, runs: creations.create_flow_runs(conn, runs, now=now()))


def _pages(_: Bridge) -> EncodedFlowRuns:
    return EncodedFlowRuns()


def _check_queue(data: FlowRunCreate) -> None:
    """Refuse runs for work pools and queues: there are none."""
    if data.work_pool_name is not None:
        raise Refusal(404, f'Work pool "{data.work_pool_name}" not found.')
    if data.work_queue_name is not None:
        raise Refusal(404, f'Work queue "{data.work_queue_name}" not found.')


def _refuse_job_variables(run: FlowRun) -> None:
    """Refuse job variables for a run: they are its deployment's to check, and no run has one."""
    if run.state_type is not StateType.SCHEDULED:
        state = "without a state" if run.state_type is None else f"in state {run.state_type.value}"
        raise Refusal(400, f"Job variables for a flow run {state} cannot be updated")
    raise Refusal(400, "A deployment for the flow run could not be found")


router = Router(
    path="/flow_runs",
    route_handlers=[
        create_flow_run,
        read_flow_run,
        update_flow_run,
        update_labels,
        delete_flow_run,
        delete_flow_runs,
        list_flow_runs,
        paginate_flow_runs,
        count,
        lateness,
        history,
    ],
    tags=["Flow Runs"],
    opt=not_found("Flow run not found"),
)
