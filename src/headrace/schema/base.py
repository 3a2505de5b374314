"""What all schemas share: the base Struct, the JSON codec, and the clock in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, overload

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "UNSET",
    "Body",
    "Int32",
    "Labels",
    "Parameters",
    "Schema",
    "UnsetType",
    "decode",
    "encode",
    "now",
    "utc",
]

T = TypeVar("T")

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""A whole number that every database can hold in an integer column."""

Labels = dict[str, bool | int | float | str]
"""What users attach to an object, by key."""


class Schema(msgspec.Struct):
    """Base of every schema. Each is declared `kw_only=True`, has UTC times and UUID ids."""


class Body(Schema, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of what clients send: an unknown key is an error, and what was not given is not sent."""


class Parameters(Body, kw_only=True):
    """Base of bodies whose members are parameters of a request rather than an object.

    A parameter that is null is as good as left out: Prefect's clients send `"sort": null`.
    """


_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """Encode a schema, or anything JSON can hold, as UTF-8 JSON."""
    return _encoder.encode(value)


def decode(body: bytes | str, kind: type[T]) -> T:
    """Decode JSON into `kind`.

    Raises:
        msgspec.ValidationError: The body is valid JSON of another shape; the message names the field.
    """
    return msgspec.json.decode(body, type=kind)


def now() -> datetime:
    """The current time in UTC, in microseconds."""
    return datetime.now(UTC)


@overload
def utc(time: datetime) -> datetime: ...
@overload
def utc(time: None) -> None: ...
@overload
def utc(time: datetime | None) -> datetime | None: ...
def utc(time: datetime | None) -> datetime | None:
    """The same instant in UTC; a time without a zone is taken to be in UTC already.

    Raises:
        ValueError: It is in no year from 1 to 9999 there.
    """
    if time is None or time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the time {time.isoformat()} is out of range in UTC") from None
