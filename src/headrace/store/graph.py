"""The graph of a flow run: its task runs and subflow runs, and whose results they take.

Every node is a task run of the flow run. One that stands for a subflow run is drawn as that run: under its id, its name and
its times; so whoever takes its result depends on the subflow run. What takes the result of a run elsewhere does not
depend on anything here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.graph import DependencyResult, Edge, Graph, GraphState, Node
from headrace.schema.runs import RunInput, TaskRun, TaskRunResult
from headrace.store import flow_runs, states
from headrace.store.columns import id_of, instant_of, json_of
from headrace.store.connection import Connection, Row, micros
from headrace.store.task_runs import SELECTION, task_run_of

__all__ = ["read_dependencies", "read_graph"]

PARENTS = "__parents__"
"""The key of the inputs of a task run under which is the task run that called it."""

_load_inputs = json_of(dict[str, list[RunInput]]).load

_ENDED = "coalesce(subflow.end_time, CASE WHEN subflow.id IS NULL THEN task_run.end_time END)"

_NODES = (
    "SELECT task_run.id, task_run.name, task_run.state_type, task_run.task_inputs, subflow.id, subflow.name, flow.name,"
    " subflow.state_type, coalesce(subflow.start_time, subflow.expected_start_time, task_run.start_time,"
    f" task_run.expected_start_time), {_ENDED} FROM task_run"
    " LEFT JOIN flow_run AS subflow ON subflow.parent_task_run_id = task_run.id"
    " LEFT JOIN flow ON flow.id = subflow.flow_id WHERE task_run.flow_run_id = :run AND task_run.state_type IS NOT NULL"
)
_ENDED_SINCE = f" AND ({_ENDED} IS NULL OR {_ENDED} >= :since)"

_TASK_RUNS = (
    f"SELECT {SELECTION} FROM task_run LEFT JOIN event AS state ON state.id = task_run.state_id"
    " WHERE task_run.flow_run_id = :run ORDER BY task_run.id LIMIT :most"
)


class _Node(NamedTuple):
    """A node, and what it is made of.

    Args:
        node: Without its edges.
        task_run_id: The task run, which is the node or stands for it.
        inputs: The task runs whose results it takes.
        callers: The task runs that called it.
    """

    node: Node
    task_run_id: UUID
    inputs: list[UUID]
    callers: list[UUID]


def read_graph(conn: Connection, run_id: UUID, *, since: datetime | None = None, most: int) -> Graph | None:
    """The graph of a flow run.

    Args:
        run_id: The flow run.
        since: Only nodes that have not ended before (UTC).
        most: How many nodes it may have.

    Returns:
        The graph; None when it has more nodes.

    Raises:
        ObjectNotFound: There is no such run.
    """
    run = flow_runs.read_flow_run(conn, run_id)
    sql = _NODES + (_ENDED_SINCE if since is not None else "") + " LIMIT :most"
    bounds = {} if since is None else {"since": max(micros(since), 0)}
    rows = conn.rows(sql, run=run_id, most=most + 1, **bounds)
    if len(rows) > most:
        return None
    nodes = sorted(map(_node_of, rows), key=lambda made: (made.node.start_time, made.node.id))
    _connect(nodes, _earlier(conn, run_id, nodes) if since is not None else {})
    return Graph(
        start_time=run.start_time,
        end_time=run.end_time,
        root_node_ids=[made.node.id for made in nodes if not made.node.parents],
        nodes=[(made.node.id, made.node) for made in nodes],
        states=[
            GraphState(id=state.id, timestamp=state.timestamp, type=state.type, name=state.name or "")
            for state in states.read_states(conn, run_id, "flow-run")
        ],
    )


def read_dependencies(conn: Connection, run_id: UUID, *, most: int) -> list[DependencyResult] | None:
    """The task runs of a flow run, each with the task runs whose results it takes; None when there are more than `most`.

    Raises:
        ObjectNotFound: There is no such run.
    """
    flow_runs.read_flow_run(conn, run_id)
    rows = conn.rows(_TASK_RUNS, run=run_id, most=most + 1)
    if len(rows) > most:
        return None
    return [_dependencies_of(task_run_of(row, None)) for row in rows]


def _node_of(row: Row) -> _Node:
    task_id, name, kind, inputs, subflow_id, subflow_name, flow_name, subflow_kind, started, ended = row
    is_subflow = subflow_id is not None
    node_id, task_run_id, start = id_of(subflow_id or task_id), id_of(task_id), instant_of(started or 0)
    assert node_id is not None
    assert task_run_id is not None
    assert start is not None
    node = Node(
        kind="flow-run" if is_subflow else "task-run",
        id=node_id,
        label=f"{flow_name} / {subflow_name}" if is_subflow else name,
        state_type=StateType(subflow_kind or kind),
        start_time=start,
        end_time=instant_of(ended),
    )
    taken: dict[str, list[Any]] = _load_inputs(inputs) if _load_inputs else {}
    callers = _task_runs_in(taken.pop(PARENTS, ()))
    return _Node(
        node, task_run_id, _task_runs_in(item for items in taken.values() for item in items), callers
    )


def _task_runs_in(inputs: Iterable[Any]) -> list[UUID]:
    """The task runs among some inputs, each once."""
    return list(dict.fromkeys(item.id for item in inputs if isinstance(item, TaskRunResult)))


def _connect(nodes: list[_Node], elsewhere: dict[UUID, UUID]) -> None:
    """Give the nodes their edges.

    Args:
        nodes: All nodes of the graph, in their order.
        elsewhere: Ids of nodes that are left out, by their task runs.
    """
    ids = elsewhere | {made.task_run_id: made.node.id for made in nodes}
    by_id = {made.node.id: made.node for made in nodes}
    for made in nodes:
        for parent in dict.fromkeys(ids[task] for task in made.inputs if task in ids):
            made.node.parents.append(Edge(id=parent))
            if parent in by_id:
                by_id[parent].children.append(Edge(id=made.node.id))
        callers = dict.fromkeys(ids[task] for task in made.callers if task in ids)
        made.node.encapsulating.extend(Edge(id=caller) for caller in callers)


def _earlier(conn: Connection, run_id: UUID, nodes: list[_Node]) -> dict[UUID, UUID]:
    """The nodes of the run that others refer to and that are not among `nodes`, by their task runs."""
    known = {made.task_run_id for made in nodes}
    wanted = {task for made in nodes for task in (*made.inputs, *made.callers)} - known
    sql = (
        "SELECT coalesce(subflow.id, task_run.id) FROM task_run"
        " LEFT JOIN flow_run AS subflow ON subflow.parent_task_run_id = task_run.id"
        " WHERE task_run.id = :task AND task_run.flow_run_id = :run"
    )
    found = {task: id_of(conn.value(sql, task=task, run=run_id)) for task in wanted}
    return {task: node for task, node in found.items() if node is not None}


def _dependencies_of(run: TaskRun) -> DependencyResult:
    inputs = [item for items in run.task_inputs.values() for item in items if isinstance(item, TaskRunResult)]
    return DependencyResult(
        id=run.id,
        name=run.name,
        upstream_dependencies=list(dict.fromkeys(inputs)),
        state=run.state,
        expected_start_time=run.expected_start_time,
        start_time=run.start_time,
        end_time=run.end_time,
        total_run_time=run.total_run_time,
        estimated_run_time=run.estimated_run_time,
        untrackable_result=run.state is not None and run.state.state_details.untrackable_result,
    )
