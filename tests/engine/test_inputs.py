"""What tasks depend on: futures and states in their arguments, and upstream runs that did not complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from headrace import allow_failure, flow, task
from headrace.exceptions import UnfinishedRun
from headrace.utilities.annotations import quote


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
def same(value: Any) -> Any:
    return value


@task
def boom() -> None:
    raise ValueError("boom")


# --- Futures as arguments --------------------------------------------------------------------------------------


@dataclass
class Box:
    content: Any


def test_futures_anywhere_in_arguments_become_results(colour) -> None:
    given = colour.task(lambda *args, **kwargs: (args, kwargs))

    @colour.flow
    def nesting() -> Any:
        one = add.submit(0)
        return given.submit(
            one,
            [one, (one, {"k": one})],
            {one.result(): [one]},
            Box(one),
            [[[[one]]]],
            x=one,
            y={2},
            z=frozenset([one]),
        ).result()

    args, kwargs = colour.run(nesting)
    assert args == (1, [1, (1, {"k": 1})], {1: [1]}, Box(1), [[[[1]]]])
    assert kwargs == {"x": 1, "y": {2}, "z": frozenset([1])}


def test_a_callers_containers_are_left_as_they_were() -> None:
    @flow
    def nesting() -> None:
        future = add.submit(0)
        given = {"k": [future]}
        same(given)
        assert given["k"] == [future]

    nesting()


def test_states_in_arguments_become_results() -> None:
    @flow
    def passing() -> int:
        return add(add(1, return_state=True), b=add.submit(3, return_state=True))

    assert passing() == 6


def test_futures_are_recorded_as_inputs(recorded) -> None:
    @flow
    def depending() -> None:
        one = add.submit(1)
        same.submit([one, 5], wait_for=[add.submit(one, b=2)]).wait()

    depending()
    one, two = recorded.task_runs("add")
    last = recorded.task_run("same")
    assert [run.id for run in two.task_inputs["a"]] == [one.id]
    assert two.task_inputs["b"] == []
    assert [run.id for run in last.task_inputs["value"]] == [one.id]
    assert [run.id for run in last.task_inputs["wait_for"]] == [two.id]


def test_results_that_are_passed_on_as_values_are_recorded_as_inputs(recorded) -> None:
    @flow
    def depending() -> None:
        rows = same([1, 2])
        same({"rows": rows})

    depending()
    first, second = recorded.task_runs()
    assert [run.id for run in second.task_inputs["value"]] == [first.id]


def test_variable_arguments_are_recorded_as_inputs_under_their_names(recorded) -> None:
    @task
    def collect(*args: Any, **kwargs: Any) -> int:
        return len(args) + len(kwargs)

    @flow
    def depending() -> int:
        one = add.submit(1)
        return collect.submit(one, one, x=one).result()

    assert depending() == 3
    inputs = recorded.task_run("collect").task_inputs
    assert {name: {run.id for run in runs} for name, runs in inputs.items()} == {
        "args": {recorded.task_run("add").id},
        "kwargs": {recorded.task_run("add").id},
    }


def test_quote_passes_a_future_as_it_is() -> None:
    seen: list[Any] = []
    look = task(lambda value: seen.append(value))

    @flow
    def quoting() -> None:
        future = add.submit(1)
        look(quote(future))
        look(quote([future]))
        assert seen == [future, [future]]

    quoting()


# --- Upstream runs that did not complete -----------------------------------------------------------------------


def test_a_task_whose_upstream_failed_is_not_run(colour, recorded) -> None:
    def body() -> Any:
        failed = boom.submit()
        future = add.submit(failed)
        future.wait()
        assert str(future.state) == (
            f"NotReady(\"Upstream task run '{failed.task_run_id}' did not reach a 'COMPLETED' state.\", type=PENDING)"
        )
        for raise_on_failure in (True, False):
            with pytest.raises(UnfinishedRun):
                future.result(raise_on_failure=raise_on_failure)
        return 1

    assert colour.run(colour.flow(body)) == 1
    assert recorded.history(recorded.task_run("add")) == ["Pending", "NotReady"]
    assert recorded.task_run("add").run_count == 0


def test_a_call_whose_upstream_failed_gives_none_or_the_state(colour) -> None:
    never = colour.task(lambda value: pytest.fail("must not be called"))

    @flow
    async def passing_async() -> Any:
        return await never(boom.submit()), await never([boom.submit()], return_state=True)

    @flow
    def passing() -> Any:
        return never(boom.submit()), never([boom.submit()], return_state=True)

    result, state = colour.run(passing_async if colour.is_async else passing)
    assert result is None
    assert (state.type.value, state.name) == ("PENDING", "NotReady")


def test_a_failed_state_holds_a_task_back_as_a_failed_future_does() -> None:
    @flow
    def passing() -> str:
        return add(boom(return_state=True), return_state=True).name

    assert passing() == "NotReady"


def test_what_depends_on_a_task_that_was_held_back_is_held_back_too() -> None:
    @flow
    def chaining() -> None:
        held = add.submit(boom.submit())
        last = add.submit(held, return_state=True)
        assert last.message == f"Upstream task run '{held.task_run_id}' did not reach a 'COMPLETED' state."

    chaining()


def test_wait_for_a_failed_run_holds_a_task_back() -> None:
    @flow
    def waiting() -> tuple[str, str]:
        failed = boom.submit()
        return (
            add(1, wait_for=[failed], return_state=True).name,
            add.submit(1, wait_for=[failed], return_state=True).name,
        )

    assert waiting() == ("NotReady", "NotReady")


def test_allow_failure_passes_the_exception_of_a_failed_run() -> None:
    @flow
    def allowing() -> None:
        failed = boom.submit()
        assert isinstance(same(allow_failure(failed)), ValueError)
        assert isinstance(same.submit(allow_failure(failed)).result(), ValueError)
        assert [str(value) for value in same(allow_failure([failed, 1]))] == ["boom", "1"]
        assert [str(value) for value in same([allow_failure(failed), 1])] == ["boom", "1"]
        assert add(1, wait_for=[allow_failure(failed)]) == 2

    allowing()
