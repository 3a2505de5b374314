"""What the web page draws of many runs: what became of them over time, by flow and by task."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.base import Schema

__all__ = ["FailingFlow", "FlowGrid", "GridCell", "GridRun", "LastFailure", "LastRun", "StatesOverTime"]


class StatesOverTime(Schema, kw_only=True):
    """`POST /ui/flow_runs/states-over-time`: how many runs were expected to start in each of a row of intervals.

    Args:
        since: The start of the first interval (UTC).
        until: The end of the last (UTC).
        seconds: The width of an interval.
        counts: For each type of the states that the runs are in now, how many in each interval.
    """

    since: datetime
    until: datetime
    seconds: float
    counts: dict[StateType, list[int]]


class LastRun(Schema, kw_only=True):
    """One of the last runs of a flow.

    Args:
        timestamp: When it started, or should have (UTC).
        duration: Seconds that it took or has taken.
    """

    id: UUID
    name: str
    state_type: StateType | None
    state_name: str | None
    timestamp: datetime
    duration: float


class LastFailure(Schema, kw_only=True):
    """The last run of a flow that failed.

    Args:
        end_time: When it ended (UTC).
        message: What its state says.
    """

    id: UUID
    name: str
    state_name: str
    end_time: datetime
    message: str | None


class FailingFlow(Schema, kw_only=True):
    """A flow of which runs failed in a span of time.

    Args:
        failed: Runs that ended in it as Failed or Crashed.
        ended: All runs that ended in it.
    """

    flow_id: UUID
    flow_name: str
    failed: int
    ended: int
    last: LastFailure


class GridRun(Schema, kw_only=True):
    """A flow run in a grid."""

    id: UUID
    name: str
    state_type: StateType | None
    state_name: str | None
    created: datetime
    expected_start_time: datetime
    start_time: datetime | None
    end_time: datetime | None


GridCell = tuple[int, int, dict[StateType, int], float, UUID | None]
"""Which flow run and which task; how many of its task runs are in states of which types; how many seconds they took together; and
which task run that is, if it is only one."""


class FlowGrid(Schema, kw_only=True):
    """`GET /ui/flows/{id}/grid`: what became of each task in the last runs of a flow.

    Args:
        flow_runs: The runs, the newest first.
        tasks: The tasks by key and name, in the order in which they first started.
        cells: What there is of a flow run and a task.
    """

    flow_runs: list[GridRun]
    tasks: list[tuple[str, str]]
    cells: list[GridCell]
