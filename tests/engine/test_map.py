"""`Task.map`: one run for each element."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from headrace import allow_failure, task, unmapped
from headrace.exceptions import (
    MappingLengthMismatch,
    MappingMissingIterable,
    ParameterBindError,
    UpstreamTaskError,
)
from headrace.futures import FutureList
from headrace.utilities.annotations import quote


@pytest.fixture
def given(colour) -> Any:
    return colour.task(lambda a, b=None, **kwargs: (a, b, kwargs), name="given")


@pytest.fixture
def only_odd(colour) -> Any:
    @colour.task
    def only_odd(n: int) -> int:
        if n % 2 == 0:
            raise ValueError(f"{n} is even")
        return n

    return only_odd


@pytest.mark.parametrize(
    ("iterable", "expected"),
    [
        ([1, 2], [1, 2]),
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, ["a", "b"]),
        ({5}, [5]),
        (range(3), [0, 1, 2]),
        ([], []),
    ],
)
def test_any_collection_can_be_mapped_over(in_flow, same, iterable: Any, expected: list[Any]) -> None:
    assert in_flow(lambda: same.map(iterable).result()) == expected


@pytest.mark.parametrize("make", [lambda: iter([1, 2]), lambda: (n for n in [1, 2]), lambda: map(int, "12")])
def test_iterators_can_be_mapped_over(in_flow, same, make: Any) -> None:
    assert in_flow(lambda: same.map(make()).result()) == [1, 2]


def test_a_numpy_array_can_be_mapped_over(in_flow, add) -> None:
    import numpy

    assert in_flow(lambda: add.map(numpy.array([1, 2])).result()) == [2, 3]


def test_map_returns_a_list_of_futures_in_order(colour, in_flow, recorded) -> None:
    counted = colour.task(lambda n: n + 1, name="counted")

    def mapping() -> list[int]:
        futures = counted.map([1, 2, 3])
        assert isinstance(futures, FutureList)
        assert len(futures) == 3
        return [future.result() for future in futures]

    assert in_flow(mapping) == [2, 3, 4]
    assert [run.state_name for run in recorded.task_runs("counted")] == ["Completed"] * 3


def test_mapped_arguments_go_together(in_flow, add, given) -> None:
    assert in_flow(lambda: add.map([1, 2], [10, 20]).result()) == [11, 22]
    assert in_flow(lambda: add.map(a=[1, 2], b=(10, 20)).result()) == [11, 22]
    assert in_flow(lambda: given.map([1, 2], [3, 4], x=[5, 6]).result()) == [
        (1, 3, {"x": 5}),
        (2, 4, {"x": 6}),
    ]


@pytest.mark.parametrize("scalar", [5, None, object(), 2.5])
def test_values_that_are_no_collections_go_to_every_run(in_flow, given, scalar: Any) -> None:
    assert in_flow(lambda: given.map([1, 2], scalar).result()) == [(1, scalar, {}), (2, scalar, {})]


@pytest.mark.parametrize("text", ["ab", b"ab"])
def test_text_and_bytes_go_to_every_run_whole(in_flow, same, given, text: Any) -> None:
    assert in_flow(lambda: given.map([1, 2], text).result()) == [(1, text, {}), (2, text, {})]
    with pytest.raises(MappingMissingIterable):
        in_flow(lambda: same.map(text))


def test_unmapped_collections_go_to_every_run_whole(in_flow, given) -> None:
    assert in_flow(lambda: given.map([1, 2], unmapped([3, 4])).result()) == [
        (1, [3, 4], {}),
        (2, [3, 4], {}),
    ]
    assert in_flow(lambda: given.map([1, 2], x=unmapped({3})).result()) == [
        (1, None, {"x": {3}}),
        (2, None, {"x": {3}}),
    ]


def test_defaults_are_not_mapped_over(colour, in_flow) -> None:
    @colour.task
    def with_default(a: int, b: tuple[int, ...] = (7, 8, 9)) -> Any:
        return a, b

    assert in_flow(lambda: with_default.map([1, 2]).result()) == [(1, (7, 8, 9)), (2, (7, 8, 9))]


def test_collections_of_different_lengths_are_refused(in_flow, add) -> None:
    with pytest.raises(MappingLengthMismatch, match=r"'a': 2, 'b': 3"):
        in_flow(lambda: add.map([1, 2], [1, 2, 3]))


@pytest.mark.parametrize("arguments", [(1,), (1, 2), (unmapped([1]),), ("text",)])
def test_arguments_without_any_collection_are_refused(in_flow, add, arguments: Any) -> None:
    with pytest.raises(MappingMissingIterable, match="iterable"):
        in_flow(lambda: add.map(*arguments))


def test_arguments_that_do_not_fit_the_function_are_refused(in_flow, add) -> None:
    with pytest.raises(ParameterBindError, match="add"):
        in_flow(lambda: add.map([1], c=[2]))


def test_return_state_gives_the_final_states_in_order(in_flow, only_odd) -> None:
    def mapping() -> list[str]:
        return [str(state) for state in only_odd.map([1, 2], return_state=True)]

    assert in_flow(mapping) == [
        "Completed()",
        "Failed('Task run encountered an exception ValueError: 2 is even')",
    ]


def test_a_failed_element_raises_or_is_returned_in_its_place(in_flow, only_odd) -> None:
    def mapping() -> list[str]:
        futures = only_odd.map([1, 2, 3])
        with pytest.raises(ValueError, match="2 is even"):
            futures.result()
        return [str(value) for value in futures.result(raise_on_failure=False)]

    assert in_flow(mapping) == ["1", "2 is even", "3"]


# --- Futures ---------------------------------------------------------------------------------------------------


def test_a_map_can_be_mapped_over(in_flow, add, same, recorded) -> None:
    assert in_flow(lambda: same.map(add.map([1, 2])).result()) == [2, 3]
    upstream = [[run.id for run in last.task_inputs["value"]] for last in recorded.task_runs("same")]
    assert upstream == [[run.id] for run in recorded.task_runs("add")]


def test_an_element_runs_as_soon_as_its_own_upstream_has_ended(in_flow) -> None:
    """The second element of the first map waits for the first element of the second."""
    released = threading.Event()

    @task
    def first(n: int) -> int:
        assert n == 0 or released.wait(60)
        return n

    @task
    def second(n: int) -> int:
        released.set()
        return n

    assert in_flow(lambda: second.map(first.map([0, 1])).result()) == [0, 1]


def test_a_list_of_submitted_futures_can_be_mapped_over(in_flow, add) -> None:
    assert in_flow(lambda: add.map([add.submit(1), 5]).result()) == [3, 6]


def test_a_future_or_state_of_a_collection_is_mapped_over(in_flow, add, same) -> None:
    assert in_flow(lambda: add.map(same.submit([1, 2])).result()) == [2, 3]
    assert in_flow(lambda: add.map(same.submit([1, 2], return_state=True)).result()) == [2, 3]


def test_a_future_of_a_single_value_goes_to_every_run(in_flow, add) -> None:
    assert in_flow(lambda: add.map([1, 2], add.submit(1)).result()) == [3, 4]


def test_an_unmapped_future_goes_to_every_run_as_its_result(in_flow, same, given, recorded) -> None:
    assert in_flow(lambda: given.map([1, 2], unmapped(same.submit([3]))).result()) == [
        (1, [3], {}),
        (2, [3], {}),
    ]
    upstream = recorded.task_run("same").id
    assert all(upstream in {run.id for run in last.task_inputs["b"]} for last in recorded.task_runs("given"))


def test_only_elements_whose_upstream_failed_are_held_back(in_flow, same, only_odd) -> None:
    def mapping() -> list[str]:
        return [state.name for state in same.map(only_odd.map([1, 2, 3]), return_state=True)]

    assert in_flow(mapping) == ["Completed", "NotReady", "Completed"]


def test_mapping_over_one_failed_future_is_an_error(in_flow, same, only_odd) -> None:
    with pytest.raises(UpstreamTaskError):
        in_flow(lambda: same.map(only_odd.submit(2)))


def test_allow_failure_passes_exceptions_in_place_of_failed_elements(in_flow, same, only_odd) -> None:
    def mapping() -> list[str]:
        return [str(value) for value in same.map(allow_failure(only_odd.map([1, 2, 3]))).result()]

    assert in_flow(mapping) == ["1", "2 is even", "3"]


def test_elements_in_quotes_are_passed_as_they_are(colour, in_flow, add) -> None:
    seen: list[Any] = []
    look = colour.task(lambda value: seen.append(value))

    def mapping() -> None:
        future = add.submit(1)
        look.map([quote(future)]).wait()
        assert seen == [future]

    in_flow(mapping)


def test_wait_for_holds_for_every_element(in_flow, add, only_odd) -> None:
    def mapping() -> list[str]:
        assert add.map([1, 2], wait_for=[add.submit(1)]).result() == [2, 3]
        return [state.name for state in add.map([1, 2], wait_for=[only_odd.submit(2)], return_state=True)]

    assert in_flow(mapping) == ["NotReady", "NotReady"]


def test_async_tasks_can_be_mapped_in_both_colours_of_flow(colour) -> None:
    @task
    async def later(n: int) -> int:
        return n + 1

    assert colour.run(colour.flow(lambda: later.map([1, 2]).result())) == [2, 3]


def test_a_task_can_map_another_within_a_flow(colour, in_flow, add) -> None:
    @colour.task
    def outer() -> list[int]:
        return add.map([1, 2]).result()

    assert in_flow(lambda: outer.submit().result()) == [2, 3]


def test_a_thousand_elements_are_all_recorded_when_the_flow_returns(in_flow, add, recorded) -> None:
    assert in_flow(lambda: sum(add.map(range(1000), 1).result())) == 500500
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 1000


def test_an_endless_iterator_of_unmapped_arguments_is_not_touched(in_flow, given) -> None:
    counter = itertools.count()
    assert in_flow(lambda: given.map([1, 2], unmapped(counter)).result()) == [
        (1, counter, {}),
        (2, counter, {}),
    ]
    assert next(counter) == 0
