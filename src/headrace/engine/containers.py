"""Walking through containers: what is inside a value, and a copy of it with something inside replaced.

Containers are lists, tuples, sets, dicts, named tuples, dataclasses, attrs classes, msgspec Structs, pydantic models
subclasses of all these, and annotations other than `quote` and `opaque`; everything else is a leaf. Both walks keep their own stack, so neither a structure
thousands of levels deep nor one that contains itself is a problem.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import BuiltinFunctionType, EllipsisType, FunctionType, ModuleType, NotImplementedType
from typing import Any, NamedTuple

import msgspec

from headrace.core.annotations import BaseAnnotation, opaque, quote
from headrace.schema.base import Schema

__all__ = ["ATOMIC", "Branch", "Container", "container_of", "leaves", "transform"]

ATOMIC: frozenset[type] = frozenset(
    {
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        bytearray,
        range,
        type,
        EllipsisType,
        NotImplementedType,
        FunctionType,
        BuiltinFunctionType,
        ModuleType,
    }
)
"""Exact types whose values hold nothing to look for: `ATOMIC.issuperset(map(type, values))` is the cheapest look."""

MISSING: Any = object()
"""In place of an attribute that was never set."""


class Container(NamedTuple):
    """How to look into values of one type, and how to copy them."""

    children: Callable[[Any], Sequence[Any]]
    """What a value holds, in order."""
    rebuild: Callable[[Any, list[Any]], Any]
    """The same value holding other children, as many and in the same order."""


@lru_cache(maxsize=1024)
def container_of(kind: type) -> Container | None:
    """How to look into values of a type; None when its values are leaves."""
    # Types of our own are leaves: the states in a `FlowRun` describe it and are nobody's input.
    if kind in ATOMIC or issubclass(kind, Schema | type | quote | opaque):
        return None
    if issubclass(kind, BaseAnnotation):
        return Container(_annotated, _rebuilt_annotation)
    if issubclass(kind, list | deque):
        return Container(list, _rebuilt_list)
    if issubclass(kind, tuple):
        return Container(tuple, _rebuilt_named_tuple if hasattr(kind, "_make") else _rebuilt_tuple)
    if issubclass(kind, dict):
        return Container(_dict_children, _rebuilt_dict)
    if issubclass(kind, set | frozenset):
        return Container(tuple, _rebuilt_set)
    if issubclass(kind, msgspec.Struct):
        return _record(kind.__struct_fields__, msgspec.structs.force_setattr)
    if hasattr(kind, "__dataclass_fields__"):
        return _record(tuple(kind.__dataclass_fields__), object.__setattr__)
    if hasattr(kind, "__attrs_attrs__"):
        return _record(tuple(attribute.name for attribute in kind.__attrs_attrs__), object.__setattr__)
    if hasattr(kind, "__pydantic_validator__") or hasattr(kind, "__fields_set__"):
        return Container(_model_children, _rebuilt_model)
    return None


def _rebuilt_list(old: Any, children: list[Any]) -> Any:
    if type(old) is list:
        return children
    new = copy.copy(old)
    new.clear()
    new.extend(children)
    return new


def _rebuilt_tuple(old: Any, children: list[Any]) -> Any:
    return tuple.__new__(type(old), children)


def _rebuilt_named_tuple(old: Any, children: list[Any]) -> Any:
    return type(old)._make(children)


def _dict_children(value: Any) -> Sequence[Any]:
    return [*value.keys(), *value.values()]


def _rebuilt_dict(old: Any, children: list[Any]) -> Any:
    half = len(children) // 2
    items = zip(children[:half], children[half:], strict=True)
    if type(old) is dict:
        return dict(items)
    new = copy.copy(old)
    new.clear()
    new.update(items)
    return new


def _rebuilt_set(old: Any, children: list[Any]) -> Any:
    return type(old)(children)


def _annotated(annotation: BaseAnnotation[Any]) -> Sequence[Any]:
    return (annotation.value,)


def _rebuilt_annotation(old: BaseAnnotation[Any], children: list[Any]) -> Any:
    return old.rewrap(children[0])


def _record(names: Sequence[str], assign: Callable[[Any, str, Any], None]) -> Container:
    """A class of named attributes. A copy is made without running its `__init__`, and then assigned to."""

    def children(value: Any) -> Sequence[Any]:
        return [getattr(value, name, MISSING) for name in names]

    def rebuild(old: Any, children: list[Any]) -> Any:
        new = copy.copy(old)
        for name, child in zip(names, children, strict=True):
            if child is not getattr(old, name, MISSING):
                assign(new, name, child)
        return new

    return Container(children, rebuild)


def _model_fields(value: Any) -> dict[str, Any]:
    extra: dict[str, Any] = getattr(value, "__pydantic_extra__", None) or {}
    return {**value.__dict__, **extra}


def _model_children(value: Any) -> Sequence[Any]:
    return list(_model_fields(value).values())


def _rebuilt_model(old: Any, children: list[Any]) -> Any:
    fields = zip(_model_fields(old).items(), children, strict=True)
    changed = {name: child for (name, before), child in fields if child is not before}
    copied = old.model_copy if hasattr(old, "model_copy") else old.copy
    return copied(update=changed)


def leaves(value: Any) -> Iterator[Any]:
    """Everything inside `value` that may be of interest, depth first and in order.

    Args:
        value: Any value.

    Yields:
        Leaves that are not `ATOMIC`; the value itself when it is a leaf.
    """
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        kind: Any = type(current)
        if kind in ATOMIC:
            continue
        container = container_of(kind)
        if container is None:
            yield current
            continue
        if id(current) in seen:
            continue
        seen.add(id(current))
        children = container.children(current)
        if not ATOMIC.issuperset(map(type, children)):
            pending.extend(reversed(children))


class Branch(NamedTuple):
    """What a visitor of `transform` returns to have the walk go on inside a value."""

    value: Any
    """What stands in the copy if no child changes."""
    children: Sequence[Any]
    rebuild: Callable[[Any, list[Any]], Any]
    """Called with `value` and the new children if one of them changed."""
    context: Any
    """What the visitor is told of with each child."""


def transform(value: Any, context: Any, visit: Callable[[Any, Any], Any]) -> Any:
    """A copy of `value` with replacements inside; what holds no replacement is not copied.

    Args:
        value: Any value.
        context: What `visit` is told of with `value`; an object whose identity counts, such as True or False.
        visit: Called with a value and its context; returns the replacement, or a `Branch` to look inside.

    Returns:
        The replacement of `value`. Inside a value that contains itself, the inner one stays the original.
    """
    opened = visit(value, context)
    if type(opened) is not Branch:
        return opened
    walk = _Walk(visit)
    walk.open(value, (id(value), id(context)), opened)
    return walk.run()


class _Step(NamedTuple):
    """A branch under way, with the new children that are known."""

    origin: int
    key: tuple[int, int]
    branch: Branch
    remaining: Iterator[Any]
    done: list[Any]


class _Walk:
    """The stack of `transform`."""

    __slots__ = ("_kept", "_open", "_replaced", "_stack", "_visit")

    def __init__(self, visit: Callable[[Any, Any], Any]) -> None:
        self._visit = visit
        self._stack: list[_Step] = []
        self._open: set[int] = set()
        self._replaced: dict[tuple[int, int], Any] = {}
        self._kept: list[Any] = []

    def open(self, value: Any, key: tuple[int, int], branch: Branch) -> None:
        # An id means its object only while that lives.
        self._kept.append((value, branch))
        self._open.add(id(value))
        self._stack.append(_Step(id(value), key, branch, iter(branch.children), []))

    def run(self) -> Any:
        while True:
            step = self._stack[-1]
            if self._descend(step):
                continue
            self._stack.pop()
            self._open.discard(step.origin)
            branch = step.branch
            changed = any(new is not old for new, old in zip(step.done, branch.children, strict=True))
            result = branch.rebuild(branch.value, step.done) if changed else branch.value
            self._replaced[step.key] = result
            if not self._stack:
                return result
            self._stack[-1].done.append(result)

    def _descend(self, step: _Step) -> bool:
        """Replace children up to the first that is to be looked into; False when there is none."""
        context = step.branch.context
        for child in step.remaining:
            key = (id(child), id(context))
            if id(child) in self._open:
                step.done.append(child)
                continue
            if key in self._replaced:
                step.done.append(self._replaced[key])
                continue
            opened = self._visit(child, context)
            if type(opened) is Branch:
                self.open(child, key, opened)
                return True
            step.done.append(opened)
        return False
