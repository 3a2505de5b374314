"""Filters of lists, and the conditions that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Table, func, literal_column, select

from headrace.core.states import StateType
from headrace.store.tables import flow, flow_run, log, task_run

DEFAULT_LIMIT = 200
"""Rows in a list for which no limit was given."""

Sort = Literal[
    "ID_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "NAME_ASC",
    "NAME_DESC",
    "START_TIME_ASC",
    "START_TIME_DESC",
    "END_TIME_DESC",
]
"""Orders of runs. Ids are made in the order of time, so ID_DESC is the newest first, and answered from an index."""

Condition = ColumnElement[bool]


@dataclass(frozen=True, kw_only=True)
class FlowRunFilter:
    """Which flow runs; what is None does not matter, and of several values one must match.

    Args:
        tags: All of these must be among the run's.
        parents: Only subflow runs of these tracking task runs.
    """

    ids: Sequence[UUID] | None = None
    names: Sequence[str] | None = None
    flow_ids: Sequence[UUID] | None = None
    flow_names: Sequence[str] | None = None
    state_types: Sequence[StateType] | None = None
    state_names: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    parents: Sequence[UUID] | None = None


@dataclass(frozen=True, kw_only=True)
class TaskRunFilter:
    """Which task runs; what is None does not matter, and of several values one must match.

    Args:
        tags: All of these must be among the run's.
    """

    ids: Sequence[UUID] | None = None
    names: Sequence[str] | None = None
    flow_run_ids: Sequence[UUID] | None = None
    state_types: Sequence[StateType] | None = None
    state_names: Sequence[str] | None = None
    tags: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which log lines; what is None does not matter, and of several values one must match.

    Args:
        min_level: Only lines of this level or above, as in `logging`.
    """

    flow_run_ids: Sequence[UUID] | None = None
    task_run_ids: Sequence[UUID] | None = None
    min_level: int | None = None


def flow_runs_where(wanted: FlowRunFilter) -> list[Condition]:
    """The conditions on `flow_run`."""
    conditions = _runs_where(flow_run, wanted)
    conditions += _any_of(flow_run.c.flow_id, wanted.flow_ids)
    conditions += _any_of(flow_run.c.parent_task_run_id, wanted.parents)
    if wanted.flow_names is not None:
        conditions.append(flow_run.c.flow_id.in_(select(flow.c.id).where(flow.c.name.in_(wanted.flow_names))))
    return conditions


def task_runs_where(wanted: TaskRunFilter) -> list[Condition]:
    """The conditions on `task_run`."""
    return _runs_where(task_run, wanted) + _any_of(task_run.c.flow_run_id, wanted.flow_run_ids)


def logs_where(wanted: LogFilter) -> list[Condition]:
    """The conditions on `log`."""
    conditions = _any_of(log.c.flow_run_id, wanted.flow_run_ids) + _any_of(
        log.c.task_run_id, wanted.task_run_ids
    )
    if wanted.min_level is not None:
        conditions.append(log.c.level >= wanted.min_level)
    return conditions


def order(table: Table, sort: Sort) -> list[ColumnElement[Any]]:
    """What to order runs by; the id settles ties."""
    name, _, direction = sort.rpartition("_")
    column = table.c[name.lower()]
    if direction == "ASC":
        return [column.asc().nulls_last(), table.c.id.asc()]
    if name == "ID":
        return [column.desc()]
    return [column.desc().nulls_last(), table.c.id.desc()]


def _runs_where(table: Table, wanted: FlowRunFilter | TaskRunFilter) -> list[Condition]:
    types = None if wanted.state_types is None else [kind.value for kind in wanted.state_types]
    return [
        *_any_of(table.c.id, wanted.ids),
        *_any_of(table.c.name, wanted.names),
        *_any_of(table.c.state_type, types),
        *_any_of(table.c.state_name, wanted.state_names),
        *(_has_tag(table, tag) for tag in wanted.tags or ()),
    ]


def _any_of(column: ColumnElement[Any], values: Sequence[Any] | None) -> list[Condition]:
    return [] if values is None else [column.in_(values)]


def _has_tag(table: Table, tag: str) -> Condition:
    tags = func.json_each(table.c.tags).table_valued("value", name="tag")
    return select(literal_column("1")).select_from(tags).where(tags.c.value == tag).exists()
