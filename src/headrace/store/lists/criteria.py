"""Criteria of filters as conditions of SQL: whatever noun they are about, each has one of a few shapes (`schema.filters.shapes`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, bindparam, false, literal_column, or_, select, true

from headrace.core.text import encode_json
from headrace.core.words import Search
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
from headrace.store.tables import flow_run, flow_run_tag, task_run, task_run_tag

Condition = ColumnElement[bool]


def meets(column: ColumnElement[Any], criterion: Any) -> Iterator[Condition]:
    """The condition on a column that a criterion of one of the shapes is; none when there is no criterion."""
    match criterion:
        case Tags():
            conditions = _has_tags(column, criterion)
        case Within():
            conditions = is_within(column, criterion)
        case Between():
            conditions = _is_between(column, criterion)
        case AnyOf():
            conditions = is_any(column, criterion)
        case _:
            return
    yield joined(getattr(criterion, "operator", Operator.and_), list(conditions))


_SHARED = {"state_type", "flow_run_id", "deployment_id", "parent_task_run_id"}
"""Columns with an index in which any number of rows may have the same value."""


def _on(column: ColumnElement[Any], condition: Callable[[ColumnElement[Any]], Condition]) -> Condition:
    """A condition on a column, whose index is used for as few rows as it is good for."""
    is_shared = column.name in _SHARED or column is task_run.c.start_time
    return searched(column, condition) if is_shared else condition(column)


def is_any(column: ColumnElement[Any], criterion: AnyOf[Any]) -> Iterator[Condition]:
    """Whether a column is one of some values, or what else criteria of its kin ask for."""
    if criterion.any_ is not None:
        values = [_plain(value) for value in criterion.any_]
        yield _on(column, lambda it: it.in_(values))
    if isinstance(criterion, AnyOrNoneOf) and criterion.not_any_ is not None:
        yield column.not_in([_plain(value) for value in criterion.not_any_])
    if isinstance(criterion, AnyOrNull) and criterion.is_null_ is not None:
        yield is_null(column, criterion.is_null_)
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


def is_within(column: ColumnElement[Any], criterion: Within) -> Iterator[Condition]:
    """Whether a time is within a span."""
    if criterion.before_ is not None:
        before: Any = bindparam("before", micros(criterion.before_), unique=True)
        yield _on(column, lambda it: it <= before)
    if criterion.after_ is not None:
        after: Any = bindparam("after", micros(criterion.after_), unique=True)
        yield _on(column, lambda it: it >= after)
    if isinstance(criterion, WithinOrNull) and criterion.is_null_ is not None:
        yield is_null(column, criterion.is_null_)


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
        yield is_null(column, criterion.is_null_)  # a list without items is kept as NULL


def _has_item(column: ColumnElement[Any], values: Iterable[str]) -> Condition:
    wanted = list(values)
    item = json_items(column).table_valued("value", name="item")
    is_there = exists(select(literal_column("1")).select_from(item).where(item.c.value.in_(wanted)))
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
    return exists(
        select(literal_column("1"))
        .select_from(member)
        .where(member.c.key == key, member.c.value.in_(list(values)))
    )


def exists(query: Any) -> Condition:
    """Whether a query finds a row."""
    exists: Condition = query.exists()
    return exists


def is_null(column: ColumnElement[Any], wanted: bool) -> Condition:
    """Whether a column is empty, or is not."""
    if not wanted:
        return column.is_not(None)
    return _on(column, lambda it: it.is_(None))


def joined(operator: Operator, conditions: Sequence[Condition]) -> Condition:
    """All of the conditions, or any of them; what has none is met by everything."""
    if not conditions:
        return true()
    return or_(*conditions) if operator is Operator.or_ else and_(*conditions)


def _plain(value: Any) -> Any:
    return value if isinstance(value, UUID) else str(value)
