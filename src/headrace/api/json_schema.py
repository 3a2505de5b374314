"""Values against a JSON schema that came with the data, as forms of web pages send them.

A value may be an object that says how it is meant: `{"__prefect_kind": "json", "value": "[1, 2]"}` is a list, and of the kind
`none` the value stands for itself.
"""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from headrace.exceptions import HeadraceException

__all__ = ["InvalidValues", "check", "plain"]

KIND = "__prefect_kind"


class InvalidValues(HeadraceException):
    """Values that do not fit their schema, or that cannot be understood."""

    status = 422


def plain(values: Any) -> Any:
    """The values that are meant.

    Raises:
        InvalidValues: An object does not say how it is meant, or says it wrongly.
    """
    if isinstance(values, list):
        return [plain(item) for item in values if not _is_nothing(item)]
    if not isinstance(values, dict):
        return values
    if KIND not in values:
        return {key: plain(item) for key, item in values.items() if not _is_nothing(item)}
    match values[KIND]:
        case "none" if "value" in values:
            return plain(values["value"])
        case "none":
            raise InvalidValues("Missing 'value' key in __prefect object")
        case "json":
            try:
                return json.loads(values["value"])
            except (TypeError, ValueError, RecursionError) as error:
                raise InvalidValues(f"Invalid JSON: {error}") from error
    raise InvalidValues(
        f"Values of the kind {values[KIND]!r} are not supported: send the value itself, or one of the kind 'json' or 'none'."
    )


def _is_nothing(value: Any) -> bool:
    """Whether a field of a form was left empty."""
    return isinstance(value, dict) and value.get(KIND) == "json" and "value" not in value


def check(values: dict[str, Any], schema: Any) -> None:
    """Check values.

    Args:
        values: The values by name.
        schema: The JSON schema of the object that they make; what it does not require and has no default may be null.

    Raises:
        InvalidValues: They do not fit, or the schema itself is wrong. Says which value, and why.
    """
    # Loaded when a schema is first used: it takes 60 ms.
    jsonschema, referencing = import_module("jsonschema"), import_module("referencing")
    errors = import_module("jsonschema.exceptions")
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    # A registry of its own, or references to other addresses would be fetched from there.
    validator = kind(_with_nulls(schema), registry=referencing.Registry())
    try:
        kind.check_schema(schema)
        found = errors.best_match(validator.iter_errors(values))
    except errors.SchemaError as error:
        raise InvalidValues(f"The schema is not valid: {error.message}") from error
    except (referencing.exceptions.Unresolvable, RecursionError) as error:
        raise InvalidValues(f"The schema cannot be used: {type(error).__name__}: {error}") from error
    if found is not None:
        where = ".".join(str(step) for step in found.absolute_path)
        field = f" for field '{where}'" if where else ""
        raise InvalidValues(f"Validation failed{field}. Failure reason: {found.message}")


def _with_nulls(schema: Any) -> Any:
    """The schema that also takes null for properties which need not be given and have no default."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for key in ("definitions", "$defs"):
        if isinstance(made.get(key), dict):
            made[key] = {name: _with_nulls(part) for name, part in made[key].items()}
    properties, required = made.get("properties"), made.get("required", [])
    if isinstance(properties, dict) and isinstance(required, list):
        made["properties"] = {
            name: part if name in required or _has_default(part) else {"anyOf": [part, {"type": "null"}]}
            for name, part in properties.items()
        }
    return made


def _has_default(schema: Any) -> bool:
    return isinstance(schema, dict) and "default" in schema
