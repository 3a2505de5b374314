"""Parameters checked against their annotations, and coerced to them, as pydantic does it."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from headrace.core.annotations import BaseAnnotation
from headrace.engine.annotated import annotations_of
from headrace.engine.exact_types import exact_check
from headrace.engine.inputs import is_upstream
from headrace.engine.params import signature_of
from headrace.engine.recordable import short_repr
from headrace.exceptions import ParameterTypeError

__all__ = ["Validator"]

EXACT_AS_FLOAT = 2**53
"""Whole numbers up to this are floats without loss."""


class Validator:
    """The annotations of a function, ready to check parameters against.

    Nothing is evaluated before the first parameters come, and pydantic is imported only for a value that is not
    exactly of its annotated type.

    Args:
        fn: The function.
        skip_first: Leave out its first parameter, which a method gets by itself.
    """

    __slots__ = ("_checks", "_fn", "_skip_first")

    def __init__(self, fn: Callable[..., Any], skip_first: bool = False) -> None:
        self._fn = fn
        self._skip_first = skip_first
        self._checks: list[_ParameterCheck] | None = None

    def validate(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Check parameters by name.

        Args:
            parameters: All parameters; `*args` and `**kwargs` are taken as they are, and so are futures and
                annotations such as `unmapped`.

        Returns:
            Parameters of the annotated types: the same object when nothing had to be converted.

        Raises:
            ParameterTypeError: Values do not fit; the message names each parameter, what was given and what was
                expected.
        """
        if self._checks is None:
            self._checks = self._compiled()
        changed: dict[str, Any] = {}
        problems: list[str] = []
        for check in self._checks:
            value = parameters.get(check.name, check)
            if value is check or check.is_exact(value) or _passes_through(value):
                continue
            try:
                coerced = check.coerced(value)
            except _Misfit as misfit:
                problems.append(str(misfit))
                continue
            if coerced is not value:
                changed[check.name] = coerced
        if problems:
            raise ParameterTypeError(self._refusal(problems))
        return parameters | changed if changed else parameters

    def _compiled(self) -> list[_ParameterCheck]:
        parameters = signature_of(self._fn).parameters
        annotations = annotations_of(self._fn)
        if self._skip_first:
            annotations.pop(next(iter(parameters), ""), None)
        return [
            _ParameterCheck(name, annotation, parameters[name].default)
            for name, annotation in annotations.items()
        ]

    def _refusal(self, problems: list[str]) -> str:
        name = getattr(self._fn, "__name__", repr(self._fn))
        listed = "".join(f"\n - {problem}" for problem in problems)
        return (
            f"{name}() received invalid parameters:{listed}\n"
            "Pass values that fit, or set validate_parameters=False to pass any value unchecked."
        )

    def __reduce__(self) -> Any:
        return Validator, (self._fn, self._skip_first)


class _Misfit(Exception):
    """A value does not fit its parameter."""


class _ParameterCheck:
    """One parameter's annotation."""

    __slots__ = ("_adapter", "_annotation", "_default", "is_exact", "name")

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        self.name = name
        self._annotation = annotation
        self._default = default
        self._adapter: Callable[[Any], Any] | None = None
        check = exact_check(annotation)
        if _is_field(default):
            self._annotation = Annotated[annotation, default]
            check = None
        self.is_exact = check or _never

    def coerced(self, value: Any) -> Any:
        """The value, as the annotated type.

        Raises:
            _Misfit: It cannot be.
        """
        if self._annotation is float and type(value) is int and -EXACT_AS_FLOAT <= value <= EXACT_AS_FLOAT:
            return float(value)
        if self._adapter is None:
            self._adapter = adapter(self._annotation)
        if _is_field(value):
            return self._default_of(value)
        try:
            return self._adapter(value)
        except RecursionError as error:
            raise self._misfit(value, "it is nested too deeply to be checked") from error
        except Exception as error:  # Validators of models are anybody's.
            # `def f(x: int = None)` means what it does: the default need not fit.
            if value is self._default:
                return value
            raise self._misfit(value, _worded(error)) from error

    def _default_of(self, field: Any) -> Any:
        if field.is_required():
            raise _Misfit(f"{self.name}: nothing was given and it has no default; pass a value.")
        return field.get_default(call_default_factory=True)

    def _misfit(self, value: Any, problem: str) -> _Misfit:
        annotation = self._annotation
        # The constraints in `Annotated` are in what pydantic says of the problem.
        expected = inspect.formatannotation(
            get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
        )
        return _Misfit(
            f"{self.name}: {problem}; got {short_repr(value)} ({type(value).__name__}), expected {expected}."
        )


def _never(_: Any) -> bool:
    return False


def _passes_through(value: Any) -> bool:
    return isinstance(value, BaseAnnotation) or is_upstream(value)


def _is_field(value: Any) -> bool:
    """Whether a default is pydantic's `Field(...)`."""
    pydantic = sys.modules.get("pydantic.fields")
    return pydantic is not None and isinstance(value, pydantic.FieldInfo)


def adapter(annotation: Any) -> Callable[[Any], Any]:
    """A function that converts values to the annotated type with pydantic.

    It raises pydantic's ValidationError, a ValueError. Values pass unchanged where pydantic does not understand the
    annotation.
    """
    from pydantic import ConfigDict, TypeAdapter
    from pydantic.errors import PydanticUserError

    old_model = _model_of_version_1(annotation)
    if old_model is not None:
        return lambda value: value if isinstance(value, old_model) else old_model.parse_obj(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for config in (ConfigDict(arbitrary_types_allowed=True), None):
            try:
                built = TypeAdapter(annotation, config=config)
                return built.validate_python if built.pydantic_complete else _unchanged
            except PydanticUserError as problem:
                # Models bring their own configuration, and refuse another.
                if problem.code != "type-adapter-config-unused":
                    break
            except Exception:
                # An annotation is any expression, and building a schema of it can fail in any way.
                break
    return _unchanged


def _unchanged(value: Any) -> Any:
    return value


def _model_of_version_1(annotation: Any) -> Any:
    """The annotation, if it is a model of pydantic 1 or of `pydantic.v1`."""
    if not isinstance(annotation, type) or hasattr(annotation, "__pydantic_validator__"):
        return None
    return annotation if hasattr(annotation, "__fields__") and hasattr(annotation, "parse_obj") else None


def _worded(error: Exception) -> str:
    """What is wrong, as pydantic words it, with the place inside the value."""
    errors = getattr(error, "errors", None)
    if errors is None:
        return f"{type(error).__name__}: {error}"
    details: list[Mapping[str, Any]] = errors()
    return "; ".join(_place(detail["loc"]) + str(detail["msg"]) for detail in details[:10])


def _place(location: tuple[Any, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return f"at {path.removeprefix('.')}: " if path else ""
