"""Filters of nouns as conditions of SQL: which column, or what else, each of their criteria is about; `criteria` knows the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, false, literal_column, select, true
from sqlalchemy.sql.elements import True_

from headrace.core.states import StateType
from headrace.schema.filters.flow_runs import (
    FlowRunFilter,
    FlowRunFilterCreatedBy,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterWorkQueueName,
)
from headrace.schema.filters.flows import FlowFilter
from headrace.schema.filters.logs import LogFilter, LogFilterTaskRunId
from headrace.schema.filters.shapes import Within, WithinOrNull
from headrace.schema.filters.task_runs import (
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterState,
    TaskRunFilterSubFlowRuns,
)
from headrace.schema.requests.scope import PoolScope, QueueScope, RunScope
from headrace.store.connection import micros
from headrace.store.lists.criteria import (
    Condition,
    contains_words,
    exists,
    has_member,
    is_any,
    is_null,
    is_within,
    joined,
    meets,
)
from headrace.store.lists.queries import narrowing, searched
from headrace.store.tables import (
    ENDED,
    NEXT_SCHEDULED,
    STARTED,
    flow,
    flow_run,
    log,
    task_run,
)

# --- Nouns -----------------------------------------------------------------------------------------------------


def flows_where(wanted: FlowFilter) -> Condition:
    """The condition on `flow`."""
    criteria = [
        *meets(flow.c.id, wanted.id),
        *meets(flow.c.name, wanted.name),
        *meets(flow.c.tags, wanted.tags),
    ]
    if wanted.deployment is not None:  # no flow is deployed as long as the store has no deployments
        criteria.append(false() if wanted.deployment.is_null_ is False else true())
    return joined(wanted.operator, criteria)


def flow_runs_where(wanted: FlowRunFilter) -> Condition:
    """The condition on `flow_run`."""
    run = flow_run.c
    criteria = [
        *meets(run.id, wanted.id),
        *meets(run.name, wanted.name),
        *meets(run.tags, wanted.tags),
        *meets(run.deployment_id, wanted.deployment_id),
        *_in_queues(wanted.work_queue_name),
        *_in_states(flow_run, wanted.state),
        *meets(run.flow_version, wanted.flow_version),
        *_has_started(wanted.start_time),
        *_has_ended(wanted.end_time),
        *meets(run.expected_start_time, wanted.expected_start_time),
        *meets(run.next_scheduled_start_time, wanted.next_scheduled_start_time),
        *meets(run.parent_task_run_id, wanted.parent_task_run_id),
        *meets(run.idempotency_key, wanted.idempotency_key),
        *_called_by(wanted.parent_flow_run_id),
        *_created_by(wanted.created_by),
    ]
    return joined(wanted.operator, criteria)


def task_runs_where(wanted: TaskRunFilter) -> Condition:
    """The condition on `task_run`."""
    run = task_run.c
    criteria = [
        *meets(run.id, wanted.id),
        *meets(run.name, wanted.name),
        *meets(run.tags, wanted.tags),
        *_in_states(task_run, wanted.state),
        *meets(run.start_time, wanted.start_time),
        *_has_ended(wanted.end_time),
        *meets(run.expected_start_time, wanted.expected_start_time),
        *_in_flow_runs(wanted.flow_run_id),
        *_tracks_subflows(wanted.subflow_runs),
    ]
    return joined(wanted.operator, criteria)


def logs_where(wanted: LogFilter) -> Condition:
    """The condition on `log`."""
    criteria = [
        *meets(log.c.level, wanted.level),
        *meets(log.c.timestamp, wanted.timestamp),
        *meets(log.c.flow_run_id, wanted.flow_run_id),
        *_of_task_runs(wanted.task_run_id),
    ]
    if wanted.text is not None:
        criteria.append(contains_words([log.c.message, log.c.name], wanted.text.query))
    return joined(wanted.operator, criteria)


# --- Nouns around the one that is asked for --------------------------------------------------------------------


def flows_within(scope: RunScope) -> Iterator[Condition]:
    """The conditions on `flow` for the flows that belong to what else is asked for."""
    if scope.flows is not None:
        yield from _stated(flows_where(scope.flows))
    if scope.flow_runs is not None or scope.task_runs is not None:
        yield flow.c.id.in_(select(flow_run.c.flow_id).where(*flow_runs_within(_only_runs(scope))))
    yield from _elsewhere(scope)


def flow_runs_within(scope: RunScope) -> Iterator[Condition]:
    """The conditions on `flow_run` for the flow runs that belong to what else is asked for."""
    if scope.flow_runs is not None:
        yield from _stated(flow_runs_where(scope.flow_runs))
    if scope.flows is not None:
        wanted = select(flow.c.id).where(flows_where(scope.flows))
        yield searched(flow_run.c.flow_id, lambda it: it.in_(wanted))
    if scope.task_runs is not None:
        tasks = select(task_run.c.id).where(task_run.c.flow_run_id == flow_run.c.id)
        yield exists(tasks.where(task_runs_where(scope.task_runs)))
    yield from _elsewhere(scope)


def task_runs_within(scope: RunScope) -> Iterator[Condition]:
    """The conditions on `task_run` for the task runs that belong to what else is asked for."""
    if scope.task_runs is not None:
        yield from _stated(task_runs_where(scope.task_runs))
    if scope.flow_runs is not None or scope.flows is not None:
        runs = select(flow_run.c.id).where(
            *flow_runs_within(RunScope(flows=scope.flows, flow_runs=scope.flow_runs))
        )
        yield searched(task_run.c.flow_run_id, lambda it: it.in_(runs))
    yield from _elsewhere(scope)


def is_narrow(scope: RunScope) -> bool:
    """Whether the task runs that are asked for are found by an index other than that of states: of times or other nouns."""
    runs = scope.task_runs
    if scope.flows is not None or scope.flow_runs is not None:
        return True
    if runs is None:
        return False
    within = runs.flow_run_id is not None and runs.flow_run_id.any_ is not None
    return within or any((runs.id, runs.start_time, runs.end_time, runs.expected_start_time))


def _stated(condition: Condition) -> Iterator[Condition]:
    """The condition, unless everything meets it: SQLite counts a table without conditions much faster."""
    if not isinstance(condition, True_):
        yield condition


def _only_runs(scope: RunScope) -> RunScope:
    return RunScope(flow_runs=scope.flow_runs, task_runs=scope.task_runs)


def _elsewhere(scope: RunScope) -> Iterator[Condition]:
    """Nothing belongs to deployments, pools or queues as long as the store has none."""
    pools = isinstance(scope, PoolScope) and scope.work_pools is not None
    queues = isinstance(scope, QueueScope) and scope.work_pool_queues is not None
    if scope.deployments is not None or pools or queues:
        yield false()


# --- Order -----------------------------------------------------------------------------------------------------

_SORTED_BY = {"START_TIME": STARTED, "END_TIME": ENDED, "NEXT_SCHEDULED_START_TIME": NEXT_SCHEDULED}


def order(table: Table, sort: str) -> list[ColumnElement[Any]]:
    """What to order `table` by; the id settles ties. There is an index for each order of runs.

    Args:
        sort: A column and a direction, as `NAME_ASC`.
    """
    if table is task_run:
        # The next start of a task run is kept in its state alone; it is when the run is expected to start.
        sort = sort.replace("NEXT_SCHEDULED", "EXPECTED")
    name, _, direction = sort.rpartition("_")
    if name == "ID":
        return [table.c.id.desc() if direction == "DESC" else table.c.id.asc()]
    expression = _SORTED_BY.get(name)
    by: ColumnElement[Any] = table.c[name.lower()] if expression is None else literal_column(expression)
    return [by.desc(), table.c.id.desc()] if direction == "DESC" else [by.asc(), table.c.id.asc()]


# --- Criteria --------------------------------------------------------------------------------------------------


def _has_ended(criterion: WithinOrNull | None) -> Iterator[Condition]:
    """The condition on when runs ended, in terms of the index by which lists are sorted."""
    if criterion is None:
        return
    ended: ColumnElement[Any] = literal_column(ENDED)
    conditions: list[Condition] = []
    if criterion.after_ is not None:
        conditions.append(ended >= bindparam("ended_after", max(micros(criterion.after_), 1), unique=True))
    if criterion.before_ is not None:
        conditions.append(ended <= bindparam("ended_before", micros(criterion.before_), unique=True))
        conditions.append(ended > literal_column("0"))
    if criterion.is_null_ is not None:
        conditions.append(ended == literal_column("0") if criterion.is_null_ else ended > literal_column("0"))
    yield and_(true(), *conditions)


def _has_started(criterion: FlowRunFilterStartTime | None) -> Iterator[Condition]:
    """A flow run that has not started counts as starting when it is to; whether it has is another matter."""
    if criterion is None:
        return
    starts: ColumnElement[Any] = literal_column(STARTED)  # there is an index on it
    conditions = [*is_within(starts, Within(before_=criterion.before_, after_=criterion.after_))]
    if criterion.is_null_ is not None:
        conditions.append(is_null(flow_run.c.start_time, criterion.is_null_))
    yield and_(true(), *conditions)


def _called_by(criterion: FlowRunFilterParentFlowRunId | None) -> Iterator[Condition]:
    """Subflow runs of flow runs."""
    if criterion is None:
        return
    if criterion.any_ is None:
        yield true()
    else:
        trackers = select(task_run.c.id).where(task_run.c.flow_run_id.in_(criterion.any_))
        yield flow_run.c.parent_task_run_id.in_(trackers)


def _tracks_subflows(criterion: TaskRunFilterSubFlowRuns | None) -> Iterator[Condition]:
    """Task runs that stand for subflow runs, or that do not."""
    if criterion is None:
        return
    tracks = exists(select(flow_run.c.id).where(flow_run.c.parent_task_run_id == task_run.c.id))
    yield true() if criterion.exists_ is None else tracks if criterion.exists_ else ~tracks


def _of_task_runs(criterion: LogFilterTaskRunId | None) -> Iterator[Condition]:
    """Log lines of task runs, or of none."""
    if criterion is None:
        return
    conditions = [*is_any(log.c.task_run_id, criterion)]
    if criterion.is_null_ is not None:
        conditions.append(is_null(log.c.task_run_id, criterion.is_null_))
    yield and_(true(), *conditions)


def _in_flow_runs(criterion: TaskRunFilterFlowRunId | None) -> Iterator[Condition]:
    """Task runs outside flow runs, those inside of some, or those inside of any."""
    if criterion is None:
        return
    if criterion.is_null_ or criterion.any_ is None:
        yield is_null(task_run.c.flow_run_id, bool(criterion.is_null_))
    else:
        yield task_run.c.flow_run_id.in_(criterion.any_)


def _in_states(
    table: Table, criterion: FlowRunFilterState | TaskRunFilterState | None
) -> Iterator[Condition]:
    if criterion is None:
        return
    kinds, named = (
        [*meets(table.c.state_type, criterion.type)],
        [*meets(table.c.state_name, criterion.name)],
    )
    if not kinds and criterion.name is not None and criterion.name.any_ is not None:
        # The index of states begins with their types: all of them are looked through for the name.
        any_kind = table.c.state_type.in_([kind.value for kind in StateType])
        named = [and_(*named, narrowing(any_kind, select(literal_column("1")).where(any_kind, *named)))]
    yield joined(criterion.operator, [*kinds, *named])


def _in_queues(criterion: FlowRunFilterWorkQueueName | None) -> Iterator[Condition]:
    if criterion is None:
        return
    conditions: list[Condition] = []
    if criterion.any_ is not None:
        conditions.append(false())  # no queue has a name as long as the store has none
    if criterion.is_null_ is not None:
        conditions.append(is_null(flow_run.c.work_queue_id, criterion.is_null_))
    yield joined(criterion.operator, conditions)


def _created_by(criterion: FlowRunFilterCreatedBy | None) -> Iterator[Condition]:
    if criterion is None:
        return
    creator = flow_run.c.created_by
    conditions: list[Condition] = []
    if criterion.id_ is not None:
        conditions.append(has_member(creator, "id", [str(value) for value in criterion.id_]))
    if criterion.type_ is not None:
        conditions.append(has_member(creator, "type", criterion.type_))
    if criterion.is_null_ is not None:
        conditions.append(is_null(creator, criterion.is_null_))
    yield joined(criterion.operator, conditions)
