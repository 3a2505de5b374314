"""Column types: how ids, instants and JSON are kept.

Id       16 bytes on SQLite, UUID on PostgreSQL
Instant  microseconds since 1970 in UTC, BIGINT: exact, compact, and compares as it sorts
Json     the text that msgspec makes of a value; NULL for an empty one
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Dialect, LargeBinary, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from headrace.store.text import clean, encode_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; exact, which `timestamp()` in floating point is not."""
    return (instant - EPOCH) // MICROSECOND


def instant_of(microseconds: int) -> datetime:
    """The datetime in UTC that `micros` gave `microseconds` for."""
    return EPOCH + timedelta(microseconds=microseconds)


class Id(TypeDecorator[UUID]):
    """A UUID."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Raw bytes where the database has no type of its own for UUIDs."""
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """The value as the driver takes it."""
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """The value as Python has it."""
        return value if value is None or dialect.name == "postgresql" else UUID(bytes=value)


class CleanText(TypeDecorator[str]):
    """Text of users, without what no database can hold (see `store.text`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The value as the driver takes it."""
        return None if value is None else clean(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """The value as the driver takes it."""
        return None if value is None else micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The value as Python has it."""
        return None if value is None else instant_of(value)


class Json(TypeDecorator[Any]):
    """A value of type `kind`; what equals `kind()` is kept as NULL.

    Args:
        kind: What the text is decoded to: a Struct, or a built-in container.
        nullable: None is a value of its own, different from an empty one.
    """

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any = dict, *, nullable: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.nullable = nullable

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The value as the driver takes it."""
        empty = value is None or (not self.nullable and value == self.kind())
        return None if empty else encode_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The value as Python has it."""
        if value is None:
            return None if self.nullable else self.kind()
        return msgspec.json.decode(value, type=self.kind)
