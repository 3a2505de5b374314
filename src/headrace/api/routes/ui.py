"""What the web page asks for that nobody else does: counts and histories of several objects at once."""

from __future__ import annotations

from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody
from msgspec import structs

from headrace.api.dependencies import InjectedStore
from headrace.api.errors import Refusal, not_found
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import now
from headrace.schema.requests.flow_runs import FlowRunIdsBody, UIFlowRunsHistoryBody
from headrace.schema.requests.flows import FlowIdsBody
from headrace.schema.requests.task_runs import TaskRunsCountBody, UITaskRunCountsBody
from headrace.schema.responses import (
    CountByState,
    SimpleFlowRun,
    SimpleNextFlowRun,
    TaskRunCount,
    UITaskRun,
)
from headrace.store import flow_runs, task_runs
from headrace.store.connection import Connection
from headrace.store.lists import overviews

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


@post("/flow_runs/history", status_code=200, tags=["Flow Runs"])
async def flow_run_history(
    store: InjectedStore, data: JSONBody[UIFlowRunsHistoryBody | None] = None
) -> list[SimpleFlowRun]:
    """Flow runs as points of a diagram."""
    body, at = data or UIFlowRunsHistoryBody(), now()
    return await store.read(lambda conn: overviews.read_simple_flow_runs(conn, body, now=at))


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
        flow_run_history,
        count_task_runs,
        dashboard_counts,
        count_by_state,
        read_task_run,
    ],
    tags=["UI"],
)
