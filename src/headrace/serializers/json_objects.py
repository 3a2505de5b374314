"""JSON for objects: a dict with the class and what to make it of again.

    {"__class__": "datetime.date", "data": "2026-01-31"}
    {"__exc_type__": "builtins.ValueError", "message": "boom", "args": ["boom"]}

The same form as Prefect 3's, so each reads what the other wrote. Common types are done here; pydantic does the rest
(models, dataclasses, enums, and whatever else it knows), and is only imported then.
"""

from __future__ import annotations

import base64
import pathlib
from datetime import date, datetime, time
from decimal import Decimal
from importlib import import_module
from typing import Any
from uuid import UUID

CLASS, EXCEPTION = "__class__", "__exc_type__"
COLLECTIONS = {"builtins.set": set, "builtins.frozenset": frozenset}
TEXTS = {"uuid.UUID": UUID, "decimal.Decimal": Decimal}
TIMES: dict[str, Any] = {"datetime.datetime": datetime, "datetime.date": date, "datetime.time": time}


def encode_object(obj: Any) -> dict[str, Any]:
    """JSON for an object that JSON does not know.

    Raises:
        TypeError: Nothing is known about its class either.
    """
    if isinstance(obj, BaseException):
        return {EXCEPTION: _path_of(type(obj)), "message": _message(obj), "args": _plain_arguments(obj)}
    return {CLASS: _path_of(type(obj)), **_data_of(obj)}


def decode_object(result: dict[str, Any]) -> Any:
    """What a dict of a JSON text stands for: an object that was encoded, or just that dict."""
    if CLASS in result and "data" in result:
        return _object_from(result[CLASS], result["data"], result.get("encoding"))
    if EXCEPTION in result and "message" in result:
        return _exception_from(result)
    return result


def _path_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _data_of(obj: Any) -> dict[str, Any]:
    if isinstance(obj, set | frozenset):
        return {"data": list(obj)}
    if isinstance(obj, bytes):
        try:
            return {"data": obj.decode()}
        except UnicodeDecodeError:
            return {"data": base64.b64encode(obj).decode(), "encoding": "base64"}
    if type(obj) in (UUID, Decimal) or isinstance(obj, pathlib.PurePath):
        return {"data": str(obj)}
    if type(obj) in (datetime, date, time):
        return {"data": obj.isoformat()}
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return {"data": to_jsonable_python(obj)}
    except PydanticSerializationError as problem:
        raise TypeError(f"JSON has no form for a {_path_of(type(obj))}") from problem


def _object_from(path: str, data: Any, encoding: str | None) -> Any:
    if path in COLLECTIONS:
        return COLLECTIONS[path](data)
    if path in TEXTS:
        return TEXTS[path](data)
    if path in TIMES:
        return TIMES[path].fromisoformat(data)
    if path == "builtins.bytes":
        return base64.b64decode(data) if encoding == "base64" else data.encode()
    kind = _class_at(path)
    if issubclass(kind, pathlib.PurePath):
        return kind(data)
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(data)


def _class_at(path: str) -> type:
    """The class at `package.module.Outer.Inner`."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        if not isinstance(found, type):
            raise TypeError(f"{path!r} is a {type(found).__name__}, not a class.")
        return found
    raise ModuleNotFoundError(f"There is no module for the class {path!r}.")


def _message(error: BaseException) -> str:
    arguments = error.args
    return str(arguments[0] if len(arguments) == 1 else arguments or "")


def _plain_arguments(error: BaseException) -> list[Any] | None:
    """The exception's arguments if JSON has them all as they are."""
    plain = all(argument is None or type(argument) in (str, int, float, bool) for argument in error.args)
    return list(error.args) if plain else None


def _exception_from(result: dict[str, Any]) -> BaseException:
    kind = _class_at(result[EXCEPTION])
    if not issubclass(kind, BaseException):
        raise TypeError(f"{result[EXCEPTION]!r} is not an exception.")
    arguments = result.get("args")
    if arguments is None:
        arguments = [result["message"]]
    # Not `kind(*arguments)`: a constructor of the user's may take others than it passes on.
    error = kind.__new__(kind, *arguments)
    error.args = tuple(arguments)
    return error
