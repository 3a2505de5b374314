"""How values are kept in columns, and how rows become objects and objects rows.

    ID          a UUID: 16 bytes on SQLite, UUID on PostgreSQL
    INSTANT     microseconds since 1970 in UTC, BIGINT: exact, compact, and compares as it sorts
    NAME        text in an index, cut to what PostgreSQL can keep there
    json_of     the text that msgspec makes of a value; NULL for an empty one

`tables` declares the columns to the database, and a `Columns` says for one noun which of them make its object; a test
holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from headrace.core.ids import uuid_of
from headrace.core.states import StateType
from headrace.core.text import encode_json
from headrace.store.connection import EPOCH, Row

__all__ = [
    "BOOLEAN",
    "ID",
    "INSTANT",
    "MAX_NAME",
    "NAME",
    "PLAIN",
    "STATE_TYPE",
    "Columns",
    "Kind",
    "id_of",
    "instant_of",
    "json_of",
    "short",
    "short_event_name",
]

MAX_NAME = 500
"""Characters of a name that are kept: PostgreSQL refuses a row whose part in an index takes more than 2,704 bytes."""

MAX_EVENT_NAME = 1024
"""Characters of an event's name that are kept if they are ASCII: as many as Prefect's API takes."""


def instant_of(microseconds: int | None) -> datetime | None:
    """The datetime in UTC that `micros` gave `microseconds` for; None of NULL."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def id_of(value: Any) -> UUID | None:
    """The UUID in a column: SQLite has it as bytes, PostgreSQL's driver as a UUID; None of NULL."""
    return uuid_of(value) if type(value) is bytes else value


def short(text: str | None) -> str | None:
    """`text`, or as much of it as is kept of a name."""
    return text if text is None or len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def short_event_name(text: str) -> str:
    """`text`, or as much of it as is kept of an event's name."""
    return text if text.isascii() and len(text) <= MAX_EVENT_NAME else short(text) or ""


class Kind(NamedTuple):
    """How a value is kept.

    Args:
        load: What Python has of the database's value; None when that is the same.
        dump: What a connection binds for Python's value; None when it takes that as it is.
    """

    load: Callable[[Any], Any] | None = None
    dump: Callable[[Any], Any] | None = None


_STATE_TYPES: dict[str | None, StateType | None] = {kind.value: kind for kind in StateType} | {None: None}

PLAIN = Kind()
NAME = Kind(dump=short)
ID = Kind(load=id_of)
INSTANT = Kind(load=instant_of)
BOOLEAN = Kind(load=bool)
STATE_TYPE = Kind(load=_STATE_TYPES.__getitem__)


def json_of(kind: Any = dict[str, Any], *, nullable: bool = False) -> Kind:
    """A value of type `kind` as JSON text; what equals an empty one is kept as NULL.

    Args:
        kind: What the text is decoded to: a Struct, or a built-in container.
        nullable: None is a value of its own, different from an empty one.
    """
    decode = msgspec.json.Decoder(kind).decode

    def load(text: str | None) -> Any:
        if text is None:
            return None if nullable else kind()
        return decode(text)

    def dump(value: Any) -> str | None:
        empty = value is None or (not nullable and value == kind())
        return None if empty else encode_json(value)

    return Kind(load, dump)


class Columns:
    """The columns that make an object, by their names, which are those of its fields.

    Args:
        kinds: How each is kept.
    """

    def __init__(self, **kinds: Kind) -> None:
        self.kinds = kinds
        self.names = tuple(kinds)
        self._loads = tuple(kind.load for kind in kinds.values())
        self._dumps = tuple((name, kind.dump) for name, kind in kinds.items())

    def __len__(self) -> int:
        return len(self.names)

    def of(self, table: str) -> str:
        """The columns of `table` for a SELECT."""
        return ", ".join(f"{table}.{name}" for name in self.names)

    def insertion(self, table: str) -> str:
        """An INSERT of one row; its parameters are called as the columns."""
        return f"INSERT INTO {table} ({', '.join(self.names)}) VALUES ({', '.join(f':{name}' for name in self.names)})"

    def changes(self, names: Iterable[str]) -> str:
        """What follows SET in an UPDATE of these columns."""
        return ", ".join(f"{name} = :{name}" for name in names)

    def load(self, row: Row) -> dict[str, Any]:
        """The fields of an object from a row that begins with these columns."""
        return {
            name: value if load is None else load(value)
            for name, load, value in zip(self.names, self._loads, row, strict=False)
        }

    def dump(self, thing: Any) -> dict[str, Any]:
        """The parameters of `insertion` for an object."""
        return {
            name: getattr(thing, name) if dump is None else dump(getattr(thing, name))
            for name, dump in self._dumps
        }

    def dump_some(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The parameters for some fields, by their names."""
        return {
            name: value if (dump := self.kinds[name].dump) is None else dump(value)
            for name, value in changes.items()
        }
