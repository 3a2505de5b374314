"""Annotations: marks that a caller puts on an argument to say how the engine should treat it.

    task.map(files, unmapped(options))      pass `options` to every run as it is
    report(allow_failure(future))           run even if what is passed on has failed
    store(quote(huge_structure))            do not search it for futures

An annotation never reaches the function: it gets the value inside.
"""

from __future__ import annotations

from typing import Any, Generic, Self, TypeVar

__all__ = ["BaseAnnotation", "NotSet", "Quote", "allow_failure", "freeze", "opaque", "quote", "unmapped"]

T = TypeVar("T")


class NotSet:
    """Stands for "nothing was given" where None is a value."""


class BaseAnnotation(Generic[T]):
    """A value and, by its class, how to treat it.

    Args:
        value: What is annotated.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    @property
    def value(self) -> T:
        """What is annotated."""
        return self._value

    def unwrap(self) -> T:
        """What is annotated."""
        return self._value

    def rewrap(self, value: Any) -> Self:
        """The same annotation of another value."""
        return type(self)(value)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BaseAnnotation)
            and type(self) is type(other)
            and bool(self._value == other._value)
        )

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._value!r})"


class unmapped(BaseAnnotation[T]):
    """An argument of `map` that every run gets whole, instead of one item of it each."""

    __slots__ = ()

    def __getitem__(self, _: object) -> T:
        return self._value


class allow_failure(BaseAnnotation[T]):
    """An argument whose upstream runs may fail: the run starts all the same and gets their exceptions as values."""

    __slots__ = ()


class quote(BaseAnnotation[T]):
    """An argument that is passed on without a look inside: futures in it stay futures, and it costs nothing."""

    __slots__ = ()

    def unquote(self) -> T:
        """What is quoted."""
        return self._value


Quote = quote


class opaque(BaseAnnotation[T]):
    """An argument that may itself be a future, but whose contents are not searched."""

    __slots__ = ()


class freeze(BaseAnnotation[T]):
    """A value that is to be stored as JSON.

    Raises:
        ValueError: JSON cannot hold it.
    """

    __slots__ = ()

    def __init__(self, value: T) -> None:
        super().__init__(value)
        import msgspec

        try:
            msgspec.json.encode(value)
        except (TypeError, ValueError, RecursionError) as problem:
            raise ValueError(
                f"freeze() takes a value that is JSON serializable, and was given a {type(value).__name__}: {problem}."
            ) from problem

    def unfreeze(self) -> T:
        """What is frozen."""
        return self._value
