"""From the arguments of a call to parameters by name, and back.

`Binder` is made once per decorated function. It writes two small functions for the signature, of which Python itself
does the binding:

    lambda a, /, b=None, *args, c=None, **kw: {'a': a, 'b': b, 'args': args, 'c': c, 'kw': kw}
    lambda p: ((p['a'], p['b'], *p['args']), {'c': p['c'], **p['kw']})

For two positional parameters that takes 0.2 us a call; `inspect.Signature.bind` takes 3 us.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, Signature
from typing import Any

from headrace.exceptions import ParameterBindError, ReservedArgumentError, SignatureMismatchError

__all__ = ["RESERVED_PARAMETERS", "Binder", "signature_of"]

RESERVED_PARAMETERS = ("return_state", "wait_for")
"""Names that calls of flows and tasks use themselves."""

CallArguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional and keyword arguments."""

VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class Binder:
    """The signature of a function, compiled.

    Args:
        fn: The function.
        reserved: Names that its parameters must not have.

    Raises:
        ReservedArgumentError: A parameter has a reserved name.
    """

    __slots__ = (
        "_arguments",
        "_bind",
        "_bound",
        "_count",
        "_reserved",
        "defaults",
        "fn",
        "keywords",
        "names",
        "signature",
    )

    fn: Callable[..., Any]
    signature: Signature
    names: tuple[str, ...]
    """All parameters, in order."""
    defaults: dict[str, Any]
    """The defaults of those that have one."""
    keywords: str | None
    """The name of `**kwargs`, if there is one."""

    def __init__(self, fn: Callable[..., Any], reserved: Iterable[str] = RESERVED_PARAMETERS) -> None:
        self._reserved = tuple(reserved)
        self._compile(fn, signature_of(fn))

    def _compile(self, fn: Callable[..., Any], signature: Signature) -> None:
        parameters = signature.parameters
        refuse_reserved(parameters, self._reserved, fn)
        self.fn = fn
        self.signature = signature
        self.names = tuple(parameters)
        self.defaults = {
            name: p.default for name, p in parameters.items() if p.default is not Parameter.empty
        }
        self.keywords = next(
            (name for name, p in parameters.items() if p.kind is Parameter.VAR_KEYWORD), None
        )
        self._count = len(parameters)
        self._bound: Binder | None = None
        self._bind, self._arguments = _written_for(signature)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a call by name, in the order of the signature.

        Args:
            args: The positional arguments.
            kwargs: The keyword arguments.

        Returns:
            Every parameter, with defaults where nothing was given; `*args` as a tuple, `**kwargs` as a dict.

        Raises:
            ParameterBindError: The arguments do not fit; the message names the function and the argument.
        """
        try:
            return self._bind(*args, **kwargs)
        except TypeError as problem:
            raise self._bind_error(problem, args, kwargs) from None

    def bind_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The parameters that a call gives, by name, without defaults; see `bind`."""
        try:
            return dict(self.signature.bind(*args, **kwargs).arguments)
        except TypeError as problem:
            raise ParameterBindError.from_bind_failure(self.fn, problem, args, kwargs) from None

    def _bind_error(
        self, problem: TypeError, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> ParameterBindError:
        # The function written for the signature has no name to put in a message; `inspect` words it for this one.
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as worded:
            problem = worded
        return ParameterBindError.from_bind_failure(self.fn, problem, args, kwargs)

    def call_arguments(self, parameters: Mapping[str, Any]) -> CallArguments:
        """The arguments with which to call the function so that it gets these parameters: the inverse of `bind`.

        Args:
            parameters: Parameters by name; those that are missing take their defaults.

        Returns:
            Positional and keyword arguments.

        Raises:
            SignatureMismatchError: A name is no parameter, or a parameter without default is missing.
        """
        if len(parameters) != self._count:
            parameters = self.complete(parameters)
        try:
            return self._arguments(parameters)
        except (KeyError, TypeError):
            # Other names than the signature's, which `complete` sorts out or refuses.
            return self._arguments(self.complete(parameters))

    def complete(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters given by name, as from a deployment or the command line, with defaults for the others.

        Args:
            parameters: Parameters by name; names that are no parameters go to `**kwargs` where there is one.

        Raises:
            SignatureMismatchError: A name is no parameter, or a parameter without default is missing.
        """
        completed: dict[str, Any] = {}
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is Parameter.VAR_POSITIONAL:
                completed[name] = self._variadic(name, tuple, parameters.get(name, ()))
            elif parameter.kind is Parameter.VAR_KEYWORD:
                completed[name] = self._variadic(name, dict, parameters.get(name, {}))
                completed[name] |= {key: value for key, value in parameters.items() if key not in self.names}
            elif name in parameters:
                completed[name] = parameters[name]
            elif parameter.default is not Parameter.empty:
                completed[name] = parameter.default
            else:
                raise SignatureMismatchError.from_bad_params(list(self.names), list(parameters))
        if self.keywords is None and not parameters.keys() <= completed.keys():
            raise SignatureMismatchError.from_bad_params(list(self.names), list(parameters))
        return completed

    def _variadic(self, name: str, kind: type, value: Any) -> Any:
        try:
            return kind(value)
        except (TypeError, ValueError) as problem:
            raise SignatureMismatchError(
                f"The parameter {name!r} of {_name(self.fn)} collects several arguments and must be given as a "
                f"{kind.__name__}; got {type(value).__name__}."
            ) from problem

    @property
    def bound(self) -> Binder:
        """The binder of the function as a method: without its first parameter."""
        if self._bound is None:
            parameters = list(self.signature.parameters.values())
            if parameters and parameters[0].kind not in VARIADIC:
                del parameters[0]
            binder = Binder.__new__(Binder)
            binder._reserved = self._reserved
            binder._compile(self.fn, self.signature.replace(parameters=parameters))
            self._bound = binder
        return self._bound

    def __reduce__(self) -> Any:
        return Binder, (self.fn, self._reserved)

    def __repr__(self) -> str:
        return f"Binder({_name(self.fn)}{self.signature})"


def signature_of(fn: Callable[..., Any]) -> Signature:
    """The signature of anything callable; `(*args, **kwargs)` where a function written in C has none."""
    try:
        if sys.version_info >= (3, 14):
            from annotationlib import Format

            # Annotations are evaluated on demand there, and one that cannot be must not stop a decoration.
            return inspect.signature(fn, annotation_format=Format.FORWARDREF)
        return inspect.signature(fn)
    except ValueError:
        return Signature([Parameter("args", VARIADIC[0]), Parameter("kwargs", VARIADIC[1])])


def refuse_reserved(names: Iterable[str], reserved: Iterable[str], fn: Callable[..., Any]) -> None:
    """Refuse parameters that have a reserved name.

    Raises:
        ReservedArgumentError: There is one; the message names it and the function.
    """
    for name in names:
        if name in reserved:
            raise ReservedArgumentError(
                f"{name!r} is a reserved argument name and cannot be used in {_name(fn)}: calls of flows and tasks take "
                f"an argument of that name themselves. Rename the parameter."
            )


def _written_for(
    signature: Signature,
) -> tuple[Callable[..., dict[str, Any]], Callable[[Any], CallArguments]]:
    parameters = signature.parameters.values()
    plain = [p.replace(annotation=Parameter.empty, default=_placeholder(p)) for p in parameters]
    declared = str(Signature(plain))[1:-1]
    by_name = ", ".join(f"{p.name!r}: {p.name}" for p in parameters)
    positional = "".join(_POSITIONAL[p.kind].format(p.name) for p in parameters if p.kind in _POSITIONAL)
    keyword = "".join(_KEYWORD[p.kind].format(p.name) for p in parameters if p.kind in _KEYWORD)
    source = f"(lambda {declared}: {{{by_name}}}, lambda p: (({positional}), {{{keyword}}}))"
    bind, arguments = eval(source, {"__builtins__": {}})
    given = [p for p in parameters if p.default is not Parameter.empty]
    bind.__defaults__ = tuple(p.default for p in given if p.kind is not Parameter.KEYWORD_ONLY)
    bind.__kwdefaults__ = {p.name: p.default for p in given if p.kind is Parameter.KEYWORD_ONLY}
    return bind, arguments


_POSITIONAL = {
    Parameter.POSITIONAL_ONLY: "p[{0!r}], ",
    Parameter.POSITIONAL_OR_KEYWORD: "p[{0!r}], ",
    Parameter.VAR_POSITIONAL: "*p[{0!r}], ",
}
_KEYWORD = {Parameter.KEYWORD_ONLY: "{0!r}: p[{0!r}], ", Parameter.VAR_KEYWORD: "**p[{0!r}], "}


def _placeholder(parameter: Parameter) -> Any:
    return Parameter.empty if parameter.default is Parameter.empty else None


def _name(fn: Callable[..., Any]) -> str:
    return f"{getattr(fn, '__name__', None) or repr(fn)}()"
