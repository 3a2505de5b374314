"""Collections: nested dicts, iterables, and a visitor of everything inside a value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterable, Iterator, Sequence
from enum import StrEnum, auto
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from headrace.core.annotations import BaseAnnotation, opaque
from headrace.engine.containers import Branch, container_of, transform
from headrace.engine.mapping import isiterable

__all__ = [
    "AutoEnum",
    "StopVisiting",
    "batched_iterable",
    "deep_merge",
    "deep_merge_dicts",
    "dict_to_flatdict",
    "distinct",
    "ensure_iterable",
    "extract_instances",
    "flatdict_to_dict",
    "get_from_dict",
    "isiterable",
    "listrepr",
    "remove_nested_keys",
    "set_in_dict",
    "visit_collection",
]

T = TypeVar("T")
NestedDict = dict[Any, Any]


class AutoEnum(StrEnum):
    """An enumeration whose members are their own names: `RED = AutoEnum.auto()` is `"RED"`."""

    @staticmethod
    def _generate_next_value_(name: str, *_: Any) -> str:
        return name

    @staticmethod
    def auto() -> Any:
        """The value of a member: its name."""
        return auto()

    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.value}"


def dict_to_flatdict(dct: NestedDict) -> dict[tuple[Any, ...], Any]:
    """A nested dict as a flat one, whose keys are the tuples of keys that lead to each value."""
    flat: dict[tuple[Any, ...], Any] = {}
    pending: list[tuple[tuple[Any, ...], Any]] = [((), dct)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict) and (value or not path):
            pending.extend(((*path, key), inner) for key, inner in reversed(value.items()))
        else:
            flat[path] = value
    return flat


def flatdict_to_dict(dct: dict[tuple[Any, ...], Any]) -> NestedDict:
    """The inverse of `dict_to_flatdict`."""
    nested: NestedDict = {}
    for path, value in dct.items():
        _put(nested, path, value)
    return nested


def _put(dct: NestedDict, path: Sequence[Any], value: Any) -> None:
    for depth, key in enumerate(path[:-1]):
        dct = dct.setdefault(key, {})
        if not isinstance(dct, dict):
            raise TypeError(
                f"Key path exists and contains a non-dict value: {list(path[: depth + 2])}. "
                f"Remove what is at {list(path[: depth + 1])}, or set another path."
            )
    dct[path[-1]] = value


def deep_merge(dct: NestedDict, merge: NestedDict) -> NestedDict:
    """A new dict with the keys of both; dicts under the same key are merged, else `merge` wins."""
    merged = dct.copy()
    for key, value in merge.items():
        before = merged.get(key)
        merged[key] = (
            deep_merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
        )
    return merged


def deep_merge_dicts(*dicts: NestedDict) -> NestedDict:
    """A new dict with the keys of all; see `deep_merge`."""
    merged: NestedDict = {}
    for dct in dicts:
        merged = deep_merge(merged, dct)
    return merged


def _path(keys: str | Sequence[Any]) -> list[Any]:
    if not isinstance(keys, str):
        return list(keys)
    parts = keys.replace("[", ".").replace("]", "").split(".")
    return [int(part) if part.isdigit() else part for part in parts]


def get_from_dict(dct: NestedDict, keys: str | Sequence[Any], default: Any = None) -> Any:
    """What is inside nested dicts and lists.

    Args:
        dct: The outermost dict.
        keys: Where: `"a.b[0]"` or `["a", "b", 0]`.
        default: What to return when there is nothing.
    """
    value: Any = dct
    for key in _path(keys):
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return default
    return value


def set_in_dict(dct: NestedDict, keys: str | Sequence[Any], value: Any) -> None:
    """Set a value inside nested dicts, which are made where they are missing.

    Args:
        dct: The outermost dict; it is changed.
        keys: Where: `"a.b"` or `["a", "b"]`.
        value: What to set.

    Raises:
        TypeError: Something other than a dict is on the way.
    """
    _put(dct, keys.split(".") if isinstance(keys, str) else keys, value)


def remove_nested_keys(keys_to_remove: Collection[Hashable], obj: Any) -> Any:
    """A copy of nested dicts without certain keys, at any depth; dicts inside other collections stay as they are."""
    if not isinstance(obj, dict):
        return obj
    return {
        key: remove_nested_keys(keys_to_remove, value)
        for key, value in obj.items()
        if key not in keys_to_remove
    }


def distinct(iterable: Iterable[T], key: Callable[[T], Hashable] | None = None) -> Iterator[T]:
    """The items of an iterable without those seen before, by themselves or by `key`."""
    seen: set[Any] = set()
    for item in iterable:
        mark = item if key is None else key(item)
        if mark not in seen:
            seen.add(mark)
            yield item


def batched_iterable(iterable: Iterable[T], size: int) -> Generator[tuple[T, ...], None, None]:
    """The items of an iterable in tuples of `size`; the last may be shorter."""
    items = iter(iterable)
    while batch := tuple(islice(items, size)):
        yield batch


def ensure_iterable(obj: Any) -> Collection[Any]:
    """The object if it is a string, list, tuple, set or the like, else a list of it."""
    return obj if isinstance(obj, Sequence | set | frozenset) else [obj]


def extract_instances(objects: Iterable[Any], types: type[T] | tuple[type[T], ...] = object) -> Any:  # type: ignore[assignment]
    """Objects by type.

    Args:
        objects: What to look through.
        types: One type, or several.

    Returns:
        A list of the instances of one type; for several a dict of lists, in the order of `objects`.
    """
    if not isinstance(types, tuple):
        return [item for item in objects if isinstance(item, types)]
    found: dict[type[Any], list[Any]] = {}
    for item in objects:
        for kind in types:
            if isinstance(item, kind):
                found.setdefault(kind, []).append(item)
    return found


def listrepr(objs: Iterable[Any], sep: str = " ") -> str:
    """The `repr` of each object, joined."""
    return sep.join(repr(item) for item in objs)


class StopVisiting(BaseException):
    """Raised by the function given to `visit_collection`: do not look inside this value."""


class _Place(NamedTuple):
    """Where the visitor is."""

    levels: int
    """Levels of containers still to look into; negative without a limit."""
    context: dict[str, Any] | None


def visit_collection(
    expr: Any,
    visit_fn: Callable[..., Any],
    *,
    return_data: bool = False,
    max_depth: int = -1,
    context: dict[str, Any] | None = None,
    remove_annotations: bool = False,
) -> Any:
    """Call a function with a value and everything inside it, the outer before the inner.

    Args:
        expr: The value. Lists, tuples, sets, dicts, dataclasses, attrs classes, msgspec Structs, pydantic models and
            annotations are looked into.
        visit_fn: Called with each value, and with the context if there is one. With `return_data` it returns what to
            put in the value's place.
        return_data: Return a copy with replacements, rather than None.
        max_depth: Levels of containers to look into; -1 is all.
        context: What `visit_fn` is told. Each container gets a copy, so changes reach what is inside only; inside an
            annotation, `context["annotation"]` is that.
        remove_annotations: Put what is annotated in the place of annotations.
    """

    def visit(value: Any, place: _Place) -> Any:
        inner = None if place.context is None else place.context.copy()
        try:
            visited = visit_fn(value) if inner is None else visit_fn(value, inner)
        except StopVisiting:
            return value
        current = visited if return_data else value
        if place.levels == 0:
            return current
        if isinstance(current, BaseAnnotation):
            return _inside_annotation(current, place, inner, remove_annotations)
        kind: Any = type(current)
        container = container_of(kind)
        if container is None:
            return current
        return Branch(
            current, container.children(current), container.rebuild, _Place(place.levels - 1, inner)
        )

    result = transform(expr, _Place(max_depth, context), visit)
    return result if return_data else None


def _inside_annotation(
    annotation: BaseAnnotation[Any], place: _Place, context: dict[str, Any] | None, remove: bool
) -> Branch:
    if context is not None:
        context["annotation"] = annotation
    value = annotation.unwrap()
    levels = 0 if isinstance(annotation, opaque) else place.levels - 1
    rebuild = _unwrapped if remove else _rewrapped
    return Branch(value if remove else annotation, (value,), rebuild, _Place(levels, context))


def _unwrapped(_: Any, children: list[Any]) -> Any:
    return children[0]


def _rewrapped(annotation: Any, children: list[Any]) -> Any:
    return annotation.rewrap(children[0])
