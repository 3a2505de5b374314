"""Expanding the arguments of `map` to those of one call each."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from headrace.core.annotations import BaseAnnotation, allow_failure, quote, unmapped
from headrace.engine.inputs import Resolver, is_upstream, upstream_result
from headrace.engine.recordable import short_repr
from headrace.exceptions import MappingLengthMismatch, MappingMissingIterable

__all__ = ["expand_map", "isiterable"]

WHOLE = (str, bytes, io.IOBase)
"""Types that can be iterated over, but are passed whole."""


def isiterable(value: Any) -> bool:
    """Whether `map` iterates over a value: strings, bytes and files are taken whole."""
    if isinstance(value, WHOLE):
        return False
    try:
        iter(value)
    except TypeError:
        return False
    return True


def expand_map(
    parameters: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    keywords: str | None = None,
    resolver: Resolver | None = None,
) -> list[dict[str, Any]]:
    """The parameters of each call that a `map` stands for.

    Args:
        parameters: The arguments of `map` by name, without defaults. Iterables are iterated over; `unmapped` values,
            strings, bytes, files and what cannot be iterated over go to every call. A future or state stands for its
            result, and must be final.
        defaults: Defaults of parameters, which are never iterated over.
        keywords: The name of `**kwargs`, whose items are arguments of their own.
        resolver: Turns a future or state into its result; `upstream_result` when left out.

    Returns:
        One dict of parameters per call; none when the iterables are empty.

    Raises:
        MappingMissingIterable: No argument can be iterated over.
        MappingLengthMismatch: The iterables differ in length.
        UpstreamTaskError: A run whose result was to be iterated over did not complete.
    """
    given = dict(parameters)
    extra = given.pop(keywords, None) if keywords is not None else None
    mapped, repeated = _split(given, resolver or upstream_result)
    extra_mapped, extra_repeated = _split(extra or {}, resolver or upstream_result)
    length = _common_length(mapped | extra_mapped, given)
    calls = [{**(defaults or {}), **repeated, **_nth(mapped, index)} for index in range(length)]
    if extra is not None:
        for index, call in enumerate(calls):
            call[str(keywords)] = {**extra_repeated, **_nth(extra_mapped, index)}
    return calls


def _split(arguments: Mapping[str, Any], resolver: Resolver) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Arguments to iterate over, as lists, and those to repeat."""
    mapped: dict[str, list[Any]] = {}
    repeated: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, unmapped):
            repeated[name] = value.unwrap()
            continue
        items = _items_of(value, resolver)
        if items is None:
            repeated[name] = value
        else:
            mapped[name] = items
    return mapped, repeated


def _items_of(value: Any, resolver: Resolver) -> list[Any] | None:
    """What to iterate over; None when the value is to be repeated."""
    if isinstance(value, BaseAnnotation):
        inner = value.unwrap()
        if is_upstream(inner):
            if isinstance(value, quote):
                return None
            inner = resolver(inner, isinstance(value, allow_failure))
        items = _items_of(inner, resolver)
        return None if items is None else [value.rewrap(item) for item in items]
    if is_upstream(value):
        value = resolver(value, False)
    return list(value) if isiterable(value) else None


def _common_length(mapped: Mapping[str, list[Any]], given: Mapping[str, Any]) -> int:
    if not mapped:
        shown = {name: short_repr(value) for name, value in given.items()}
        raise MappingMissingIterable(
            "No iterable parameters were received. Parameters for map must include at least one iterable. "
            f"Parameters: {shown}. Pass a list, or call submit() for a single run."
        )
    lengths = {name: len(items) for name, items in mapped.items()}
    if len(set(lengths.values())) > 1:
        raise MappingLengthMismatch(
            "Received iterable parameters with different lengths. Parameters for map must all be the same length. "
            f"Got lengths: {lengths}. Wrap what every run is to get whole in unmapped(...)."
        )
    return next(iter(lengths.values()))


def _nth(mapped: Mapping[str, list[Any]], index: int) -> dict[str, Any]:
    return {name: items[index] for name, items in mapped.items()}
