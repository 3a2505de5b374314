"""`Graph`: how the runs inside a flow run depend on each other, as it is drawn."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import field

from headrace.core.states import StateType
from headrace.schema.base import Schema
from headrace.schema.runs import TaskRunResult
from headrace.schema.states import State

__all__ = ["DependencyResult", "Edge", "Graph", "GraphArtifact", "GraphState", "Node"]


class GraphState(Schema, kw_only=True):
    """A state that the flow run was in."""

    id: UUID
    timestamp: datetime
    type: StateType
    name: str


class GraphArtifact(Schema, kw_only=True):
    """An artifact that a run made.

    Args:
        is_latest: No newer artifact has its key.
        data: Its content, where that is small: the value of a progress artifact.
    """

    id: UUID
    created: datetime
    key: str | None
    type: str | None
    is_latest: bool
    data: Any = None


class Edge(Schema, kw_only=True):
    """The other end of a dependency."""

    id: UUID


class Node(Schema, kw_only=True):
    """A task run or subflow run.

    Args:
        kind: Which of the two.
        id: The run's id.
        label: Its name.
        start_time: When it started, or should (UTC).
        parents: The runs whose results it takes.
        children: The runs that take its result.
        encapsulating: The runs that called it and whose results cannot be its inputs.
        artifacts: What it made.
    """

    kind: Literal["flow-run", "task-run"]
    id: UUID
    label: str
    state_type: StateType
    start_time: datetime
    end_time: datetime | None
    parents: list[Edge] = field(default_factory=list)
    children: list[Edge] = field(default_factory=list)
    encapsulating: list[Edge] = field(default_factory=list)
    artifacts: list[GraphArtifact] = field(default_factory=list)


class Graph(Schema, kw_only=True):
    """`GET /flow_runs/{id}/graph-v2`.

    Args:
        start_time: When the flow run started (UTC).
        end_time: When it ended (UTC).
        root_node_ids: The nodes without parents.
        nodes: Pairs of an id and its node, by start time.
        artifacts: What the flow run itself made.
        states: The states that the flow run was in.
    """

    start_time: datetime | None
    end_time: datetime | None
    root_node_ids: list[UUID] = field(default_factory=list)
    nodes: list[tuple[UUID, Node]] = field(default_factory=list)
    artifacts: list[GraphArtifact] = field(default_factory=list)
    states: list[GraphState] = field(default_factory=list)


class DependencyResult(Schema, kw_only=True):
    """A task run in `GET /flow_runs/{id}/graph`.

    Args:
        upstream_dependencies: The runs whose results it takes.
        untrackable_result: Its result does not tell which run it came from.
    """

    id: UUID
    name: str
    upstream_dependencies: list[TaskRunResult]
    state: State[Any] | None
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: float | None
    estimated_run_time: float | None
    untrackable_result: bool
