"""How a query that SQLAlchemy has built is executed on a connection of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, literal_column, select
from sqlalchemy import Dialect as Compiler
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from headrace.store.connection import Connection, Dialect, Row

MANY = 5_000
"""Rows from which on it is better to go along the index of a list's order than to sort all rows that a condition finds.

Where there are more conditions, ten times as many: the more conditions, the farther one has to go for a page. To count, one has
to go all the way."""

SAMPLE = 20_000
"""The newest rows, in which is looked for what no index finds, to tell how common it is."""

COMMON = SAMPLE // 1_000
"""Rows of a sample from which on a page of such rows is found sooner along the order of the list."""


class Statement:
    """A query as text, and its parameters.

    Without statistics SQLite takes any index that a condition has, also where that finds nearly all rows: to list 50 of a
    million Completed runs it would sort the million. So before a list is read, its conditions that may be like that
    (`searched`) are asked how many rows they find, up to `MANY`; one that finds so many gets no index. PostgreSQL knows.

    Args:
        query: The query.
        dialect: The database's.
        is_list: Whether it reads some rows in an order, which is when this matters.
        is_found: Whether its rows are found by another condition, so that none of those gets an index.
    """

    def __init__(
        self, query: Select[Any], dialect: Dialect, *, is_list: bool = False, is_found: bool = False
    ) -> None:
        self._query = query
        self._dialect = dialect
        found: list[_Doubted] = []
        text = self._compile(found=found)
        is_doubted = dialect == "sqlite" and not is_found
        self._unfit = [
            each.condition
            for each in found
            if is_found or (each.is_for_lists and not (is_list and is_doubted))
        ]
        if self._unfit:
            text = self._compile(without_index=self._unfit)
        self._texts = {frozenset[int](): text}
        self.sql, self.parameters = text
        doubted = [each for each in found if is_doubted and (is_list or each.is_always_doubted)]
        self._conditions = [each.condition for each in doubted]
        many = MANY if is_list and len(doubted) < 2 else 10 * MANY
        self._many = [each.common or many for each in doubted]
        self._probes = [_probe(each.rows, most) for each, most in zip(doubted, self._many, strict=True)]

    def rows(self, conn: Connection) -> list[Row]:
        """All its rows."""
        common = frozenset(
            place
            for place, probe in enumerate(self._probes)
            if conn.value(probe.sql, **probe.parameters) >= self._many[place]
        )
        text = self._texts.get(common)
        if text is None:
            text = self._texts[common] = self._compile(
                without_index=[*self._unfit, *(self._conditions[place] for place in common)]
            )
        return conn.rows(text.sql, **text.parameters)

    def _compile(self, **options: Any) -> _Text:
        compiled = self._query.compile(
            dialect=_compiler(self._dialect), compile_kwargs={"render_postcompile": True, **options}
        )
        return _Text(str(compiled), dict(compiled.params))


class _Text(NamedTuple):
    sql: str
    parameters: dict[str, Any]


def compiled(query: Select[Any], dialect: Dialect) -> Statement:
    """The text of the query of a list for a database."""
    return Statement(query, dialect, is_list=True)


def _probe(found: Select[Any], most: int) -> Statement:
    """Counts rows, up to so many."""
    some = found.limit(most).subquery()
    counted: Select[Any] = select(func.count()).select_from(some)
    return Statement(counted, "sqlite")


def rows(conn: Connection, query: Select[Any], *, is_found: bool = False) -> list[Row]:
    """All rows of a query; for `is_found` see `Statement`."""
    return Statement(query, conn.dialect, is_found=is_found).rows(conn)


def list_rows(conn: Connection, query: Select[Any]) -> list[Row]:
    """The rows of the query of a list."""
    return compiled(query, conn.dialect).rows(conn)


def count(conn: Connection, query: Select[Any], *, is_found: bool = False) -> int:
    """How many rows a query has; for `is_found` see `Statement`."""
    counted: Select[Any] = select(func.count()).select_from(query.order_by(None).subquery())
    number: int = rows(conn, counted, is_found=is_found)[0][0]
    return number


@cache
def _compiler(dialect: Dialect) -> Compiler:
    return sqlite.dialect(paramstyle="named") if dialect == "sqlite" else psycopg.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def searched(
    column: ColumnElement[Any], condition: Callable[[ColumnElement[Any]], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """A condition on a column; whether the column's index is used to find what meets it is `Statement`'s to decide.

    Args:
        column: The column.
        condition: Makes the condition, of the column or what stands for it.
    """
    return condition(_Searched(column, condition(column)))


class unindexed(FunctionElement[Any]):
    """A column as it is, whose index SQLite is not to use: it has no statistics to know better by itself."""

    name = "unindexed"
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed, "sqlite")
def _without_index(element: unindexed, compiler: Any, **options: Any) -> str:
    # SQLite has no index for an expression, be it the column's own value.
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(unindexed, "postgresql")
def _as_it_is(element: unindexed, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(element.clauses, **options)
    return text


class _Doubted(FunctionElement[Any]):
    """What has an index of which `Statement` decides whether it is used.

    Args:
        element: What is compiled.
        condition: The condition that the index is for.
        rows: The rows that it finds.
    """

    inherit_cache = False
    is_always_doubted = False
    """Whether the index is a detour for many rows also where they are only counted."""
    is_for_lists = False
    """Whether the index is of use only where some rows are read in an order, and to SQLite."""
    common: int | None = None
    """Of how many rows on it is a detour; None for as many as `Statement` says."""

    def __init__(
        self, element: ColumnElement[Any], condition: ColumnElement[bool], rows: Select[Any]
    ) -> None:
        super().__init__(element)
        self.condition = condition
        self.rows = rows

    def goes_without(
        self, found: list[_Doubted] | None, without_index: Sequence[ColumnElement[bool]]
    ) -> bool:
        """Whether the index is not used; has `Statement` find this the first time."""
        if found is not None:
            found.append(self)
        return any(self.condition is common for common in without_index)


class _Searched(_Doubted):
    """A column in a condition.

    Args:
        column: The column.
        condition: The condition.
    """

    name = "searched"

    def __init__(self, column: ColumnElement[Any], condition: ColumnElement[bool]) -> None:
        super().__init__(column, condition, select(literal_column("1")).where(condition))
        self.type = column.type


@compiles(_Searched)
def _searched(
    element: _Searched,
    compiler: Any,
    found: list[_Doubted] | None = None,
    without_index: Sequence[ColumnElement[bool]] = (),
    **options: Any,
) -> str:
    [column] = element.clauses
    if element.goes_without(found, without_index):
        return _without_index(unindexed(column), compiler, **options)
    text: str = compiler.process(column, **options)
    return text


class narrowing(_Doubted):
    """A condition that says nothing beyond those beside it, but has an index.

    Args:
        condition: The condition.
        rows: The rows that it finds.
    """

    name = "narrowing"
    is_always_doubted = True

    def __init__(self, condition: ColumnElement[bool], rows: Select[Any]) -> None:
        super().__init__(condition, condition, rows)


@compiles(narrowing)
def _narrowing(
    element: narrowing,
    compiler: Any,
    found: list[_Doubted] | None = None,
    without_index: Sequence[ColumnElement[bool]] = (),
    **options: Any,
) -> str:
    [condition] = element.clauses
    text: str = (
        "1 = 1" if element.goes_without(found, without_index) else compiler.process(condition, **options)
    )
    return text


class sought(narrowing):
    """The same for what has no index but one to be read from end to end, which is sooner done than reading all rows.

    Args:
        condition: The condition.
        rows: Those of the newest `SAMPLE` rows that meet it.
    """

    inherit_cache = False
    is_always_doubted = False
    is_for_lists = True

    def __init__(self, condition: ColumnElement[bool], rows: Select[Any]) -> None:
        super().__init__(condition, rows)
        self.common = COMMON


class resembles(FunctionElement[Any]):
    """Whether a text is like a pattern, in any case of letters. It has no type, for the reason that `holds` has none.

    Args:
        text: The text.
        pattern: As of LIKE, with `/` as the escape character: PostgreSQL has one when none is named, SQLite has none.
    """

    name = "resembles"
    inherit_cache = True

    def __init__(self, text: ColumnElement[Any], pattern: str) -> None:
        super().__init__(text, bindparam("pattern", pattern, unique=True))


@compiles(resembles, "sqlite")
def _resembles_in_sqlite(element: resembles, compiler: Any, **options: Any) -> str:
    # SQLite's LIKE takes capital and small letters for the same. Comparing what `lower` makes of them takes three times as long.
    return _like("LIKE", element, compiler, **options)


@compiles(resembles, "postgresql")
def _resembles_in_postgres(element: resembles, compiler: Any, **options: Any) -> str:
    return _like("ILIKE", element, compiler, **options)


def _like(operator: str, element: resembles, compiler: Any, **options: Any) -> str:
    text, pattern = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({text} {operator} {pattern} ESCAPE '/')"


class holds(FunctionElement[Any]):
    """Whether the first text has the second in it.

    It has no type, as SQLAlchemy compares what is Boolean with 1, where a database has no Booleans.
    """

    name = "holds"
    inherit_cache = True

    def __init__(self, text: ColumnElement[Any], part: str) -> None:
        super().__init__(text, bindparam("part", part, unique=True))


@compiles(holds, "sqlite")
def _holds_in_sqlite(element: holds, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)}) > 0"


@compiles(holds, "postgresql")
def _holds_in_postgres(element: holds, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)}) > 0"


class json_items(FunctionElement[Any]):
    """The items of a JSON list, as rows with a `value`."""

    name = "json_items"
    inherit_cache = True


class json_members(FunctionElement[Any]):
    """The members of a JSON object, as rows with a `key` and a `value`."""

    name = "json_members"
    inherit_cache = True


@compiles(json_items, "sqlite")
@compiles(json_members, "sqlite")
def _in_sqlite(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_items, "postgresql")
def _items_in_postgres(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(({compiler.process(element.clauses, **options)})::json)"


@compiles(json_members, "postgresql")
def _members_in_postgres(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    return f"json_each_text(({compiler.process(element.clauses, **options)})::json)"
