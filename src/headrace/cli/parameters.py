"""Parameters of a flow from the command line."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from cyclopts import CycloptsError

__all__ = ["read_parameters"]


def read_parameters(fn: Callable[..., Any], pairs: Sequence[str], text: str | None) -> dict[str, Any]:
    """The parameters that `--param` and `--params` give.

    Args:
        fn: The flow's function; its annotations tell text from JSON.
        pairs: NAME=VALUE texts; the last of a name wins.
        text: A JSON object, if given; weaker than `pairs`.

    Raises:
        CycloptsError: A pair has no `=`, or the text is no JSON object.
    """
    return _of_object(text) | dict(_of_pair(fn, pair) for pair in pairs)


def _of_object(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as exc:
        raise _misused(
            f"--params is {text!r}; expected a JSON object such as '{{\"x\": 1}}' ({exc})."
        ) from exc


def _of_pair(fn: Callable[..., Any], pair: str) -> tuple[str, Any]:
    name, separator, raw = pair.partition("=")
    if not separator or not name:
        raise _misused(f"--param is {pair!r}; expected NAME=VALUE.")
    return name, _value(raw, _annotation(fn, name))


def _value(raw: str, annotation: Any) -> Any:
    """The JSON value of `raw`, or `raw` itself if it is no JSON or if the parameter takes text as it is."""
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return raw
    if _takes_text_only(annotation) and not (
        isinstance(value, str) or (value is None and _takes_none(annotation))
    ):
        return raw  # `-p zip=12345` for `zip: str`
    return value


def _annotation(fn: Callable[..., Any], name: str) -> Any:
    try:
        signature = inspect.signature(fn, eval_str=True)
    except (NameError, TypeError, ValueError):
        signature = inspect.signature(fn)
    parameter = signature.parameters.get(name)
    return parameter.annotation if parameter else inspect.Parameter.empty


def _takes_text_only(annotation: Any) -> bool:
    return set(_choices(annotation)) in ({str}, {str, type(None)})


def _takes_none(annotation: Any) -> bool:
    return type(None) in _choices(annotation)


def _choices(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _misused(message: str) -> CycloptsError:
    return CycloptsError(msg=message, command_chain=("run",))
