"""Filters as conditions of SQL.

A filter of a noun has criteria, each of one of a few shapes (`schema.filters.shapes`). `_meets` knows the shapes; the
functions for nouns say which column, or what else, each criterion is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, bindparam, false, literal_column, or_, select, true
from sqlalchemy.sql.elements import True_

from headrace.core.states import StateType
from headrace.core.text import encode_json
from headrace.core.words import Search
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
from headrace.schema.filters.shapes import (
    AnyOf,
    AnyOrNoneOf,
    AnyOrNull,
    AnyOrPattern,
    Between,
    Operator,
    Tags,
    Within,
    WithinOrNull,
)
from headrace.schema.filters.task_runs import (
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterState,
    TaskRunFilterSubFlowRuns,
)
from headrace.schema.requests.scope import PoolScope, QueueScope, RunScope
from headrace.store.columns import MAX_NAME
from headrace.store.connection import micros
from headrace.store.lists import queries
from headrace.store.lists.queries import (
    holds,
    json_items,
    json_members,
    narrowing,
    resembles,
    searched,
    sought,
)
from headrace.store.tables import (
    ENDED,
    NEXT_SCHEDULED,
    STARTED,
    flow,
    flow_run,
    flow_run_tag,
    log,
    task_run,
    task_run_tag,
)

Condition = ColumnElement[bool]


# --- Nouns -----------------------------------------------------------------------------------------------------


def flows_where(wanted: FlowFilter) -> Condition:
    """The condition on `flow`."""
    criteria = [
        *_meets(flow.c.id, wanted.id),
        *_meets(flow.c.name, wanted.name),
        *_meets(flow.c.tags, wanted.tags),
    ]
    if wanted.deployment is not None:  # no flow is deployed as long as the store has no deployments
        criteria.append(false() if wanted.deployment.is_null_ is False else true())
    return _joined(wanted.operator, criteria)


def flow_runs_where(wanted: FlowRunFilter) -> Condition:
    """The condition on `flow_run`."""
    run = flow_run.c
    criteria = [
        *_meets(run.id, wanted.id),
        *_meets(run.name, wanted.name),
        *_meets(run.tags, wanted.tags),
        *_meets(run.deployment_id, wanted.deployment_id),
        *_in_queues(wanted.work_queue_name),
        *_in_states(flow_run, wanted.state),
        *_meets(run.flow_version, wanted.flow_version),
        *_has_started(wanted.start_time),
        *_has_ended(wanted.end_time),
        *_meets(run.expected_start_time, wanted.expected_start_time),
        *_meets(run.next_scheduled_start_time, wanted.next_scheduled_start_time),
        *_meets(run.parent_task_run_id, wanted.parent_task_run_id),
        *_meets(run.idempotency_key, wanted.idempotency_key),
        *_called_by(wanted.parent_flow_run_id),
        *_created_by(wanted.created_by),
    ]
    return _joined(wanted.operator, criteria)


def task_runs_where(wanted: TaskRunFilter) -> Condition:
    """The condition on `task_run`."""
    run = task_run.c
    criteria = [
        *_meets(run.id, wanted.id),
        *_meets(run.name, wanted.name),
        *_meets(run.tags, wanted.tags),
        *_in_states(task_run, wanted.state),
        *_meets(run.start_time, wanted.start_time),
        *_has_ended(wanted.end_time),
        *_meets(run.expected_start_time, wanted.expected_start_time),
        *_in_flow_runs(wanted.flow_run_id),
        *_tracks_subflows(wanted.subflow_runs),
    ]
    return _joined(wanted.operator, criteria)


def logs_where(wanted: LogFilter) -> Condition:
    """The condition on `log`."""
    criteria = [
        *_meets(log.c.level, wanted.level),
        *_meets(log.c.timestamp, wanted.timestamp),
        *_meets(log.c.flow_run_id, wanted.flow_run_id),
        *_of_task_runs(wanted.task_run_id),
    ]
    if wanted.text is not None:
        criteria.append(contains_words([log.c.message, log.c.name], wanted.text.query))
    return _joined(wanted.operator, criteria)


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
        yield _exists(tasks.where(task_runs_where(scope.task_runs)))
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


def _meets(column: ColumnElement[Any], criterion: Any) -> Iterator[Condition]:
    """The condition on a column that a criterion of one of the shapes is; none when there is no criterion."""
    match criterion:
        case Tags():
            conditions = _has_tags(column, criterion)
        case Within():
            conditions = _is_within(column, criterion)
        case Between():
            conditions = _is_between(column, criterion)
        case AnyOf():
            conditions = _is_any(column, criterion)
        case _:
            return
    yield _joined(getattr(criterion, "operator", Operator.and_), list(conditions))


_SHARED = {"state_type", "flow_run_id", "deployment_id", "parent_task_run_id"}
"""Columns with an index in which any number of rows may have the same value."""


def _on(column: ColumnElement[Any], condition: Callable[[ColumnElement[Any]], Condition]) -> Condition:
    """A condition on a column, whose index is used for as few rows as it is good for."""
    is_shared = column.name in _SHARED or column is task_run.c.start_time
    return searched(column, condition) if is_shared else condition(column)


def _is_any(column: ColumnElement[Any], criterion: AnyOf[Any]) -> Iterator[Condition]:
    if criterion.any_ is not None:
        values = [_plain(value) for value in criterion.any_]
        yield _on(column, lambda it: it.in_(values))
    if isinstance(criterion, AnyOrNoneOf) and criterion.not_any_ is not None:
        yield column.not_in([_plain(value) for value in criterion.not_any_])
    if isinstance(criterion, AnyOrNull) and criterion.is_null_ is not None:
        yield _is_null(column, criterion.is_null_)
    if isinstance(criterion, AnyOrPattern) and criterion.like_ is not None:
        yield from _is_like(column, f"%{criterion.like_.replace('/', '//')}%")


def _is_like(column: ColumnElement[Any], pattern: str) -> Iterator[Condition]:
    yield resembles(column, pattern)
    for table in (flow_run, task_run):
        if column is table.c.name:
            named = select(table.c.id).where(resembles(column, pattern))
            newest = select(table.c.name).order_by(table.c.id.desc()).limit(queries.SAMPLE).subquery()
            found: Any = (
                select(literal_column("1")).select_from(newest).where(resembles(newest.c.name, pattern))
            )
            yield sought(table.c.id.in_(named), found)


def _is_within(column: ColumnElement[Any], criterion: Within) -> Iterator[Condition]:
    if criterion.before_ is not None:
        before: Any = bindparam("before", micros(criterion.before_), unique=True)
        yield _on(column, lambda it: it <= before)
    if criterion.after_ is not None:
        after: Any = bindparam("after", micros(criterion.after_), unique=True)
        yield _on(column, lambda it: it >= after)
    if isinstance(criterion, WithinOrNull) and criterion.is_null_ is not None:
        yield _is_null(column, criterion.is_null_)


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


def _is_between(column: ColumnElement[Any], criterion: Between) -> Iterator[Condition]:
    if criterion.ge_ is not None:
        yield column >= criterion.ge_
    if criterion.le_ is not None:
        yield column <= criterion.le_


def _has_tags(column: ColumnElement[Any], criterion: Tags) -> Iterator[Condition]:
    if criterion.all_ is not None:
        yield and_(true(), *(_has_item(column, [tag]) for tag in criterion.all_))
    any_ = getattr(criterion, "any_", None)
    if any_ is not None:
        yield _has_item(column, any_)
    if criterion.is_null_ is not None:
        yield _is_null(column, criterion.is_null_)  # a list without items is kept as NULL


def _has_started(criterion: FlowRunFilterStartTime | None) -> Iterator[Condition]:
    """A flow run that has not started counts as starting when it is to; whether it has is another matter."""
    if criterion is None:
        return
    starts: ColumnElement[Any] = literal_column(STARTED)  # there is an index on it
    conditions = [*_is_within(starts, Within(before_=criterion.before_, after_=criterion.after_))]
    if criterion.is_null_ is not None:
        conditions.append(_is_null(flow_run.c.start_time, criterion.is_null_))
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
    tracks = _exists(select(flow_run.c.id).where(flow_run.c.parent_task_run_id == task_run.c.id))
    yield true() if criterion.exists_ is None else tracks if criterion.exists_ else ~tracks


def _of_task_runs(criterion: LogFilterTaskRunId | None) -> Iterator[Condition]:
    """Log lines of task runs, or of none."""
    if criterion is None:
        return
    conditions = [*_is_any(log.c.task_run_id, criterion)]
    if criterion.is_null_ is not None:
        conditions.append(_is_null(log.c.task_run_id, criterion.is_null_))
    yield and_(true(), *conditions)


def _in_flow_runs(criterion: TaskRunFilterFlowRunId | None) -> Iterator[Condition]:
    """Task runs outside flow runs, those inside of some, or those inside of any."""
    if criterion is None:
        return
    if criterion.is_null_ or criterion.any_ is None:
        yield _is_null(task_run.c.flow_run_id, bool(criterion.is_null_))
    else:
        yield task_run.c.flow_run_id.in_(criterion.any_)


def _in_states(
    table: Table, criterion: FlowRunFilterState | TaskRunFilterState | None
) -> Iterator[Condition]:
    if criterion is None:
        return
    kinds, named = (
        [*_meets(table.c.state_type, criterion.type)],
        [*_meets(table.c.state_name, criterion.name)],
    )
    if not kinds and criterion.name is not None and criterion.name.any_ is not None:
        # The index of states begins with their types: all of them are looked through for the name.
        any_kind = table.c.state_type.in_([kind.value for kind in StateType])
        named = [and_(*named, narrowing(any_kind, select(literal_column("1")).where(any_kind, *named)))]
    yield _joined(criterion.operator, [*kinds, *named])


def _in_queues(criterion: FlowRunFilterWorkQueueName | None) -> Iterator[Condition]:
    if criterion is None:
        return
    conditions: list[Condition] = []
    if criterion.any_ is not None:
        conditions.append(false())  # no queue has a name as long as the store has none
    if criterion.is_null_ is not None:
        conditions.append(_is_null(flow_run.c.work_queue_id, criterion.is_null_))
    yield _joined(criterion.operator, conditions)


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
        conditions.append(_is_null(creator, criterion.is_null_))
    yield _joined(criterion.operator, conditions)


# --- Parts -----------------------------------------------------------------------------------------------------


def contains_words(columns: Sequence[ColumnElement[Any]], text: str) -> Condition:
    """Whether what is searched for is in one of `columns`, in any case of letters.

    Args:
        text: Words of which one must be found; `-word` or `!word` must not be, `+word` must, and `"several words"` stay
            together.
    """

    def found(word: str) -> Condition:
        return or_(*(column.icontains(word, autoescape=True) for column in columns))

    search = Search.parse(text)
    conditions = [*map(found, search.needed), *(~found(word) for word in search.unwanted)]
    if search.wanted:
        conditions.append(or_(*map(found, search.wanted)))
    return and_(true(), *conditions)


def has_member(column: ColumnElement[Any], key: str, values: Iterable[str]) -> Condition:
    """Whether the JSON object in `column` has one of `values` under `key`."""
    member = json_members(column).table_valued("key", "value", name="member")
    return _exists(
        select(literal_column("1"))
        .select_from(member)
        .where(member.c.key == key, member.c.value.in_(list(values)))
    )


def _has_item(column: ColumnElement[Any], values: Iterable[str]) -> Condition:
    wanted = list(values)
    item = json_items(column).table_valued("value", name="item")
    is_there = _exists(select(literal_column("1")).select_from(item).where(item.c.value.in_(wanted)))
    # Most lists are passed over by their text: taking one apart takes ten times as long.
    conditions = [or_(false(), *(holds(column, encode_json(value)) for value in wanted)), is_there]
    if column is task_run.c.tags:
        conditions.insert(0, _is_tagged(task_run, task_run_tag, wanted))
    if column is flow_run.c.tags:
        conditions.insert(0, _is_tagged(flow_run, flow_run_tag, wanted))
    return and_(*conditions)


def _is_tagged(table: Table, tags: Table, values: Sequence[str]) -> Condition:
    """The condition that finds runs by their tags in the table of those."""
    [run_id] = (column for column in tags.c if column.name != "tag")
    tagged = select(run_id).where(tags.c.tag.in_([value[:MAX_NAME] for value in values]))
    return narrowing(table.c.id.in_(tagged), tagged)


def _exists(query: Any) -> Condition:
    exists: Condition = query.exists()
    return exists


def _is_null(column: ColumnElement[Any], wanted: bool) -> Condition:
    if not wanted:
        return column.is_not(None)
    return _on(column, lambda it: it.is_(None))


def _joined(operator: Operator, conditions: Sequence[Condition]) -> Condition:
    if not conditions:
        return true()
    return or_(*conditions) if operator is Operator.or_ else and_(*conditions)


def _plain(value: Any) -> Any:
    return value if isinstance(value, UUID) else str(value)
