"""The annotations of a function's parameters, evaluated as far as they can be."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from headrace.engine.params import VARIADIC, signature_of

__all__ = ["annotations_of"]


def annotations_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """What each parameter is annotated with, without `*args` and `**kwargs`.

    Args:
        fn: The function.

    Returns:
        Types by name, with `Annotated` kept. `Any` stands for what has no annotation and for what cannot be
        evaluated, such as a name that is imported under `TYPE_CHECKING` or a class local to another function.
    """
    source = _annotated_function(fn)
    namespaces = _namespaces(source)
    return {
        name: _evaluated(parameter.annotation, namespaces)
        for name, parameter in signature_of(fn).parameters.items()
        if parameter.kind not in VARIADIC
    }


def _annotated_function(fn: Any) -> Any:
    """The function whose module and closure annotations refer to."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    fn = inspect.unwrap(fn)
    return fn if hasattr(fn, "__code__") or not callable(fn) else fn.__call__


def _namespaces(fn: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    function = getattr(fn, "__func__", fn)
    code = getattr(function, "__code__", None)
    names = {parameter.__name__: parameter for parameter in getattr(function, "__type_params__", ())}
    if code is not None and function.__closure__:
        for name, cell in zip(code.co_freevars, function.__closure__, strict=True):
            try:
                names[name] = cell.cell_contents
            except ValueError:  # Assigned later in the enclosing function.
                continue
    return getattr(function, "__globals__", {}), names


def _evaluated(annotation: Any, namespaces: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    module_names, local_names = namespaces
    holder = SimpleNamespace(__annotations__={"parameter": annotation})
    try:
        return typing.get_type_hints(holder, module_names, local_names, include_extras=True)["parameter"]
    except Exception:  # An annotation is any expression, and can fail in any way.
        return Any
