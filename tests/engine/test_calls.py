"""Calling flows and tasks: what the caller gets, what is recorded, and how the colours mix."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from typing import Any

import pytest

from headrace import flow, task
from headrace.exceptions import ParameterBindError, ParameterTypeError, ReservedArgumentError


def test_a_flow_call_returns_what_the_function_returns(colour, recorded) -> None:
    assert colour.run(colour.flow(lambda a, b=2: (a, b)), 1) == (1, 2)
    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Completed"]


def test_a_task_call_in_a_flow_returns_what_the_function_returns(colour, recorded) -> None:
    @colour.task
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert colour.run(colour.flow_calling(functools.partial(add, b=5), 1)) == 6
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Completed"]
    assert recorded.task_run().flow_run_id == recorded.flow_run().id


def test_an_error_in_a_flow_reaches_the_caller_as_the_same_object(colour, recorded) -> None:
    error = ValueError("no good")

    @colour.flow
    def failing() -> None:
        raise error

    with pytest.raises(ValueError, match="no good") as caught:
        colour.run(failing)
    assert caught.value is error
    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Failed"]


def test_an_error_in_a_task_reaches_the_flow_and_fails_both(colour, recorded) -> None:
    @colour.task
    def failing() -> None:
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        colour.run(colour.flow_calling(failing))
    assert recorded.task_run().state_name == recorded.flow_run().state_name == "Failed"


def test_an_error_that_the_flow_catches_does_not_fail_it(recorded) -> None:
    @task
    def failing() -> None:
        raise ValueError("no good")

    @flow
    def careful() -> str:
        try:
            failing()
        except ValueError:
            return "caught"
        return "not raised"

    assert careful() == "caught"
    assert recorded.task_run().state_name == "Failed"
    assert recorded.flow_run().state_name == "Completed"


def test_return_state_gives_the_final_state_of_a_flow(colour) -> None:
    state = colour.state(colour.flow(lambda: 7))
    assert (state.type.value, state.name, state.message) == ("COMPLETED", "Completed", None)
    assert state.result() == 7
    assert state.data.result == 7


def test_return_state_gives_the_final_state_of_a_task(colour) -> None:
    state = colour.run(colour.task(lambda: 7), return_state=True)
    assert (state.type.value, state.name, state.result()) == ("COMPLETED", "Completed", 7)


def test_return_state_gives_a_failed_state_and_does_not_raise(colour) -> None:
    @colour.task
    def failing() -> None:
        raise ValueError("no good")

    state = colour.run(failing, return_state=True)
    assert str(state) == "Failed('Task run encountered an exception ValueError: no good')"
    with pytest.raises(ValueError, match="no good"):
        state.result()
    assert isinstance(state.result(raise_on_failure=False), ValueError)


def test_a_task_outside_flows_runs_and_is_recorded_without_a_flow_run(colour, recorded) -> None:
    @colour.task
    def add(a: int, b: int = 1) -> int:
        return a + b

    assert colour.run(add, 1) == 2
    run = recorded.task_run()
    assert (run.flow_run_id, run.name, run.state_name) == (None, "add", "Completed")
    assert recorded.flow_runs() == []


def test_a_task_in_a_task_is_a_run_of_the_same_flow_run(recorded) -> None:
    @task
    def inner() -> int:
        return 1

    @task
    def outer() -> int:
        return inner() + 1

    @flow
    def nesting() -> int:
        return outer()

    assert nesting() == 2
    outer_run, inner_run = recorded.task_run("outer"), recorded.task_run("inner")
    assert inner_run.flow_run_id == outer_run.flow_run_id == recorded.flow_run().id
    assert [parent.id for parent in inner_run.task_inputs["__parents__"]] == [outer_run.id]


def test_a_task_in_a_task_outside_flows_is_recorded(recorded) -> None:
    @task
    def inner() -> int:
        return 1

    @task
    def outer() -> int:
        return inner() + 1

    assert outer() == 2
    assert {run.name for run in recorded.task_runs()} == {"inner", "outer"}


@pytest.mark.parametrize("option", ["return_state", "wait_for"])
def test_parameters_that_calls_use_themselves_are_refused(option: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"def fn({option}): pass", namespace)
    with pytest.raises(ReservedArgumentError, match=option):
        task(namespace["fn"])
    with pytest.raises(ReservedArgumentError, match=option):
        flow(namespace["fn"])


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"a": 1})])
def test_arguments_that_do_not_fit_are_refused_before_there_is_a_run(colour, recorded, args, kwargs) -> None:
    def fn(a: int, b: int = 1) -> int:
        return a + b

    for definition in (colour.flow(fn), colour.task(fn)):
        with pytest.raises(ParameterBindError, match="fn"):
            colour.run(definition, *args, **kwargs)
        with pytest.raises(TypeError):
            colour.run(definition, *args, return_state=True, **kwargs)
    assert not recorded.path.exists() or (recorded.flow_runs() == [] and recorded.task_runs() == [])


def test_every_kind_of_parameter_reaches_the_function(colour) -> None:
    def fn(a: Any, /, b: Any, *args: Any, c: Any = 3, **kwargs: Any) -> Any:
        return a, b, args, c, kwargs

    expected = (1, 2, (4, 5), 6, {"d": 7, "a": 8})
    assert colour.run(colour.flow(fn), 1, 2, 4, 5, c=6, d=7, a=8) == expected
    assert colour.run(colour.task(fn), 1, 2, 4, 5, c=6, d=7, a=8) == expected


def test_parameters_may_have_the_names_of_built_in_functions(colour) -> None:
    assert colour.run(colour.task(lambda min, max, list: (min, max, list)), 1, 2, list=3) == (1, 2, 3)


def test_flow_parameters_are_coerced_by_their_annotations(colour) -> None:
    def fn(a: int, b: list[float] | None = None) -> Any:
        return a, b

    assert colour.run(colour.flow(fn), "3", ["4"]) == (3, [4.0])


def test_a_parameter_that_does_not_fit_its_annotation_fails_the_run(colour, recorded) -> None:
    def fn(a: int) -> None:
        raise AssertionError("must not be called")

    with pytest.raises(ParameterTypeError, match=r"a: .*valid integer"):
        colour.run(colour.flow(fn), "three")
    state = colour.state(colour.flow(fn), "three")
    assert state.is_failed()
    assert state.message.startswith("Validation of flow parameters failed with error: ParameterTypeError: ")
    assert [run.state_name for run in recorded.flow_runs()] == ["Failed", "Failed"]


def test_validate_parameters_false_passes_values_as_they_are(colour) -> None:
    def fn(a: int) -> Any:
        return a

    assert colour.run(colour.flow(fn, validate_parameters=False), "three") == "three"


def test_a_flow_may_change_its_arguments_without_changing_what_is_recorded(recorded) -> None:
    @flow
    def changing(items: list[int]) -> list[int]:
        items.append(3)
        return items

    assert changing([1, 2]) == [1, 2, 3]
    assert recorded.flow_run().parameters == {"items": [1, 2]}


def test_a_call_of_an_async_flow_or_task_is_a_coroutine() -> None:
    @task
    async def a_task() -> int:
        return 1

    @flow
    async def a_flow() -> int:
        pending = a_task()
        assert inspect.iscoroutine(pending)
        return await pending

    async def main() -> int:
        pending = a_flow()
        assert inspect.iscoroutine(pending)
        return await pending

    assert asyncio.run(main()) == 1


def test_a_coroutine_that_is_never_awaited_starts_nothing(recorded) -> None:
    @flow
    async def a_flow() -> None:
        raise AssertionError("must not be called")

    a_flow().close()
    assert not recorded.path.exists() or recorded.flow_runs() == []


def test_an_async_flow_calls_sync_tasks_directly() -> None:
    @task
    def plain(a: int) -> int:
        return a + 1

    @flow
    async def mixing() -> tuple[int, int, int]:
        return plain(1), plain.submit(2).result(), await asyncio.to_thread(plain, 3)

    assert asyncio.run(mixing()) == (2, 3, 4)


def test_a_sync_flow_that_calls_an_async_task_gets_its_result() -> None:
    @task
    async def add(a: int) -> int:
        await asyncio.sleep(0)
        return a + 1

    @flow
    def mixing() -> tuple[int, Any, list[int]]:
        return add(1), add(2, return_state=True).result(), add.map([3, 4]).result()

    assert mixing() == (2, 3, [4, 5])


def test_async_tasks_of_one_flow_run_concurrently_on_its_loop(recorded) -> None:
    @task
    async def meet(barrier: asyncio.Barrier) -> int:
        await barrier.wait()
        return id(asyncio.get_running_loop())

    @flow
    async def gathering() -> bool:
        barrier = asyncio.Barrier(5)
        loops = await asyncio.gather(*(meet(barrier) for _ in range(5)))
        return set(loops) == {id(asyncio.get_running_loop())}

    assert asyncio.run(gathering())
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 5


def test_flows_run_concurrently_in_threads(recorded) -> None:
    barrier = threading.Barrier(4)
    results: list[int] = []

    @task
    def double(n: int) -> int:
        return 2 * n

    @flow
    def meeting(n: int) -> int:
        barrier.wait(60)
        return double(n)

    threads = [threading.Thread(target=lambda n=n: results.append(meeting(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 2, 4, 6]
    assert {run.flow_run_id for run in recorded.task_runs()} == {run.id for run in recorded.flow_runs()}


def test_flows_run_concurrently_on_one_loop(recorded) -> None:
    @task
    async def double(n: int) -> int:
        return 2 * n

    @flow
    async def meeting(n: int, barrier: Any) -> int:
        await barrier.wait()
        return await double(n)

    async def main() -> list[int]:
        barrier = asyncio.Barrier(4)
        return await asyncio.gather(*(meeting(n, barrier) for n in range(4)))

    assert asyncio.run(main()) == [0, 2, 4, 6]
    assert {run.flow_run_id for run in recorded.task_runs()} == {run.id for run in recorded.flow_runs()}


def test_a_flow_can_be_called_again_and_again(colour, recorded) -> None:
    again = colour.flow(lambda n: n)
    assert [colour.run(again, n) for n in range(3)] == [0, 1, 2]
    assert len(recorded.flow_runs()) == 3


def test_a_flow_can_call_itself(recorded) -> None:
    @flow
    def countdown(n: int) -> int:
        return 0 if n == 0 else 1 + countdown(n - 1)

    assert countdown(3) == 3
    assert len(recorded.flow_runs("countdown")) == 4


def test_wait_for_takes_one_future_or_several(colour, in_flow, recorded) -> None:
    step = colour.task(lambda: 1)

    async def waiting() -> list[int]:
        state = await colour.call(step, return_state=True)
        one = await colour.call(step, wait_for=step.submit())
        return [one, await colour.call(step, wait_for=[step.submit(), state])]

    assert in_flow(waiting) == [1, 1]
    waited = [len(run.task_inputs.get("wait_for", [])) for run in recorded.task_runs()]
    assert sorted(waited) == [0, 0, 0, 1, 2]


def test_a_flow_without_arguments_waits_for_what_it_was_told(recorded) -> None:
    finished: list[str] = []

    @task
    def first() -> None:
        finished.append("first")

    @flow
    def second() -> None:
        finished.append("second")

    @flow
    def parent() -> None:
        second(wait_for=[first.submit()])

    parent()
    assert finished == ["first", "second"]


def test_when_a_flow_returns_everything_it_submitted_has_ended_and_is_recorded(colour, recorded) -> None:
    @task
    def step(n: int) -> int:
        return n

    @colour.flow
    def careless() -> str:
        for n in range(20):
            step.submit(n)
        return "done"

    assert colour.run(careless) == "done"
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 20


def test_fn_is_the_plain_function_and_records_nothing(colour, recorded) -> None:
    def fn(a: int) -> int:
        return a + 1

    assert colour.run(colour.flow(fn).fn, 1) == colour.run(colour.task(fn).fn, 1) == 2
    assert not recorded.path.exists()
