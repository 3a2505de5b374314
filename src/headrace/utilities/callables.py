"""Functions and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from headrace.core.annotations import allow_failure, quote, unmapped
from headrace.engine.mapping import expand_map, isiterable
from headrace.engine.parameter_schema import parameter_docstrings
from headrace.engine.parameter_schema import parameter_schema as _parameter_schema
from headrace.engine.params import Binder, refuse_reserved, signature_of
from headrace.exceptions import (
    MappingLengthMismatch,
    MappingMissingIterable,
    ParameterBindError,
    ReservedArgumentError,
    SignatureMismatchError,
)

__all__ = [
    "MappingLengthMismatch",
    "MappingMissingIterable",
    "ParameterBindError",
    "ParameterSchema",
    "ReservedArgumentError",
    "SignatureMismatchError",
    "allow_failure",
    "call_with_parameters",
    "cloudpickle_wrapped_call",
    "collapse_variadic_parameters",
    "expand_mapping_parameters",
    "explode_variadic_parameter",
    "get_call_parameters",
    "get_parameter_defaults",
    "isiterable",
    "parameter_docstrings",
    "parameter_schema",
    "parameters_to_args_kwargs",
    "quote",
    "raise_for_reserved_arguments",
    "unmapped",
]

R = TypeVar("R")


def _binder(fn: Callable[..., Any]) -> Binder:
    return Binder(fn, reserved=())


def get_call_parameters(
    fn: Callable[..., Any],
    call_args: tuple[Any, ...],
    call_kwargs: dict[str, Any],
    apply_defaults: bool = True,
) -> dict[str, Any]:
    """The parameters of a call by name.

    Args:
        fn: What is called.
        call_args: Its positional arguments.
        call_kwargs: Its keyword arguments.
        apply_defaults: Include the defaults of parameters that were not given.

    Raises:
        ParameterBindError: The arguments do not fit.
    """
    binder = _binder(fn)
    return (
        binder.bind(call_args, call_kwargs) if apply_defaults else binder.bind_given(call_args, call_kwargs)
    )


def get_parameter_defaults(fn: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of those parameters that have one."""
    return _binder(fn).defaults


def parameters_to_args_kwargs(
    fn: Callable[..., Any], parameters: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with which a function gets these parameters.

    Raises:
        SignatureMismatchError: A name is no parameter of the function.
    """
    binder = _binder(fn)
    if not parameters.keys() <= set(binder.names):
        raise SignatureMismatchError.from_bad_params(list(binder.names), list(parameters))
    return binder.call_arguments(parameters)


def call_with_parameters(fn: Callable[..., R], parameters: dict[str, Any]) -> R:
    """Call a function with parameters by name."""
    args, kwargs = parameters_to_args_kwargs(fn, parameters)
    return fn(*args, **kwargs)


def explode_variadic_parameter(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with the items of `**kwargs` beside the others."""
    keywords = _binder(fn).keywords
    if keywords not in parameters:
        return parameters
    return {name: value for name, value in parameters.items() if name != keywords} | dict(
        parameters[keywords]
    )


def collapse_variadic_parameters(fn: Callable[..., Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with what is no parameter of its own put into `**kwargs`.

    Raises:
        ValueError: The function has no `**kwargs` to put it in.
    """
    binder = _binder(fn)
    extra = {name: value for name, value in parameters.items() if name not in binder.names}
    if not extra:
        return parameters
    if binder.keywords is None:
        raise ValueError(
            f"Signature for {fn} does not include any variadic keyword argument but parameters were given that are "
            f"not present in the signature: {list(extra)}. It has {list(binder.names)}."
        )
    collapsed = {name: value for name, value in parameters.items() if name in binder.names}
    collapsed[binder.keywords] = {**collapsed.get(binder.keywords, {}), **extra}
    return collapsed


def expand_mapping_parameters(func: Callable[..., Any], parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The parameters of each call that mapping a function over some parameters stands for; see `Task.map`."""
    binder = _binder(func)
    return expand_map(parameters, binder.defaults, binder.keywords)


def raise_for_reserved_arguments(fn: Callable[..., Any], reserved_arguments: Iterable[str]) -> None:
    """Refuse a function with parameters of certain names.

    Raises:
        ReservedArgumentError: It has one.
    """
    refuse_reserved(signature_of(fn).parameters, list(reserved_arguments), fn)


def cloudpickle_wrapped_call(
    __fn: Callable[..., Any],
    *args: Any,
    **kwargs: Any,
) -> Callable[[], bytes]:
    """A function of no arguments for another process: it makes the call and returns the pickled result."""
    import cloudpickle

    return _PickledCall(cloudpickle.dumps((__fn, args, kwargs)))


class _PickledCall:
    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled

    def __call__(self) -> bytes:
        import cloudpickle

        fn, args, kwargs = cloudpickle.loads(self._pickled)
        return bytes(cloudpickle.dumps(fn(*args, **kwargs)))


class ParameterSchema(msgspec.Struct, kw_only=True):
    """The JSON schema of a function's parameters."""

    title: str = "Parameters"
    type: str = "object"
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    required: list[str] = msgspec.field(default_factory=list)
    definitions: dict[str, Any] = msgspec.field(default_factory=dict)

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """The schema as a dict."""
        return msgspec.structs.asdict(self)

    def model_dump_for_openapi(self) -> dict[str, Any]:
        """The schema as a dict, without what is empty and optional."""
        return {name: value for name, value in self.model_dump().items() if value or name == "properties"}


def parameter_schema(fn: Callable[..., Any]) -> ParameterSchema:
    """The JSON schema of a function's parameters."""
    schema: Mapping[str, Any] = _parameter_schema(fn)
    return ParameterSchema(**schema)
