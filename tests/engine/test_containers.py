"""Walking through containers: what is inside a value, and a copy with something replaced."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, UserList, defaultdict, deque, namedtuple
from typing import Any

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from headrace.core.annotations import allow_failure, opaque, quote, unmapped
from headrace.engine.containers import ATOMIC, Branch, container_of, leaves, transform
from headrace.schema.runs import FlowRun

examples = settings(max_examples=80)


class Leaf:
    """What the tests look for."""

    def __repr__(self) -> str:
        return "Leaf"


@dataclasses.dataclass
class Mutable:
    content: Any
    derived: Any = dataclasses.field(init=False, default=0)
    other: int = 1

    def __post_init__(self) -> None:
        self.derived = self.content


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    content: Any


@attrs.define
class Defined:
    content: Any


@attrs.frozen
class DefinedFrozen:
    content: Any


class Struct(msgspec.Struct):
    content: Any


class FrozenStruct(msgspec.Struct, frozen=True):
    content: Any


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    content: Any


Named = namedtuple("Named", "content")


class MyList(list[Any]):
    label = "kept"


class MyTuple(tuple[Any, ...]):
    pass


class MyDict(dict[Any, Any]):
    pass


WRAPPERS = [
    lambda x: [x],
    lambda x: (x,),
    lambda x: {"key": x},
    lambda x: {x: 1},
    lambda x: {x},
    lambda x: frozenset({x}),
    lambda x: deque([x], maxlen=5),
    lambda x: OrderedDict(a=x),
    lambda x: defaultdict(list, a=x),
    lambda x: MyList([x]),
    lambda x: MyTuple([x]),
    lambda x: MyDict(a=x),
    Named,
    Mutable,
    Frozen,
    Defined,
    DefinedFrozen,
    Struct,
    FrozenStruct,
    lambda x: Model(content=x),
    lambda x: Model(content=1, more=x),
    unmapped,
    allow_failure,
    lambda x: [1, [2, {"a": (3, x)}]],
]


def replace(value: Any, old: Any, new: Any) -> Any:
    def visit(current: Any, _: Any) -> Any:
        if current is old:
            return new
        container = container_of(type(current))
        if container is None:
            return current
        return Branch(current, container.children(current), container.rebuild, None)

    return transform(value, None, visit)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_leaves_inside_every_kind_of_container_are_found(wrap: Any) -> None:
    leaf = Leaf()
    assert leaf in list(leaves(wrap(leaf)))


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_leaves_inside_every_kind_of_container_are_replaced(wrap: Any) -> None:
    leaf, new = Leaf(), Leaf()
    value = wrap(leaf)
    replaced = replace(value, leaf, new)
    assert list(leaves(replaced)) == [new] * len(list(leaves(value)))
    assert type(replaced) is type(value)
    assert replaced is not value
    assert set(leaves(value)) == {leaf}


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_a_container_in_which_nothing_changes_stays_the_same_object(wrap: Any) -> None:
    value = wrap(Leaf())
    outer = [value, {"a": value}]
    assert replace(outer, object(), 1) is outer


def test_what_is_not_concerned_is_shared_with_the_copy() -> None:
    leaf, same = Leaf(), [1, 2]
    replaced = replace([same, [leaf]], leaf, 5)
    assert replaced == [[1, 2], [5]]
    assert replaced[0] is same


def test_attributes_of_subclasses_are_kept() -> None:
    leaf = Leaf()
    labelled = MyList([leaf])
    labelled.label = "mine"
    assert replace(labelled, leaf, 1).label == "mine"
    assert replace(defaultdict(list, a=leaf), leaf, 1)["new"] == []
    assert replace(deque([leaf], maxlen=3), leaf, 1).maxlen == 3


def test_a_dataclass_is_copied_without_being_initialized_again() -> None:
    leaf = Leaf()
    value = Mutable(leaf)
    value.derived = "set later"
    copy = replace(value, leaf, 7)
    assert (copy.content, copy.derived) == (7, "set later")


@pytest.mark.parametrize(
    "leaf",
    [
        quote([1]),
        opaque([1]),
        Leaf(),
        Leaf,
        "text",
        range(3),
        iter([1]),
        UserList([1]),
        FlowRun(flow_id=None),
    ],  # type: ignore[arg-type]
)
def test_other_values_are_leaves(leaf: Any) -> None:
    assert container_of(type(leaf)) is None


def test_an_attribute_that_was_never_set_is_no_obstacle() -> None:
    leaf = Leaf()
    value = Defined(leaf)
    bare = Defined.__new__(Defined)
    assert next(leaves([value, bare])) is leaf
    assert replace([value, bare], leaf, 1)[1] is bare


nested = st.recursive(
    st.integers() | st.none() | st.just("x"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=8,
)


@examples
@given(nested)
def test_a_transformation_of_leaves_is_that_of_a_recursive_function(value: Any) -> None:
    def expected(current: Any) -> Any:
        if isinstance(current, list | tuple):
            return type(current)(map(expected, current))
        if isinstance(current, dict):
            return {key: expected(item) for key, item in current.items()}
        return current + 1 if isinstance(current, int) else current

    def visit(current: Any, _: Any) -> Any:
        if isinstance(current, int):
            return current + 1
        container = container_of(type(current))
        return (
            current
            if container is None
            else Branch(current, container.children(current), container.rebuild, None)
        )

    assert transform(value, None, visit) == expected(value)


@examples
@given(nested)
def test_plain_data_has_no_leaves_of_interest(value: Any) -> None:
    assert list(leaves(value)) == []


def test_depth_is_no_limit() -> None:
    leaf = Leaf()
    deep: Any = leaf
    for depth in range(20_000):
        deep = [deep] if depth % 2 else {"a": deep}
    assert list(leaves(deep)) == [leaf]
    replaced = replace(deep, leaf, 5)
    for depth in reversed(range(20_000)):
        replaced = replaced[0] if depth % 2 else replaced["a"]
    assert replaced == 5


def test_a_structure_that_contains_itself_is_walked_once() -> None:
    leaf = Leaf()
    endless: list[Any] = [leaf]
    endless.append(endless)
    endless.append(unmapped(endless))
    assert list(leaves(endless)) == [leaf]
    replaced = replace(endless, leaf, 5)
    assert replaced[0] == 5
    assert replaced[1] is endless


def test_what_is_shared_inside_stays_shared_and_is_looked_at_once() -> None:
    leaf = Leaf()
    value: Any = leaf
    for _ in range(60):
        value = [value, value]
    assert set(leaves(value)) == {leaf}
    replaced = replace(value, leaf, 1)
    assert replaced[0] is replaced[1]


def test_atomic_types_hold_nothing() -> None:
    assert all(container_of(kind) is None for kind in ATOMIC)
