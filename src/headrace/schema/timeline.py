"""`Timeline`: all task runs of a flow run in columns, as its drawing takes them."""

from __future__ import annotations

from uuid import UUID

from headrace.core.states import StateType
from headrace.schema.base import Schema

__all__ = ["Timeline"]


class Timeline(Schema, kw_only=True):
    """`GET /ui/flow_runs/{id}/timeline`.

    From `id` on, each field is a column: what is at one place in all of them is one task run. They are in the order of ids, which
    is that of creation. A task run that stands for a subflow run has that run's name, state and times.

    Args:
        cursor: A place in the event log: what is asked for after it is what has changed since.
        origin: What times count from, in microseconds since 1970; the same for all timelines of a flow run.
        total: Task runs that the flow run has.
        is_whole: Whether that is no more than a timeline shows; otherwise only the first of them are here.
        tasks: Tasks by key and name, for `task`.
        states: States by type and name, for `state`.
        task: Places in `tasks`.
        state: Places in `states`.
        created: When the run was first known, in microseconds from `origin`, as all times.
        started: When it first ran.
        ended: When it ended.
        run_count: How many times it ran.
        flow_run_id: The subflow run that it stands for.
        inputs: The task runs whose results it takes.
    """

    cursor: str
    origin: int
    total: int
    is_whole: bool
    tasks: list[tuple[str, str]]
    states: list[tuple[StateType, str]]
    id: list[UUID]
    name: list[str]
    task: list[int]
    state: list[int]
    created: list[int]
    started: list[int | None]
    ended: list[int | None]
    run_count: list[int]
    flow_run_id: list[UUID | None]
    inputs: list[list[UUID]]
