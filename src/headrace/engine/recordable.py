"""Parameters of a flow run as they are recorded: JSON, of bounded size, whatever was passed.

What JSON cannot hold is recorded as a text that says what it was; the run itself gets the value.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

__all__ = ["LIMIT_BYTES", "recordable", "short_repr"]

LIMIT_BYTES = 524_288
"""How many bytes of JSON the parameters of a run may have, all together."""

TEXT = (str, bytes, bytearray)
SIZED = (*TEXT, list, tuple, dict, set, frozenset)
PLAIN = frozenset({type(None), bool, float})


def recordable(parameters: Mapping[str, Any], limit_bytes: int = LIMIT_BYTES) -> dict[str, Any]:
    """Parameters as JSON can hold them: a snapshot, which later changes of the values do not reach.

    Args:
        parameters: Parameters by name.
        limit_bytes: Size above which the largest are recorded as summaries.

    Returns:
        Values of JSON's types. Never raises: what cannot be encoded becomes a short text.
    """
    recorded: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    for name, value in parameters.items():
        if type(value) in PLAIN:
            recorded[name] = value
        else:
            recorded[name], sizes[name] = _snapshot(value, limit_bytes)
    excess = sum(sizes.values()) - limit_bytes
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if excess <= 0:
            break
        recorded[name] = _summary(parameters[name], sizes[name])
        excess -= sizes[name] - len(recorded[name])
    return recorded


def _snapshot(value: Any, limit_bytes: int) -> tuple[Any, int]:
    """A value as JSON and its size in bytes."""
    if _is_surely_larger(value, limit_bytes):
        summary = _summary(value, None)
        return summary, len(summary)
    try:
        encoded = msgspec.json.encode(value, enc_hook=_encodable)
        return msgspec.json.decode(encoded), len(encoded)
    except RecursionError:
        text = f"<{type(value).__name__}, nested too deeply to record or containing itself>"
    except Exception as problem:  # Values are anybody's, and so is what encoding them may run.
        text = _noted(value, problem)
    return text.encode("utf-8", "backslashreplace").decode(), len(text)


def _is_surely_larger(value: Any, limit_bytes: int) -> bool:
    # Each item of a collection takes two bytes at least: itself and a comma.
    return isinstance(value, SIZED) and len(value) * (1 if isinstance(value, TEXT) else 2) > limit_bytes


def _encodable(value: Any) -> Any:
    """What to encode instead of a value that msgspec does not know."""
    if hasattr(value, "__pydantic_serializer__"):
        return value.__pydantic_serializer__.to_python(value, mode="json", fallback=_noted)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == ():
        return value.item()
    if hasattr(value, "__fields_set__") and hasattr(value, "dict"):
        return value.dict()
    return _noted(value)


def _noted(value: Any, problem: Exception | None = None) -> str:
    reason = f": {problem}" if problem is not None else ""
    return f"{short_repr(value)} <{type(value).__name__}, recorded as its repr{reason}>"


def _summary(value: Any, size: int | None) -> str:
    kind = type(value).__name__
    length = f" of length {len(value):,}" if isinstance(value, SIZED) else ""
    encoded = f", {size:,} bytes as JSON" if size is not None else ""
    return f"<{kind}{length}{encoded}: too large to record>"


class _ShortRepr(reprlib.Repr):
    """`repr` of at most a few hundred characters, whatever the value."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = 100

    def repr_bytes(self, value: bytes, level: int) -> str:
        return repr(value) if len(value) <= self.maxstring else f"{value[: self.maxstring]!r}..."

    def repr_bytearray(self, value: bytearray, level: int) -> str:
        return repr(value) if len(value) <= self.maxstring else f"{value[: self.maxstring]!r}..."

    def repr_int(self, value: int, level: int) -> str:
        # The repr of a huge number takes time in the square of its length, and is refused above 4,300 digits.
        if value.bit_length() > 2_000:
            return f"<int of {value.bit_length()} bits>"
        return super().repr_int(value, level)


_short_repr = _ShortRepr()


def short_repr(value: Any) -> str:
    """The `repr` of a value, cut to a few hundred characters; never raises."""
    try:
        return _short_repr.repr(value)[:300]
    except Exception as problem:
        return f"<{type(value).__name__} object whose repr raises {type(problem).__name__}>"
