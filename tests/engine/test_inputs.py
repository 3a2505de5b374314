"""What tasks depend on: futures and states in their arguments, and upstream runs that did not complete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from headrace import allow_failure
from headrace.exceptions import UnfinishedRun
from headrace.utilities.annotations import quote

# --- Futures as arguments --------------------------------------------------------------------------------------


@dataclass
class Box:
    content: Any


def test_futures_anywhere_in_arguments_become_results(colour, in_flow, add) -> None:
    given = colour.task(lambda *args, **kwargs: (args, kwargs))

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

    args, kwargs = in_flow(nesting)
    assert args == (1, [1, (1, {"k": 1})], {1: [1]}, Box(1), [[[[1]]]])
    assert kwargs == {"x": 1, "y": {2}, "z": frozenset([1])}


def test_a_callers_containers_are_left_as_they_were(colour, in_flow, add, same) -> None:
    async def nesting() -> None:
        future = add.submit(0)
        given = {"k": [future]}
        await colour.call(same, given)
        assert given["k"] == [future]

    in_flow(nesting)


def test_states_in_arguments_become_results(colour, in_flow, add) -> None:
    async def passing() -> int:
        state = await colour.call(add, 1, return_state=True)
        return await colour.call(add, state, b=add.submit(3, return_state=True))

    assert in_flow(passing) == 6


def test_futures_are_recorded_as_inputs(in_flow, add, same, recorded) -> None:
    def depending() -> None:
        one = add.submit(1)
        same.submit([one, 5], wait_for=[add.submit(one, b=2)]).wait()

    in_flow(depending)
    one, two = recorded.task_runs("add")
    last = recorded.task_run("same")
    assert [run.id for run in two.task_inputs["a"]] == [one.id]
    assert two.task_inputs["b"] == []
    assert [run.id for run in last.task_inputs["value"]] == [one.id]
    assert [run.id for run in last.task_inputs["wait_for"]] == [two.id]


def test_results_that_are_passed_on_as_values_are_recorded_as_inputs(colour, in_flow, same, recorded) -> None:
    async def depending() -> None:
        rows = await colour.call(same, [1, 2])
        await colour.call(same, {"rows": rows})

    in_flow(depending)
    first, second = recorded.task_runs()
    assert [run.id for run in second.task_inputs["value"]] == [first.id]


def test_variable_arguments_are_recorded_as_inputs_under_their_names(colour, in_flow, add, recorded) -> None:
    @colour.task
    def collect(*args: Any, **kwargs: Any) -> int:
        return len(args) + len(kwargs)

    def depending() -> int:
        one = add.submit(1)
        return collect.submit(one, one, x=one).result()

    assert in_flow(depending) == 3
    inputs = recorded.task_run("collect").task_inputs
    assert {name: {run.id for run in runs} for name, runs in inputs.items()} == {
        "args": {recorded.task_run("add").id},
        "kwargs": {recorded.task_run("add").id},
    }


def test_quote_passes_a_future_as_it_is(colour, in_flow, add) -> None:
    seen: list[Any] = []
    look = colour.task(lambda value: seen.append(value))

    async def quoting() -> None:
        future = add.submit(1)
        await colour.call(look, quote(future))
        await colour.call(look, quote([future]))
        assert seen == [future, [future]]

    in_flow(quoting)


# --- Upstream runs that did not complete -----------------------------------------------------------------------


def test_a_task_whose_upstream_failed_is_not_run(in_flow, add, boom, recorded) -> None:
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

    assert in_flow(body) == 1
    assert recorded.history(recorded.task_run("add")) == ["Pending", "NotReady"]
    assert recorded.task_run("add").run_count == 0


def test_a_call_whose_upstream_failed_gives_none_or_the_state(colour, in_flow, boom) -> None:
    never = colour.task(lambda value: pytest.fail("must not be called"))

    async def passing() -> Any:
        return await colour.call(never, boom.submit()), await colour.call(
            never, [boom.submit()], return_state=True
        )

    result, state = in_flow(passing)
    assert result is None
    assert (state.type.value, state.name) == ("PENDING", "NotReady")


def test_a_failed_state_holds_a_task_back_as_a_failed_future_does(colour, in_flow, add, boom) -> None:
    async def passing() -> str:
        failed = await colour.call(boom, return_state=True)
        return (await colour.call(add, failed, return_state=True)).name

    assert in_flow(passing) == "NotReady"


def test_what_depends_on_a_task_that_was_held_back_is_held_back_too(in_flow, add, boom) -> None:
    def chaining() -> None:
        held = add.submit(boom.submit())
        last = add.submit(held, return_state=True)
        assert last.message == f"Upstream task run '{held.task_run_id}' did not reach a 'COMPLETED' state."

    in_flow(chaining)


def test_wait_for_a_failed_run_holds_a_task_back(colour, in_flow, add, boom) -> None:
    async def waiting() -> tuple[str, str]:
        failed = boom.submit()
        return (
            (await colour.call(add, 1, wait_for=[failed], return_state=True)).name,
            add.submit(1, wait_for=[failed], return_state=True).name,
        )

    assert in_flow(waiting) == ("NotReady", "NotReady")


def test_allow_failure_passes_the_exception_of_a_failed_run(colour, in_flow, add, same, boom) -> None:
    async def allowing() -> None:
        failed = boom.submit()
        assert isinstance(await colour.call(same, allow_failure(failed)), ValueError)
        assert isinstance(same.submit(allow_failure(failed)).result(), ValueError)
        assert [str(value) for value in await colour.call(same, allow_failure([failed, 1]))] == ["boom", "1"]
        assert [str(value) for value in await colour.call(same, [allow_failure(failed), 1])] == ["boom", "1"]
        assert await colour.call(add, 1, wait_for=[allow_failure(failed)]) == 2

    in_flow(allowing)
