"""What flows and tasks share as definitions: a function, its colour, its binding to classes, its checked options."""

from __future__ import annotations

import copy
import functools
import inspect
import zlib
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast

from headrace.core.templates import RunNameTemplate
from headrace.engine.params import Binder
from headrace.exceptions import InvalidNameError
from headrace.settings import get_current_settings

P = ParamSpec("P")
R = TypeVar("R")
Hook = TypeVar("Hook", bound=Callable[..., Any])

BANNED_CHARACTERS = ["/", "%", "&", ">", "<"]
"""Characters that names of flows must not have: they separate parts of addresses."""


class Definition(Generic[P, R]):
    """A decorated function.

    Args:
        fn: The function, or a class method or static method object of one.
        kind: `flow` or `task`, for messages.
        name: What to call it; the function's name when None.
        description: What it is for; the function's docstring when None.
        timeout_seconds: Seconds after which a run of it is interrupted.
        log_prints: Whether `print` logs; None inherits.
        hooks: Functions to call on state changes, by the name of the option.
    """

    fn: Callable[P, R]
    binder: Binder

    def __init__(
        self,
        fn: Any,
        kind: str,
        name: str | None,
        description: str | None,
        timeout_seconds: float | None,
        log_prints: bool | None,
        hooks: dict[str, Any],
    ) -> None:
        self.isclassmethod = isinstance(fn, classmethod)
        self.isstaticmethod = isinstance(fn, staticmethod)
        self.ismethod = False
        fn = fn.__func__ if isinstance(fn, classmethod | staticmethod) else fn
        if not callable(fn):
            raise TypeError(f"'fn' must be callable: @{kind} decorates a function, and was given {fn!r}.")
        functools.update_wrapper(cast(Any, self), fn)
        self.fn = fn
        self.name = _checked_name(name, fn, kind)
        self.description = description if description is not None else inspect.getdoc(fn)
        asyncgen = inspect.isasyncgenfunction(fn)
        self.isasync = asyncgen or inspect.iscoroutinefunction(fn)
        self.isgenerator = asyncgen or inspect.isgeneratorfunction(fn)
        self.binder = Binder(fn)
        self.timeout_seconds = _checked_timeout(timeout_seconds)
        self.log_prints = log_prints
        for option, given in hooks.items():
            setattr(self, f"{option}_hooks", _checked_hooks(given, option))

    def __get__(self, instance: Any, owner: type | None = None) -> Self:
        """The definition bound to an instance or a class, as functions are."""
        target = owner if self.isclassmethod else instance
        if target is None or self.isstaticmethod or self.ismethod:
            return self
        bound = copy.copy(self)
        bound.fn = self.fn.__get__(target, owner)
        bound.ismethod = True
        bound.binder = self.binder.bound
        return bound

    def logs_prints(self, context: Any) -> bool:
        """Whether `print` in a run of this logs: its own option, else that of the run around it, else the setting."""
        if self.log_prints is not None:
            return self.log_prints
        if context is not None:
            return bool(context.log_prints)
        return get_current_settings().logging.log_prints

    def _declared(self) -> Any:
        """What to decorate for a copy of this definition."""
        if self.ismethod:
            return self.fn
        if self.isclassmethod:
            return classmethod(cast(Any, self.fn))
        return staticmethod(self.fn) if self.isstaticmethod else self.fn

    def _add_hook(self, option: str, fn: Hook) -> Hook:
        hooks = getattr(self, f"{option}_hooks")
        setattr(self, f"{option}_hooks", [*hooks, *_checked_hooks([fn], option)])
        return fn


def _checked_name(name: Any, fn: Any, kind: str) -> str:
    if name is None:
        name = getattr(fn, "__name__", None) or type(fn).__name__
        if kind == "flow":
            name = "unknown-lambda" if name == "<lambda>" else str(name).replace("_", "-")
    if not isinstance(name, str):
        raise TypeError(
            f"Expected string for {kind} parameter 'name'; got {type(name).__name__} instead: {name!r}."
        )
    if kind == "flow" and any(character in name for character in BANNED_CHARACTERS):
        raise InvalidNameError(
            f"Name {name!r} contains an invalid character. Names must not contain any of {BANNED_CHARACTERS}."
        )
    return name


def _checked_timeout(seconds: Any) -> float | None:
    if not seconds:
        return None
    try:
        value = float(seconds)
    except (TypeError, ValueError):
        value = -1.0
    if not value > 0:
        raise ValueError(f"timeout_seconds must be a positive number of seconds or None; got {seconds!r}.")
    return value


def _checked_hooks(hooks: Any, option: str) -> list[Callable[..., Any]]:
    if hooks is None:
        return []
    if isinstance(hooks, str | bytes) or not isinstance(hooks, Iterable):
        raise TypeError(
            f"Expected a list of functions for '{option}'; got {type(hooks).__name__} instead: {hooks!r}."
        )
    checked = list(hooks)
    for hook in checked:
        if not callable(hook):
            raise TypeError(f"Expected functions in '{option}'; got {type(hook).__name__} instead: {hook!r}.")
    return checked


def checked_retries(retries: Any, default: int) -> int:
    """How often to retry: what was given, else the setting.

    Raises:
        TypeError: Not a whole number.
        ValueError: Below zero.
    """
    if retries is None:
        return default
    if isinstance(retries, bool) or not isinstance(retries, int):
        raise TypeError(f"retries must be a whole number; got {type(retries).__name__}: {retries!r}.")
    if retries < 0:
        raise ValueError(f"retries must not be below 0; got {retries}.")
    return retries


def run_name_template(rule: Any, option: str) -> RunNameTemplate | None:
    """The compiled template of runs' names; None when a function names them, or nothing does.

    Raises:
        TypeError: The rule is neither a string nor callable.
    """
    if isinstance(rule, str):
        return RunNameTemplate(rule, option=option)
    if rule is not None and not callable(rule):
        raise TypeError(
            f"Expected string or callable for '{option}'; got {type(rule).__name__} instead: {rule!r}."
        )
    return None


def code_key(fn: Any) -> str:
    """`name-1a2b3c4d`: the function's name and a checksum of its code, the same in every process."""
    name = getattr(fn, "__qualname__", type(fn).__qualname__).rpartition(".")[2]
    code = getattr(fn, "__code__", None) or getattr(type(fn).__call__, "__code__", None)
    return f"{name}-{_checksum(code, 0):08x}" if isinstance(code, CodeType) else name


def _checksum(code: CodeType, seed: int) -> int:
    """CRC-32 over bytecode, names and constants, those of inner functions included."""
    checksum = zlib.crc32(code.co_code, seed)
    checksum = zlib.crc32(
        repr((code.co_name, code.co_names, code.co_varnames)).encode(errors="replace"), checksum
    )
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            checksum = _checksum(constant, checksum)
        elif not isinstance(constant, frozenset):  # Its order differs from process to process.
            checksum = zlib.crc32(repr(constant).encode(errors="replace"), checksum)
    return checksum


def either(new: Any, old: Any) -> Any:
    """An option of `with_options`: what was given, or what stands when nothing was."""
    return old if new is None else new


def run_name(rule: Any, template: Any, parameters: dict[str, Any], option: str) -> str:
    """The name of a run by its definition's rule.

    Args:
        rule: A template as text, or a function of no arguments or of `parameters`.
        template: The compiled template, when `rule` is text.
        parameters: The run's parameters.
        option: The option's name, for messages.

    Raises:
        TypeError: The function returned something else than a string.
    """
    if template is not None:
        return str(template.render(parameters))
    name = rule(parameters=parameters) if "parameters" in inspect.signature(rule).parameters else rule()
    if not isinstance(name, str):
        raise TypeError(
            f"Callable {rule} for '{option}' returned type {type(name).__name__} but a string is required."
        )
    return name
