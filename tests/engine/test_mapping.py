"""Expanding the arguments of `map` (`engine.mapping`)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.annotations import allow_failure, quote, unmapped
from headrace.core.ids import uuid7
from headrace.engine.mapping import expand_map, isiterable
from headrace.exceptions import MappingLengthMismatch, MappingMissingIterable, UpstreamTaskError
from headrace.results import ResultRecord
from headrace.schema.states import State, StateDetails, StateType


def completed(value: Any) -> State[Any]:
    details = StateDetails(task_run_id=uuid7())
    return State(type=StateType.COMPLETED, data=ResultRecord(value), state_details=details)


@settings(max_examples=60)
@given(st.integers(0, 6), st.integers(1, 4))
def test_each_call_gets_its_item_of_every_iterable(length: int, names: int) -> None:
    parameters = {f"p{name}": [(name, item) for item in range(length)] for name in range(names)}
    calls = expand_map(parameters)
    assert calls == [{f"p{name}": (name, item) for name in range(names)} for item in range(length)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: [1, 2],
        lambda: (1, 2),
        lambda: {1: "a", 2: "b"},
        lambda: range(1, 3),
        lambda: iter([1, 2]),
        lambda: np.array([1, 2]),
    ],
)
def test_everything_iterable_is_mapped_over(make: Callable[[], Any]) -> None:
    assert expand_map({"x": make()}) == [{"x": 1}, {"x": 2}]


@pytest.mark.parametrize("whole", ["ab", b"ab", 5, None, io.StringIO("ab"), unmapped([1, 2]), object()])
def test_other_values_go_to_every_call(whole: Any) -> None:
    expected = whole.value if isinstance(whole, unmapped) else whole
    assert expand_map({"x": [1, 2], "y": whole}) == [{"x": 1, "y": expected}, {"x": 2, "y": expected}]


def test_defaults_are_never_mapped_over() -> None:
    assert expand_map({"x": [1]}, {"x": [9], "y": [5, 6]}) == [{"x": 1, "y": [5, 6]}]


def test_items_of_keyword_arguments_are_mapped_singly() -> None:
    calls = expand_map({"x": [1, 2], "kw": {"y": [3, 4], "z": 5, "w": unmapped([6])}}, keywords="kw")
    assert calls == [
        {"x": 1, "kw": {"y": 3, "z": 5, "w": [6]}},
        {"x": 2, "kw": {"y": 4, "z": 5, "w": [6]}},
    ]
    assert expand_map({"kw": {"y": [3]}}, keywords="kw") == [{"kw": {"y": 3}}]


def test_annotations_go_to_each_item() -> None:
    calls = expand_map({"x": allow_failure([1, 2]), "y": quote([3, 4])})
    assert calls == [{"x": allow_failure(1), "y": quote(3)}, {"x": allow_failure(2), "y": quote(4)}]


def test_a_state_stands_for_its_result() -> None:
    assert expand_map({"x": completed([1, 2]), "y": completed("whole")})[1]["x"] == 2
    assert expand_map({"x": allow_failure(completed([1]))}) == [{"x": allow_failure(1)}]
    broken: State[Any] = State(type=StateType.FAILED, state_details=StateDetails(task_run_id=uuid7()))
    with pytest.raises(UpstreamTaskError):
        expand_map({"x": broken})
    with pytest.raises(MappingMissingIterable):
        expand_map({"x": quote(completed([1]))})


def test_states_inside_an_iterable_are_items() -> None:
    first, second = completed(1), completed(2)
    assert expand_map({"x": [first, second], "y": unmapped(first)}) == [
        {"x": first, "y": first},
        {"x": second, "y": first},
    ]


def test_without_an_iterable_the_arguments_are_named() -> None:
    with pytest.raises(MappingMissingIterable) as refusal:
        expand_map({"x": 1, "y": "z" * 10**6})
    message = str(refusal.value)
    assert message.startswith("No iterable parameters were received.")
    assert "{'x': '1', 'y': " in message
    assert len(message) < 1000


def test_iterables_of_different_lengths_are_named() -> None:
    with pytest.raises(MappingLengthMismatch, match=r"Got lengths: \{'x': 2, 'y': 3, 'w': 1\}"):
        expand_map({"x": [1, 2], "y": [1, 2, 3], "z": 5, "kw": {"w": [1]}}, keywords="kw")


def test_empty_iterables_make_no_calls() -> None:
    assert expand_map({"x": [], "y": 1}) == []


def test_what_can_be_iterated_over() -> None:
    assert all(map(isiterable, [[], (), set(), {}, range(1), iter([]), bytearray(b"x")]))
    assert not any(map(isiterable, ["x", b"x", 5, None, io.BytesIO()]))
