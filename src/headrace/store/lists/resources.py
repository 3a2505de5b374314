"""Resources of events as SQL sees them: conditions on the id, the role and the labels of one.

What an event happened to and what else was involved is kept in two ways. Events that somebody sent have both as JSON. A
transition has ids of runs only: its resources, and their names and tags, are rows of other tables, and their ids and labels are
what `store.transition_events` would make of those rows. A `Resource` stands for one such way; `meets` asks it about criteria.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, literal, literal_column, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, Text

from headrace.core.labels import LabelPattern, Specification, patterns_of
from headrace.store.columns import short
from headrace.store.lists.queries import json_members

__all__ = [
    "ALWAYS",
    "NEVER",
    "RESOURCE_ID",
    "RESOURCE_NAME",
    "ROLE",
    "JsonResource",
    "NamedResource",
    "OwnResource",
    "Resource",
    "TagResource",
    "begins_with",
    "every",
    "instant_text",
    "meets",
    "some",
    "uuid_text",
]

RESOURCE_ID = "prefect.resource.id"
RESOURCE_NAME = "prefect.resource.name"
ROLE = "prefect.resource.role"

Condition = ColumnElement[bool]
Expression = ColumnElement[Any]

ALWAYS, NEVER = true(), false()

_LAST = "\U0010ffff"


def every(*conditions: Condition) -> Condition:
    """All of the conditions; without those that are ALWAYS true, and NEVER as soon as one of them is.

    SQLAlchemy's `and_` leaves such constants in the text, and a branch of an OR that is never true, but has no index, keeps
    SQLite from using those of the others.
    """
    kept = [condition for condition in conditions if condition is not ALWAYS]
    if any(condition is NEVER for condition in kept):
        return NEVER
    return and_(*kept) if len(kept) > 1 else kept[0] if kept else ALWAYS


def some(*conditions: Condition) -> Condition:
    """One of the conditions at least; see `every`."""
    kept = [condition for condition in conditions if condition is not NEVER]
    if any(condition is ALWAYS for condition in kept):
        return ALWAYS
    return or_(*kept) if len(kept) > 1 else kept[0] if kept else NEVER


class Resource(Protocol):
    """A resource that criteria can be asked of."""

    def is_any(self, ids: Sequence[str]) -> Condition:
        """Whether its id is one of these."""
        ...

    def begins(self, prefixes: Sequence[str]) -> Condition:
        """Whether its id begins with one of these."""
        ...

    def has_role(self, roles: Sequence[str]) -> Condition:
        """Whether its role is one of these."""
        ...

    def has_label(self, key: str, patterns: Sequence[LabelPattern]) -> Condition:
        """Whether it has the label, with a value that matches one of the patterns."""
        ...


def meets(
    resource: Resource,
    *,
    ids: Sequence[str] | None = None,
    id_prefixes: Sequence[str] | None = None,
    labels: Specification | None = None,
    roles: Sequence[str] | None = None,
    ids_and_roles: Sequence[tuple[str, str]] | None = None,
) -> Condition:
    """Whether a resource meets all criteria; those without values let everything pass."""
    conditions: list[Condition] = []
    if ids:
        conditions.append(resource.is_any(ids))
    if id_prefixes:
        conditions.append(resource.begins(id_prefixes))
    if roles:
        conditions.append(resource.has_role(roles))
    if ids_and_roles:
        pairs = (every(resource.is_any([id]), resource.has_role([role])) for id, role in ids_and_roles)
        conditions.append(some(*pairs))
    conditions += [resource.has_label(key, patterns) for key, patterns in patterns_of(labels or {})]
    return every(*conditions)


# --- Kept as JSON ----------------------------------------------------------------------------------------------


class JsonResource:
    """A resource whose labels are kept as a JSON object.

    Args:
        column: Where.
    """

    def __init__(self, column: Expression) -> None:
        self._column = column

    def is_any(self, ids: Sequence[str]) -> Condition:
        """Whether its id is one of these."""
        return self._member(RESOURCE_ID, lambda value: value.in_(list(ids)))

    def begins(self, prefixes: Sequence[str]) -> Condition:
        """Whether its id begins with one of these."""
        return self._member(RESOURCE_ID, lambda value: some(*(begins_with(value, each) for each in prefixes)))

    def has_role(self, roles: Sequence[str]) -> Condition:
        """Whether its role is one of these."""
        return self._member(ROLE, lambda value: value.in_(list(roles)))

    def has_label(self, key: str, patterns: Sequence[LabelPattern]) -> Condition:
        """Whether it has the label, with a value that matches one of the patterns."""
        return self._member(key, lambda value: _matches(value, patterns))

    def _member(self, key: str, condition: Any) -> Condition:
        member = json_members(self._column).table_valued("key", "value").alias()
        found: Any = select(literal_column("1")).select_from(member)
        exists: Condition = found.where(member.c.key == key, condition(member.c.value)).exists()
        return exists


class OwnResource(JsonResource):
    """What an event that somebody sent happened to; its id has a column of its own, with an index.

    Args:
        id_column: That column.
        column: The column of its labels.
    """

    def __init__(self, id_column: Expression, column: Expression) -> None:
        super().__init__(column)
        self._id = id_column

    def is_any(self, ids: Sequence[str]) -> Condition:
        """Whether its id is one of these."""
        return self._id.in_([short(each) for each in ids])

    def begins(self, prefixes: Sequence[str]) -> Condition:
        """Whether its id begins with one of these."""
        return some(*(begins_with(self._id, each) for each in prefixes))


# --- Made of other columns -------------------------------------------------------------------------------------


class NamedResource:
    """A resource whose id is made of a constant and a UUID: `prefect.flow-run.` and that of the run.

    Args:
        kind: What it is: `flow-run`. Also its role, if it has one.
        id_column: The column of the UUID.
        labels: Its labels but for the id and the role; an expression that is NULL says that it has not got that one.
        has_role: Whether it is one of the other resources of an event, which have roles.
    """

    def __init__(
        self, kind: str, id_column: Expression, labels: Mapping[str, Expression], *, has_role: bool = True
    ) -> None:
        self._prefix = f"prefect.{kind}."
        self._id = id_column
        own_id = literal(self._prefix, Text()) + uuid_text(id_column)
        self._labels = {RESOURCE_ID: own_id, **labels}
        self._role = kind if has_role else None
        if has_role:
            self._labels[ROLE] = literal(kind, Text())

    def is_any(self, ids: Sequence[str]) -> Condition:
        """Whether its id is one of these."""
        uuids = [uuid for each in ids if (uuid := _uuid_in(each, self._prefix)) is not None]
        return self._id.in_(uuids) if uuids else NEVER

    def begins(self, prefixes: Sequence[str]) -> Condition:
        """Whether its id begins with one of these."""
        return some(*(self._begins(each) for each in prefixes))

    def has_role(self, roles: Sequence[str]) -> Condition:
        """Whether its role is one of these."""
        return ALWAYS if self._role in roles else NEVER

    def has_label(self, key: str, patterns: Sequence[LabelPattern]) -> Condition:
        """Whether it has the label, with a value that matches one of the patterns."""
        value = self._labels.get(key)
        return NEVER if value is None else _matches(value, patterns)

    def _begins(self, prefix: str) -> Condition:
        if self._prefix.startswith(prefix):
            return ALWAYS
        span = _span(prefix.removeprefix(self._prefix)) if prefix.startswith(self._prefix) else None
        return NEVER if span is None else self._id.between(*span)


class TagResource:
    """A tag of a run.

    Args:
        tag: The expression of the tag.
    """

    _prefix = "prefect.tag."

    def __init__(self, tag: Expression) -> None:
        self._tag = tag
        self._labels = {RESOURCE_ID: literal(self._prefix, Text()) + tag, ROLE: literal("tag", Text())}

    def is_any(self, ids: Sequence[str]) -> Condition:
        """Whether its id is one of these."""
        tags = [each.removeprefix(self._prefix) for each in ids if each.startswith(self._prefix)]
        return self._tag.in_(tags) if tags else NEVER

    def begins(self, prefixes: Sequence[str]) -> Condition:
        """Whether its id begins with one of these."""
        return some(*(self._begins(each) for each in prefixes))

    def has_role(self, roles: Sequence[str]) -> Condition:
        """Whether its role is one of these."""
        return ALWAYS if "tag" in roles else NEVER

    def has_label(self, key: str, patterns: Sequence[LabelPattern]) -> Condition:
        """Whether it has the label, with a value that matches one of the patterns."""
        value = self._labels.get(key)
        return NEVER if value is None else _matches(value, patterns)

    def _begins(self, prefix: str) -> Condition:
        if self._prefix.startswith(prefix):
            return ALWAYS
        if not prefix.startswith(self._prefix):
            return NEVER
        return begins_with(self._tag, prefix.removeprefix(self._prefix))


def _uuid_in(resource_id: str, prefix: str) -> UUID | None:
    """The UUID behind a prefix, where it is spelled as it is in ids."""
    text = resource_id.removeprefix(prefix)
    span = _span(text) if resource_id.startswith(prefix) and len(text) == _UUID_LENGTH else None
    return None if span is None else span[0]


_UUID_LENGTH = 36
_DASHES = frozenset({8, 13, 18, 23})


def _span(text: str) -> tuple[UUID, UUID] | None:
    """The least and the greatest UUID whose text begins with `text`."""
    if len(text) > _UUID_LENGTH:
        return None
    for place, character in enumerate(text):
        expected = "-" if place in _DASHES else "0123456789abcdef"
        if character not in expected:
            return None
    digits = text.replace("-", "")
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


# --- Texts -----------------------------------------------------------------------------------------------------


def _matches(value: Expression, patterns: Iterable[LabelPattern]) -> Condition:
    """Whether a value is there and matches one of the patterns."""
    return every(value.is_not(None), some(*(_match(value, pattern) for pattern in patterns)))


def _match(value: Expression, pattern: LabelPattern) -> Condition:
    found = begins_with(value, pattern.text) if pattern.is_prefix else value == pattern.text
    if not pattern.negated:
        return found
    return NEVER if found is ALWAYS else not_(found)


def begins_with(value: Expression, prefix: str) -> Condition:
    """Whether a text begins so, in exactly these letters; from an index where there is one, on SQLite."""
    return _begins_with(value, literal(prefix, Text()), literal(prefix + _LAST, Text())) if prefix else ALWAYS


class _begins_with(FunctionElement[bool]):
    name = "begins_with"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """As it is: compared with 1, as SQLAlchemy would write it for SQLite, it has no index."""
        return self


@compiles(_begins_with, "sqlite")
def _begins_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    value, prefix, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({value} >= {prefix} AND {value} < {end})"


@compiles(_begins_with, "postgresql")
def _begins_in_postgres(element: Any, compiler: Any, **options: Any) -> str:
    value, prefix, _ = (compiler.process(clause, **options) for clause in element.clauses)
    return f"starts_with({value}, {prefix})"


class uuid_text(FunctionElement[str]):
    """A UUID as text."""

    name = "uuid_text"
    type = Text()
    inherit_cache = True


@compiles(uuid_text, "sqlite")
def _uuid_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    digits = f"lower(hex({compiler.process(element.clauses, **options)}))"
    parts = [
        f"substr({digits}, {start}, {count})" for start, count in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    ]
    return "(" + " || '-' || ".join(parts) + ")"


@compiles(uuid_text, "postgresql")
def _uuid_in_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})::text"


class instant_text(FunctionElement[str]):
    """Microseconds since 1970 as `datetime.isoformat` writes the time in UTC."""

    name = "instant_text"
    type = Text()
    inherit_cache = True


_SECOND = 1_000_000


@compiles(instant_text, "sqlite")
def _instant_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    micros = compiler.process(element.clauses, **options)
    part = f"(({micros}) % {_SECOND} + {_SECOND}) % {_SECOND}"
    seconds = f"(({micros}) - {part}) / {_SECOND}"
    fraction = f"CASE WHEN {part} = 0 THEN '' ELSE printf('.%06d', {part}) END"
    return f"(strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || {fraction} || '+00:00')"


@compiles(instant_text, "postgresql")
def _instant_in_postgres(element: Any, compiler: Any, **options: Any) -> str:
    micros = compiler.process(element.clauses, **options)
    part = f"(({micros}) % {_SECOND} + {_SECOND}) % {_SECOND}"
    seconds = f"(({micros}) - {part}) / {_SECOND}"
    date = f"to_char(timestamp 'epoch' + {seconds} * interval '1 second', 'YYYY-MM-DD\"T\"HH24:MI:SS')"
    fraction = f"CASE WHEN {part} = 0 THEN '' ELSE '.' || lpad(({part})::text, 6, '0') END"
    return f"({date} || {fraction} || '+00:00')"
