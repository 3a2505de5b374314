"""Whether a value is exactly of an annotated type, decided without pydantic.

Importing pydantic takes 100 ms and more, and most calls pass what the annotation says. A check answers yes only where
pydantic would hand back an equal value of the same type; when it says no, pydantic decides.
"""

from __future__ import annotations

import collections.abc
import inspect
from collections.abc import Callable, Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["exact_check"]

Check = Callable[[Any], bool]

SEQUENCES: dict[Any, tuple[type, ...]] = {
    list: (list,),
    set: (set,),
    frozenset: (frozenset,),
    collections.abc.Sequence: (list, tuple),
    collections.abc.Collection: (list, tuple, set, frozenset),
    collections.abc.Iterable: (list, tuple, set, frozenset),
}
"""Which types a generic of one argument accepts."""

MAPPINGS: dict[Any, tuple[type, ...]] = {dict: (dict,), collections.abc.Mapping: (dict,)}

HOOKS = (
    "__get_pydantic_core_schema__",
    "__pydantic_validator__",
    "__get_validators__",
    "__pydantic_fields__",
)
"""What classes have that tell pydantic how to validate them."""


def exact_check(annotation: Any) -> Check | None:
    """A function that says whether a value is exactly of the annotated type; None when only pydantic can tell."""
    if annotation is Any or annotation is object or annotation is inspect.Parameter.empty:
        return _anything
    if annotation is None or annotation is NoneType:
        return lambda value: value is None
    origin = get_origin(annotation)
    if origin is None:
        return _class_check(annotation)
    return _generic_check(origin, get_args(annotation))


def _anything(_: Any) -> bool:
    return True


def _class_check(annotation: Any) -> Check | None:
    if not isinstance(annotation, type) or any(hasattr(annotation, hook) for hook in HOOKS):
        return None
    # Fields of named tuples have types of their own; a TypedDict and a Protocol have no instances.
    if hasattr(annotation, "_fields") or getattr(annotation, "_is_protocol", False):
        return None
    return lambda value: type(value) is annotation


def _generic_check(origin: Any, args: tuple[Any, ...]) -> Check | None:
    if origin is Union or origin is UnionType:
        return _union_check(args)
    if origin is Literal:
        return lambda value: any(type(value) is type(choice) and value == choice for choice in args)
    if origin in SEQUENCES:
        return _items_check(SEQUENCES[origin], *args or (Any,))
    if origin in MAPPINGS:
        return _mapping_check(MAPPINGS[origin], *args or (Any, Any))
    if origin is tuple:
        return _tuple_check(args)
    return None


def _checks(annotations: Iterable[Any]) -> list[Check] | None:
    checks = [exact_check(annotation) for annotation in annotations]
    return None if None in checks else checks  # type: ignore[return-value]


def _union_check(members: tuple[Any, ...]) -> Check | None:
    checks = _checks(members)
    return None if checks is None else lambda value: any(check(value) for check in checks)


def _items_check(kinds: tuple[type, ...], item: Any) -> Check | None:
    check = exact_check(item)
    return None if check is None else lambda value: type(value) in kinds and all(map(check, value))


def _mapping_check(kinds: tuple[type, ...], key: Any, item: Any) -> Check | None:
    checks = _checks((key, item))
    if checks is None:
        return None
    keys, items = checks
    return lambda value: type(value) in kinds and all(map(keys, value)) and all(map(items, value.values()))


def _tuple_check(members: tuple[Any, ...]) -> Check | None:
    if not members:
        return None
    if len(members) == 2 and members[1] is ...:
        return _items_check((tuple,), members[0])
    checks = _checks(members)
    if checks is None:
        return None
    return lambda value: (
        type(value) is tuple
        and len(value) == len(checks)
        and all(check(item) for check, item in zip(checks, value, strict=True))
    )
