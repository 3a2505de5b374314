"""Which run returned a value: dependencies of tasks that pass plain results, not futures, to each other.

    rows = extract()      # remember(rows, id of the run)
    load(rows)            # find(rows): the run is an input of this one

A value is known by its identity, and an id means its object only while that lives. So a link holds the object in the
weakest way that still tells it from a later one at the same address:

    weakly                  what can be referred to weakly: instances of classes, sets, arrays, data frames
    itself                  what is small and cannot grow: numbers, dates, short strings, tuples of a few of these
    by a copy               short lists and dicts of such values
    by what is inside       other collections: the first few leaves in them, held in one of the ways above
    by a sample             long strings and bytes: length, beginning and end

Values that are one object wherever they occur (None, booleans, small numbers, empty and one-letter strings) are no
evidence of anything, and are not linked. Links live in two generations of bounded size; when the younger is full the
older is forgotten. There is no lock: a dict is read and written in one step, and a race costs a link, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from gc import is_tracked
from itertools import islice
from operator import is_
from sys import getsizeof
from typing import Any, NamedTuple
from uuid import UUID
from weakref import ref

from headrace.engine.containers import ATOMIC, container_of
from headrace.schema.runs import FlowRunResult, TaskRunResult

__all__ = ["ResultLinks"]

GENERATION = 8192
"""Links in a generation."""
SMALL_SIZE = 1024
"""Bytes of an object that is held itself."""
SMALL_ITEMS = 16
"""Items of a collection that is held itself or by a copy, if all of them are small values."""
LINKED_ITEMS = 64
"""Items of a returned list, tuple or dict that are linked as well: `a, b = task()`."""
SEARCHED_ITEMS = 10_000
"""Items of an argument that are looked up; those of longer containers are not."""
LEAVES_SEEN = 32
LEAVES_HELD = 3
"""How many leaves of a collection are looked at, and how many are held."""

UNTRACKABLE = frozenset({type(None), bool, type(...), type(NotImplemented)})
TEXT = frozenset({str, bytes})
COLLECTIONS = frozenset({list, tuple, dict})
SCALARS = frozenset({int, float, complex, str, bytes, bool, type(None)})

Kind = type[TaskRunResult] | type[FlowRunResult]


class _Sample(NamedTuple):
    """A long string or bytes, by parts of it."""

    length: int
    start: Any
    end: Any

    @classmethod
    def of(cls, text: Any) -> _Sample:
        return cls(len(text), text[:64], text[-64:])


class _Copy(NamedTuple):
    """A short list or dict, by what it held."""

    copy: Any


class _Inside(NamedTuple):
    """A collection, by how leaves in it are held."""

    held: list[Any]


class ResultLinks:
    """The values that runs of one flow run have returned, and by which run."""

    __slots__ = ("_older", "_recent")

    def __init__(self) -> None:
        self._recent: dict[int, tuple[Any, UUID, Kind]] = {}
        self._older: dict[int, tuple[Any, UUID, Kind]] = {}

    def remember(self, value: Any, run_id: UUID, kind: Kind = TaskRunResult) -> None:
        """Link a value, and the items of a short list, tuple or dict, to the run that returned it.

        Args:
            value: What the run returned.
            run_id: The run.
            kind: The kind of run.
        """
        of = type(value)
        if of in UNTRACKABLE:
            return
        self._link(value, run_id, kind)
        if of in COLLECTIONS and len(value) <= LINKED_ITEMS:
            for item in value.values() if of is dict else value:
                if type(item) not in UNTRACKABLE:
                    self._link(item, run_id, kind)

    def _link(self, value: Any, run_id: UUID, kind: Kind) -> None:
        held = _hold(value)
        if held is None:
            return
        if len(self._recent) >= GENERATION:
            self._older, self._recent = self._recent, {}
        self._recent[id(value)] = (held, run_id, kind)

    def find(self, value: Any) -> TaskRunResult | FlowRunResult | None:
        """The run that returned this very object, if one is known."""
        key = id(value)
        link = self._recent.get(key) or self._older.get(key)
        if link is None or not _is_held(value, link[0]):
            return None
        return link[2](id=link[1])

    def knows_any(self, values: Iterable[Any]) -> bool:
        """Whether `find` might find one of these values: a look at their addresses only."""
        recent, older = self._recent, self._older
        if not older:
            return not recent.keys().isdisjoint(map(id, values))
        return any(id(value) in recent or id(value) in older for value in values)

    def find_inside(self, value: Any) -> list[TaskRunResult | FlowRunResult]:
        """The runs that returned a value or anything inside it, in order of appearance."""
        if not self._recent and not self._older:
            return []
        found: dict[TaskRunResult | FlowRunResult, None] = {}
        pending = [value]
        seen: set[int] = set()
        while pending:
            current = pending.pop()
            run = self.find(current)
            if run is not None:
                found[run] = None
            kind: Any = type(current)
            container = container_of(kind)
            if container is not None and id(current) not in seen:
                seen.add(id(current))
                pending.extend(self._worth_a_look(container.children(current)))
        return list(found)

    def _worth_a_look(self, children: Sequence[Any]) -> Iterator[Any]:
        """Those children, last first, that are containers or may have been returned by a run."""
        if len(children) > SEARCHED_ITEMS:
            return
        for child in reversed(children):
            key = id(child)
            if type(child) not in ATOMIC or key in self._recent or key in self._older:
                yield child


def _hold(value: Any) -> Any:
    """How to hold `value`; None when it cannot or should not be linked."""
    kind: Any = type(value)
    if kind is int:
        return None if -6 < value < 257 else value
    if kind in UNTRACKABLE:
        return None
    if kind in TEXT:
        return value if 1 < len(value) <= SMALL_SIZE else _Sample.of(value) if len(value) > 1 else None
    if kind in COLLECTIONS:
        return _hold_collection(value)
    if kind.__weakrefoffset__:
        return ref(value)
    # What the garbage collector does not track refers to nothing else, so its own size is all that it keeps.
    return value if not is_tracked(value) and getsizeof(value) <= SMALL_SIZE else None


def _hold_collection(value: Any) -> Any:
    if not value:
        return None
    items = value.values() if type(value) is dict else value
    if len(value) <= SMALL_ITEMS and all(map(_is_small, items)):
        return value if type(value) is tuple else _Copy(value.copy())
    return _hold_inside(value)


def _is_small(value: Any) -> bool:
    kind = type(value)
    return kind in SCALARS or (kind in TEXT and len(value) <= SMALL_SIZE)


def _hold_inside(collection: Any) -> Any:
    held = [_hold(leaf) for leaf in _telling_leaves(collection)]
    return _Inside(held) if held else None


def _telling_leaves(collection: Any) -> list[Any]:
    """The first few leaves that can be held."""
    return list(islice((leaf for leaf in _first_leaves(collection) if _hold(leaf) is not None), LEAVES_HELD))


def _first_leaves(collection: Any) -> Iterator[Any]:
    """Leaves at the beginning and the end of nested collections; not all that there are."""
    pending = [collection]
    for _ in range(LEAVES_SEEN):
        if not pending:
            return
        value = pending.pop()
        if type(value) in COLLECTIONS:
            pending.extend(reversed(_ends(value)))
        else:
            yield value


def _ends(collection: Any) -> list[Any]:
    if type(collection) is dict:
        values = collection.values()
        return [*islice(values, SMALL_ITEMS), *(islice(reversed(values), len(values) > SMALL_ITEMS))]
    return [*collection[:SMALL_ITEMS], *collection[SMALL_ITEMS:][-1:]]


def _is_held(value: Any, held: Any) -> bool:
    kind = type(held)
    if kind is ref:
        return held() is value
    if kind is _Copy:
        return type(value) is type(held.copy) and _same_items(_flat(value), _flat(held.copy))
    if kind is _Inside:
        leaves = _telling_leaves(value)
        return len(leaves) == len(held.held) and all(map(_is_held, leaves, held.held))
    if kind is _Sample:
        return type(value) in TEXT and held == _Sample.of(value)
    return held is value


def _flat(collection: Any) -> list[Any]:
    return [*collection, *collection.values()] if type(collection) is dict else collection


def _same_items(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(is_, one, other))
