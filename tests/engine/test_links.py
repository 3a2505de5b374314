"""Which run returned a value (`engine.links`)."""

from __future__ import annotations

import gc
import threading
import weakref
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.ids import uuid7
from headrace.engine.links import GENERATION, LINKED_ITEMS, ResultLinks
from headrace.schema.runs import FlowRunResult, TaskRunResult


class Thing:
    pass


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"name-{number}"} for number in range(count)]


TRACKED: dict[str, Any] = {
    "instance": Thing(),
    "big int": 10**9,
    "float": 2.5,
    "text": "some text",
    "long text": "x" * 60_000,
    "bytes": b"some bytes",
    "long bytes": b"y" * 60_000,
    "short list": [1, 2, 3],
    "short dict": {"a": 1},
    "short tuple": (1, 2),
    "long list": list(range(1000)),
    "rows": rows(1000),
    "long dict": {str(number): number for number in range(1000)},
    "list of instances": [Thing(), Thing()],
    "set": {1, 2},
    "array": np.zeros(3),
    "list of arrays": [np.zeros(3)],
    "numpy number": np.float64(2.5),
    "decimal": Decimal("1.5"),
    "date": datetime(2024, 1, 1, tzinfo=UTC),
    "function": lambda: None,
    "class": Thing,
}

UNTRACKED: dict[str, Any] = {
    "none": None,
    "true": True,
    "ellipsis": ...,
    "small int": 5,
    "empty text": "",
    "letter": "a",
    "empty list": [],
    "empty tuple": (),
    "list of nothing": [None] * 1000,
}


@pytest.mark.parametrize("name", TRACKED)
def test_the_run_that_returned_a_value_is_found(name: str) -> None:
    links, run_id = ResultLinks(), uuid7()
    links.remember(TRACKED[name], run_id)
    assert links.find(TRACKED[name]) == TaskRunResult(id=run_id)


@pytest.mark.parametrize("name", UNTRACKED)
def test_values_that_are_one_object_everywhere_are_not_linked(name: str) -> None:
    links = ResultLinks()
    links.remember(UNTRACKED[name], uuid7())
    assert links.find(UNTRACKED[name]) is None


def test_the_kind_of_run_is_kept_and_the_latest_run_counts() -> None:
    links, first, second = ResultLinks(), uuid7(), uuid7()
    value = Thing()
    links.remember(value, first)
    links.remember(value, second, FlowRunResult)
    assert links.find(value) == FlowRunResult(id=second)


def test_equal_values_are_not_the_same_value() -> None:
    links = ResultLinks()
    links.remember([int("1000")], uuid7())
    links.remember(Decimal("1.5"), uuid7())
    assert links.find([int("1000")]) is None
    assert links.find(Decimal("1.5")) is None


def test_items_of_a_returned_tuple_list_or_dict_are_linked() -> None:
    links, run_id = ResultLinks(), uuid7()
    first, second, third = Thing(), Thing(), Thing()
    links.remember((first, second), run_id)
    links.remember({"x": third}, run_id)
    assert links.find(second) == links.find(third) == TaskRunResult(id=run_id)


def test_items_of_long_collections_are_not_linked() -> None:
    links = ResultLinks()
    things = [Thing() for _ in range(LINKED_ITEMS + 1)]
    links.remember(things, uuid7())
    assert links.find(things[0]) is None
    assert links.find(things) is not None


def test_values_inside_arguments_are_found_in_order() -> None:
    links, first, second = ResultLinks(), uuid7(), uuid7()
    one, two = Thing(), "a longer text"
    links.remember(one, first)
    links.remember(two, second)
    assert links.find_inside({"x": [1, two, (one, two)]}) == [
        TaskRunResult(id=second),
        TaskRunResult(id=first),
    ]
    assert links.find_inside([1, 2, 3]) == []


def test_a_mutated_list_is_still_known_by_what_was_in_it() -> None:
    links, run_id = ResultLinks(), uuid7()
    returned = rows(100)
    links.remember(returned, run_id)
    returned.append({"id": 5})
    assert links.find(returned) == TaskRunResult(id=run_id)


@pytest.mark.parametrize(
    "make", [Thing, lambda: [Thing()], lambda: {"a": [Thing()]}, lambda: [[Thing()] * 50]]
)
def test_no_object_is_kept_alive(make: Any) -> None:
    links = ResultLinks()
    value = make()
    inner = value
    while not isinstance(inner, Thing):
        inner = next(iter(inner.values() if isinstance(inner, dict) else inner))
    alive = weakref.ref(inner)
    links.remember(value, uuid7())
    del value, inner
    gc.collect()
    assert alive() is None


def test_large_collections_and_texts_are_not_kept_alive() -> None:
    class Kept(list[Any]):
        """A list that can be watched."""

    links = ResultLinks()
    inner = Kept()
    watched = weakref.ref(inner)
    big: list[Any] = [*range(1000), inner]
    links.remember(big, uuid7())
    links.remember("x" * 10**6, uuid7())
    del big, inner
    gc.collect()
    assert watched() is None
    assert all(not isinstance(held, str) for held, *_ in links._recent.values())


def test_links_do_not_grow_without_bound() -> None:
    links = ResultLinks()
    values = [number + 10**6 for number in range(3 * GENERATION)]
    for value in values:
        links.remember(value, uuid7())
    assert links.find(values[-1]) is not None
    assert links.find(values[-GENERATION]) is not None
    assert links.find(values[0]) is None
    assert len(links._recent) + len(links._older) <= 2 * GENERATION


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [lambda n: [n, n], lambda n: {"n": n}, lambda n: n, lambda n: str(n), lambda n: rows(n % 50)]
        )
    )
)
def test_a_value_is_never_taken_for_an_earlier_one_at_its_address(makers: list[Any]) -> None:
    links = ResultLinks()
    for number, make in enumerate(makers):
        links.remember(make(number + 1000), uuid7())
        fresh = make(number + 5000)
        assert links.find(fresh) is None


def test_whether_anything_may_be_known_is_answered_by_address() -> None:
    links, value = ResultLinks(), Thing()
    assert not links.knows_any([value])
    links.remember(value, uuid7())
    assert links.knows_any([1, value])
    for number in range(GENERATION):
        links.remember(number + 10**6, uuid7())
    assert links.knows_any([value])
    assert links.find(value) is not None


def test_threads_may_remember_and_find_at_once() -> None:
    links = ResultLinks()
    wrong: list[UUID] = []

    def work(run_id: UUID) -> None:
        for number in range(GENERATION):
            value = [float(number)]
            links.remember(value, run_id)
            found = links.find(value)
            if found is not None and found.id != run_id:
                wrong.append(found.id)

    threads = [threading.Thread(target=work, args=(uuid7(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
