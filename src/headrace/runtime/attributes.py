"""How an attribute of `headrace.runtime` gets its value: from the environment if it is mocked there, else from the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

__all__ = ["Fields", "read_attribute"]

Fields = Mapping[str, Callable[[], Any]]
"""What looks each attribute up, by its name."""

_PREFIXES = ("HEADRACE__RUNTIME__", "PREFECT__RUNTIME__")


def read_attribute(module: str, fields: Fields, name: str) -> Any:
    """The value of a module's attribute.

    Args:
        module: The module's full name.
        fields: Its attributes.
        name: The attribute's name.

    Raises:
        AttributeError: There is no such attribute, and none is mocked.
        ValueError: The attribute is mocked with a text that does not fit its type.
    """
    variable, text = _mocked(f"{module.rpartition('.')[2]}__{name}".upper())
    lookup = fields.get(name)
    if text is None:
        if lookup is None:
            raise AttributeError(f"{module} has no attribute {name!r}; it has {', '.join(sorted(fields))}")
        return lookup()
    return text if lookup is None else _coerced(variable, text, lookup())


def _mocked(suffix: str) -> tuple[str, str | None]:
    for prefix in _PREFIXES:
        if prefix + suffix in os.environ:
            return prefix + suffix, os.environ[prefix + suffix]
    return "", None


def _coerced(variable: str, text: str, real: Any) -> Any:
    """`text` as a value of the type that the attribute has here."""
    try:
        if isinstance(real, int):
            return int(text)
        if isinstance(real, datetime):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        if isinstance(real, (list, dict)):
            return msgspec.json.decode(text, type=type(real))
    except ValueError as problem:
        raise ValueError(
            f"{variable} is {text!r}, but stands in for a value of type {type(real).__name__}: {problem}. Write numbers "
            "as digits, times in ISO 8601, and lists and dicts in JSON."
        ) from problem
    return text
