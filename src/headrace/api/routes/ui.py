"""What the web page asks for that nobody else does: counts and histories of several objects at once, and drawings of them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, Parameter
from msgspec import structs

from headrace.api.dependencies import InjectedStore
from headrace.api.errors import Refusal, not_found
from headrace.api.responses import JsonResponse
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import encode, now
from headrace.schema.overviews import FailingFlow, FlowGrid, LastRun, StatesOverTime
from headrace.schema.requests.flow_runs import (
    FlowRunIdsBody,
    FlowRunsCountBody,
    StatesOverTimeBody,
    UIFlowRunsHistoryBody,
)
from headrace.schema.requests.flows import FailingFlowsBody, FlowIdsBody, LastRunsBody
from headrace.schema.requests.task_runs import TaskRunsCountBody, UITaskRunCountsBody
from headrace.schema.responses import (
    CountByState,
    SimpleFlowRun,
    SimpleNextFlowRun,
    TaskRunCount,
    UITaskRun,
)
from headrace.schema.timeline import Timeline
from headrace.store import flow_runs, task_runs
from headrace.store.connection import Connection
from headrace.store.cursors import Cursor
from headrace.store.lists import overviews
from headrace.store.lists.failing_flows import read_failing_flows
from headrace.store.lists.flow_grids import read_flow_grid
from headrace.store.lists.last_runs import read_last_runs
from headrace.store.lists.states_over_time import read_states_over_time
from headrace.store.timeline import read_timeline

__all__ = ["router"]


@post("/flows/count-deployments", status_code=200, tags=["Flows"])
async def count_deployments(data: JSONBody[FlowIdsBody]) -> dict[UUID, int]:
    """How many deployments each flow has: there are none."""
    return dict.fromkeys(data.flow_ids, 0)


@post("/flows/next-runs", status_code=200, tags=["Flows"])
async def next_runs(
    data: JSONBody[FlowIdsBody], store: InjectedStore
) -> dict[UUID, SimpleNextFlowRun | None]:
    """The run of each flow that is scheduled next."""
    return await store.read(lambda conn: overviews.read_next_flow_runs(conn, data.flow_ids))


@post("/flows/last-runs", status_code=200, tags=["Flows"])
async def last_runs(data: JSONBody[LastRunsBody], store: InjectedStore) -> dict[UUID, list[LastRun]]:
    """The last runs of each flow, the newest first; what is to start later is not among them."""
    at = now()
    return await store.read(lambda conn: read_last_runs(conn, data.flow_ids, most=data.runs, now=at))


@post("/flows/failing", status_code=200, tags=["Flows"])
async def failing_flows(data: JSONBody[FailingFlowsBody], store: InjectedStore) -> list[FailingFlow]:
    """The flows of which runs failed in a span of time, each with the last one that did."""
    until = data.until or now()
    return await store.read(
        lambda conn: read_failing_flows(conn, since=data.since, until=until, most=data.limit)
    )


@get("/flows/{id:uuid}/grid", tags=["Flows"], opt=not_found("Flow not found"))
async def flow_grid(
    id: FromPath[UUID], store: InjectedStore, runs: FromQuery[Annotated[int, Parameter(ge=1, le=100)]] = 25
) -> FlowGrid:
    """What became of each task in the last runs of a flow."""
    at = now()
    return await store.read(lambda conn: read_flow_grid(conn, id, most=runs, now=at))


@post("/flow_runs/history", status_code=200, tags=["Flow Runs"])
async def flow_run_history(
    store: InjectedStore, data: JSONBody[UIFlowRunsHistoryBody | None] = None
) -> list[SimpleFlowRun]:
    """Flow runs as points of a diagram."""
    body, at = data or UIFlowRunsHistoryBody(), now()
    return await store.read(lambda conn: overviews.read_simple_flow_runs(conn, body, now=at))


@post("/flow_runs/states-over-time", status_code=200, tags=["Flow Runs"])
async def states_over_time(data: JSONBody[StatesOverTimeBody], store: InjectedStore) -> StatesOverTime:
    """How many flow runs were expected to start in each of a row of intervals, by the type of their state."""
    since, until = data.since, data.until or now()
    if until <= since:
        raise Refusal(422, f"until must be later than since, which is {since.isoformat()}")
    return await store.read(
        lambda conn: read_states_over_time(conn, data, since=since, until=until, buckets=data.buckets)
    )


@post("/flow_runs/count-by-state", status_code=200, tags=["Flow Runs"])
async def count_flow_runs_by_state(
    store: InjectedStore, data: JSONBody[FlowRunsCountBody | None] = None
) -> CountByState:
    """How many flow runs there are in each state."""
    return await store.read(lambda conn: overviews.count_flow_runs_by_state(conn, data))


@get("/flow_runs/{id:uuid}/timeline", tags=["Flow Runs"], opt=not_found("Flow run not found"))
async def timeline(
    id: FromPath[UUID], store: InjectedStore, after: FromQuery[str | None] = None
) -> JsonResponse[Timeline]:
    """All task runs of a flow run in columns; with `after`, those that have changed behind the cursor of an earlier answer."""
    try:
        place = None if after is None else Cursor.parse(after)
    except ValueError as error:
        raise Refusal(422, str(error)) from error
    body = await store.read(lambda conn: encode(read_timeline(conn, id, after=place)))
    return JsonResponse(body)  # type: ignore[arg-type]  # encoded already


@post("/flow_runs/count-task-runs", status_code=200, tags=["Flow Runs"])
async def count_task_runs(data: JSONBody[FlowRunIdsBody], store: InjectedStore) -> dict[UUID, int]:
    """How many task runs each flow run has, subflow runs left out."""
    return await store.read(lambda conn: overviews.count_task_runs_of(conn, data.flow_run_ids))


@post("/task_runs/dashboard/counts", status_code=200, tags=["Task Runs"])
async def dashboard_counts(data: JSONBody[UITaskRunCountsBody], store: InjectedStore) -> list[TaskRunCount]:
    """How many task runs ended well and badly in each twentieth of a span of time."""
    span = data.task_runs.start_time
    if span is None or span.after_ is None:
        raise Refusal(422, "task_runs.start_time.after_ is required")
    start, end = span.after_, span.before_ or now()
    return await store.read(lambda conn: overviews.count_ended_task_runs(conn, data, start=start, end=end))


@post("/task_runs/count", status_code=200, tags=["Task Runs"])
async def count_by_state(
    store: InjectedStore, data: JSONBody[TaskRunsCountBody | None] = None
) -> CountByState:
    """How many task runs there are in each state."""
    return await store.read(lambda conn: overviews.count_task_runs_by_state(conn, data))


@get("/task_runs/{id:uuid}", tags=["Task Runs"], opt=not_found("Task not found"))
async def read_task_run(id: FromPath[UUID], store: InjectedStore) -> UITaskRun:
    """A task run with the name of its flow run."""
    at = now()

    def query(conn: Connection) -> UITaskRun:
        run = task_runs.read_task_run(conn, id, now=at)
        name = None if run.flow_run_id is None else _name_of(conn, run.flow_run_id)
        return UITaskRun(**structs.asdict(run), flow_run_name=name)

    return await store.read(query)


def _name_of(conn: Connection, flow_run_id: UUID) -> str | None:
    try:
        return flow_runs.read_flow_run(conn, flow_run_id).name
    except ObjectNotFound:  # deleted meanwhile
        return None


router = Router(
    path="/ui",
    route_handlers=[
        count_deployments,
        next_runs,
        last_runs,
        failing_flows,
        flow_grid,
        flow_run_history,
        states_over_time,
        count_flow_runs_by_state,
        timeline,
        count_task_runs,
        dashboard_counts,
        count_by_state,
        read_task_run,
    ],
    tags=["UI"],
)
