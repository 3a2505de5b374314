"""Hashes of values: equal for equal values in every process, different for different ones."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from headrace.exceptions import HashError
from headrace.utilities.hashing import file_hash, hash_objects, stable_hash

examples = settings(max_examples=60)

keys = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.tuples(st.integers(), st.text(max_size=3))
)
leaves = keys | st.floats() | st.binary(max_size=5) | st.dates() | st.frozensets(keys, max_size=4)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


class Grain(Enum):
    RYE = 1
    OAT = 2


class Level(IntEnum):
    LOW = 1


Point = namedtuple("Point", "x y")


@dataclass
class Mill:
    name: str
    wheels: set[str] = field(default_factory=set)


class Wheel(BaseModel):
    spokes: int
    tags: set[str] = set()


class Sluice:
    def __init__(self, width: float) -> None:
        self.width = width

    def open(self) -> float:
        return self.width


def shuffled(value: object) -> object:
    """An equal value, made in another order."""
    if isinstance(value, dict):
        return {key: shuffled(item) for key, item in reversed(value.items())}
    if isinstance(value, list):
        return [shuffled(item) for item in value]
    if isinstance(value, tuple):
        return tuple(shuffled(item) for item in value)
    if isinstance(value, frozenset):
        return frozenset(reversed(list(value)))
    return value


@examples
@given(values)
def test_equal_values_have_equal_hashes_whatever_the_order_they_were_made_in(value):
    assert hash_objects(value, raise_on_failure=True) == hash_objects(shuffled(value))


def tagged(value: object) -> object:
    """A value in which types count, as they do for hashes but not for `==`."""
    if isinstance(value, dict):
        return frozenset((tagged(key), tagged(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value), tuple(map(tagged, value))
    if isinstance(value, frozenset):
        return frozenset(map(tagged, value))
    return type(value), repr(value)


@examples
@given(values, values)
def test_different_values_have_different_hashes(one, other):
    assume(tagged(one) != tagged(other))

    assert hash_objects(one) != hash_objects(other)


def test_types_count():
    alike = [
        1,
        1.0,
        True,
        "1",
        b"1",
        [1],
        (1,),
        {1},
        frozenset({1}),
        {1: 1},
        {"1": 1},
        Decimal(1),
        Level.LOW,
        np.float64(1),
        np.int64(1),
    ]

    assert len({hash_objects(value) for value in alike}) == len(alike)


def test_a_plain_dict_cannot_pass_for_something_else():
    assert hash_objects((1, 2)) != hash_objects({"\0tuple": [1, 2]})


def test_the_order_of_arguments_counts_and_names_do_too():
    assert hash_objects(1, 2) != hash_objects(2, 1)
    assert hash_objects(a=1, b=2) == hash_objects(b=2, a=1)
    assert hash_objects(a=1) != hash_objects(b=1)


SAME_IN_EVERY_PROCESS = """
import functools, sys
import numpy as np
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from datetime import date, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from pydantic import BaseModel
from headrace.utilities.hashing import hash_objects

class Grain(Enum):
    RYE = "rye"

@dataclass
class Mill:
    name: str
    wheels: set = field(default_factory=lambda: {"upper", "lower", "middle"})

class Wheel(BaseModel):
    tags: set = {"oak", "iron", "elm"}

class Sluice:
    def __init__(self):
        self.gates = {"a", "b", "c"}

def outer(factor):
    def inner(x, y={"p", "q"}):
        return [x * factor for _ in range(3) if x in {"one", "two", "three"}]
    return inner

def recursive(n):
    return n and recursive(n - 1)

values = [
    {"b": 1, "a": {"x", "y", "z"}}, {1: "a", (2, "b"): None, None: {"s", "t"}}, frozenset({"p", "q", "r"}),
    [Grain.RYE, Decimal("1.0"), Path("/mill"), date(2026, 1, 1), timezone.utc, b"bytes", 3 + 4j, ..., range(3), slice(1, 2)],
    np.arange(6.0).reshape(2, 3), np.array(["a", {"b"}], dtype=object), np.float32(1.5), np.array(["2026-01-01"], "M8[D]"),
    np.dtype("f8"), np.random.default_rng(7), np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
    Mill("upper"), Wheel(), Sluice(), Sluice, Sluice().__init__, len, [].append, print, np.sin,
    outer(3), lambda x: {"m", "n"}, recursive, functools.partial(outer(2), 5), functools.partial(int, base=2),
    OrderedDict(a=1), defaultdict(set, a={"u", "v"}), deque([1, 2]), ValueError("x", {"k", "l"}), sys, {"deep": [[{"w", "v"}]]},
    10**40, "\\ud800", float("nan"), object(), iter([1, 2]), type, Sluice.__init__,
]
for value in values:
    print(hash_objects(value, raise_on_failure=True))
"""


def test_hashes_are_the_same_in_every_process(run):
    one = run(SAME_IN_EVERY_PROCESS, PYTHONHASHSEED="1").stdout.split()
    other = run(SAME_IN_EVERY_PROCESS, PYTHONHASHSEED="2").stdout.split()

    assert one == other
    assert len(set(one)) == len(one)


def make(factor: int, default: int = 1):
    def inner(x: int, y: int = default) -> int:
        return x * factor + y

    return inner


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (make(2), make(3)),
        (make(2, 1), make(2, 2)),
        (lambda x: x + 1, lambda x: x + 2),
        (lambda x: x.a, lambda x: x.b),
        (functools.partial(make, 1), functools.partial(make, 2)),
        (Sluice(1).open, Sluice(2).open),
        (np.array([1, 2]), np.array([2, 1])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros(2, "f4"), np.zeros(2, "i4")),
        (Mill("a"), Mill("b")),
        (Wheel(spokes=1), Wheel(spokes=2)),
        (Sluice(1), Sluice(2)),
        (Point(1, 2), (1, 2)),
        (Grain.RYE, Grain.OAT),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1), date(2026, 1, 1)),
        (Path("a"), "a"),
        (UUID(int=1), str(UUID(int=1))),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=1), defaultdict(set, a=1)),
        (deque([1], maxlen=1), deque([1], maxlen=2)),
        (Counter("aab"), Counter("abb")),
        (float("nan"), None),
        (0.0, -0.0),
        (2**70, 2**71),
    ],
)
def test_what_differs_hashes_differently(one, other):
    assert hash_objects(one, raise_on_failure=True) != hash_objects(other, raise_on_failure=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (make(2), make(2)),
        (Mill("a", {"x", "y"}), Mill("a", {"y", "x"})),
        (Sluice(1), Sluice(1)),
        (np.arange(4), np.arange(8)[:4]),
        (np.asfortranarray(np.eye(3)), np.ascontiguousarray(np.eye(3))),
        (["ab", "ab"], ["a" + "b", "".join(["a", "b"])]),
    ],
)
def test_what_is_equal_hashes_equally(one, other):
    assert hash_objects(one, raise_on_failure=True) == hash_objects(other, raise_on_failure=True)


def test_a_function_that_refers_to_itself_is_hashed():
    def countdown(n):
        return n and countdown(n - 1)

    assert hash_objects(countdown)


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        {"a": [threading.Lock()]},
        (n for n in []),
        Mill(threading.Lock()),
        Sluice(threading.Lock()),
    ],  # type: ignore[arg-type]
    ids=["lock", "nested", "generator", "in a dataclass", "in an object"],
)
def test_what_has_no_content_cannot_be_hashed(value):
    assert hash_objects(value) is None
    with pytest.raises(HashError, match=r"(lock|generator).*cannot be hashed"):
        hash_objects(value, raise_on_failure=True)


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


def containing_itself() -> list[object]:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize("value", [nested(20_000), containing_itself()], ids=["deep", "endless"])
def test_what_is_nested_too_deeply_is_an_error_that_says_so(value):
    with pytest.raises(HashError, match="nested too deeply"):
        hash_objects(value, raise_on_failure=True)


def test_an_object_that_raises_when_it_is_taken_apart_is_an_error_that_quotes_it():
    class Broken:
        def __reduce_ex__(self, protocol):
            raise LookupError("no parts")

    with pytest.raises(HashError, match="no parts"):
        hash_objects(Broken(), raise_on_failure=True)


@pytest.mark.parametrize(
    "value", [bytes(50_000_000), "ä" * 25_000_000, np.zeros(6_000_000)], ids=["bytes", "text", "array"]
)
def test_fifty_megabytes_are_hashed(value):
    assert len(hash_objects(value, raise_on_failure=True) or "") == 32


# --- Texts and files -------------------------------------------------------------------------------------------


def test_texts_are_hashed_as_their_bytes():
    assert stable_hash("mill", "wheel") == stable_hash(b"millwheel")
    assert stable_hash("mill") != stable_hash("Mill")


def test_the_algorithm_can_be_chosen():
    assert stable_hash("mill", hash_algo=hashlib.sha256) == hashlib.sha256(b"mill").hexdigest()
    assert len(hash_objects({"a": 1}, hash_algo=hashlib.sha256) or "") == 64


def test_a_file_is_hashed_by_its_content(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "one").write_bytes(content)

    assert file_hash(str(tmp_path / "one")) == stable_hash(content)
    with pytest.raises(FileNotFoundError):
        file_hash(str(tmp_path / "two"))
