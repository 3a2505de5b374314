"""What all schemas share: the base Struct, the JSON codec, and the clock in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["UNSET", "Schema", "UnsetType", "decode", "encode", "now"]

T = TypeVar("T")


class Schema(msgspec.Struct):
    """Base of every schema. Each is declared `kw_only=True`, has UTC times and UUID ids."""


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
