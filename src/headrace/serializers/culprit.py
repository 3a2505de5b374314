"""Find the part of a value that cannot be serialized, to name it in an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

MAX_PARTS = 2_000
MAX_STEPS = 20


def find_culprit(value: Any, attempt: Callable[[Any], Any]) -> tuple[str, Any]:
    """The innermost part of `value` for which `attempt` raises.

    Args:
        value: A value for which it raises.
        attempt: What serializes a value.

    Returns:
        The path to the part, such as `['models'][2].lock`, and the part; an empty path for the value itself.
    """
    path, tried = "", 0
    for _ in range(MAX_STEPS):
        for step, part in _parts(value):
            tried += 1
            if tried > MAX_PARTS:
                return path, value
            if not _works(part, attempt):
                path, value = path + step, part
                break
        else:
            break
    return path, value


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from (("{...}", item) for item in value)
    elif not isinstance(value, type | FunctionType | ModuleType):
        yield from ((f".{name}", item) for name, item in getattr(value, "__dict__", {}).items())


def _works(part: Any, attempt: Callable[[Any], Any]) -> bool:
    try:
        attempt(part)
    except Exception:
        return False
    return True
