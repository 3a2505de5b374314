"""Generator functions as flows and tasks: what they yield streams to the caller while the run lasts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace import flow, task
from headrace.context import FlowRunContext, TaskRunContext


def kinds() -> Any:
    return pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])


def last_run(recorded: Any) -> Any:
    return [*recorded.flow_runs(), *recorded.task_runs()][-1]


# --- Sync ------------------------------------------------------------------------------------------------------


@kinds()
def test_values_stream_to_the_caller_while_the_run_lasts(decorate, recorded) -> None:
    told: list[str] = []

    @decorate
    def counting(n: int) -> Any:
        for i in range(n):
            told.append(f"makes {i}")
            yield i
        told.append("ends")

    generator = counting(2)
    assert told == []
    for value in generator:
        told.append(f"gets {value}")
    assert told == ["makes 0", "gets 0", "makes 1", "gets 1", "ends"]
    assert recorded.history(last_run(recorded)) == ["Pending", "Running", "Completed"]


@kinds()
def test_a_generator_that_yields_nothing_completes(decorate, recorded) -> None:
    @decorate
    def empty() -> Any:
        yield from ()

    assert list(empty()) == []
    assert last_run(recorded).state_name == "Completed"


@kinds()
def test_a_generator_gives_its_return_value_to_yield_from(decorate) -> None:
    @decorate
    def returning() -> Any:
        yield 1
        return 9

    def delegating() -> Any:
        yield (yield from returning())

    assert list(delegating()) == [1, 9]


@kinds()
def test_an_error_after_some_values_reaches_the_caller_and_fails_the_run(decorate, recorded) -> None:
    @decorate
    def failing() -> Any:
        yield 1
        raise KeyError("no more")

    generator = failing()
    assert next(generator) == 1
    with pytest.raises(KeyError, match="no more"):
        next(generator)
    assert last_run(recorded).state_name == "Failed"


@kinds()
def test_a_generator_that_is_closed_early_completes_and_cleans_up(decorate, recorded) -> None:
    told: list[str] = []

    @decorate
    def counting() -> Any:
        try:
            yield 1
            yield 2
        finally:
            told.append("cleaned up")

    generator = counting()
    assert next(generator) == 1
    generator.close()
    assert told == ["cleaned up"]
    assert last_run(recorded).state_type.value == "COMPLETED"
    assert list(generator) == []


@kinds()
def test_a_loop_that_is_left_early_completes_the_run(decorate, recorded) -> None:
    @decorate
    def counting() -> Any:
        yield from range(100)

    def look() -> None:
        for value in counting():
            if value == 3:
                break

    look()
    assert last_run(recorded).state_type.value == "COMPLETED"


@kinds()
def test_an_exception_thrown_in_reaches_the_function(decorate, recorded) -> None:
    @decorate
    def careful() -> Any:
        try:
            yield 1
        except ValueError as error:
            yield f"caught {error}"

    generator = careful()
    next(generator)
    assert generator.throw(ValueError("this")) == "caught this"
    assert list(generator) == []
    assert last_run(recorded).state_name == "Completed"


@kinds()
def test_an_exception_thrown_in_and_not_caught_fails_the_run(decorate, recorded) -> None:
    @decorate
    def careless() -> Any:
        yield 1

    generator = careless()
    next(generator)
    with pytest.raises(ValueError, match="this"):
        generator.throw(ValueError("this"))
    assert last_run(recorded).state_name == "Failed"


@kinds()
def test_values_sent_in_reach_the_function(decorate) -> None:
    @decorate
    def echoing() -> Any:
        heard = None
        while True:
            heard = yield heard

    generator = echoing()
    assert next(generator) is None
    assert [generator.send("a"), generator.send("b")] == ["a", "b"]
    generator.close()


def test_generators_interleave_within_one_flow(recorded) -> None:
    @task
    def counting(start: int) -> Any:
        for n in range(start, start + 3):
            assert TaskRunContext.get().parameters == {"start": start}
            yield n

    @flow
    def zipping() -> list[Any]:
        return list(zip(counting(0), counting(10), strict=True))

    assert zipping() == [(0, 10), (1, 11), (2, 12)]
    assert {run.flow_run_id for run in recorded.task_runs()} == {recorded.flow_run().id}


def test_the_context_of_a_generator_is_not_seen_between_its_values() -> None:
    @flow
    def flowing() -> Any:
        yield FlowRunContext.get() is not None
        yield FlowRunContext.get() is not None

    @task
    def tasking() -> Any:
        yield TaskRunContext.get() is not None
        yield TaskRunContext.get() is not None

    for generator, context in ((flowing(), FlowRunContext), (tasking(), TaskRunContext)):
        for inside in generator:
            assert inside
            assert context.get() is None


def test_a_generator_flow_may_call_tasks_between_its_values(recorded) -> None:
    @task
    def double(n: int) -> int:
        return 2 * n

    @flow
    def doubling() -> Any:
        for n in range(3):
            yield double(n)

    assert list(doubling()) == [0, 2, 4]
    assert {run.flow_run_id for run in recorded.task_runs()} == {recorded.flow_run().id}


def test_a_generator_subflow_streams_to_its_parent(recorded) -> None:
    @flow
    def child() -> Any:
        yield 1
        yield 2

    @flow
    def parent() -> list[int]:
        return list(child())

    assert parent() == [1, 2]
    assert recorded.flow_run("child").parent_task_run_id == recorded.task_run().id


def test_a_submitted_generator_task_gives_a_list(recorded) -> None:
    @task
    def counting(n: int) -> Any:
        yield from range(n)

    @task
    async def counting_async(n: int) -> Any:
        for i in range(n):
            yield i

    @flow
    def submitting() -> list[Any]:
        state = counting.submit(2, return_state=True)
        return [state.result(), counting.map([1, 2]).result(), counting_async.submit(3).result()]

    assert submitting() == [[0, 1], [[0], [0, 1]], [0, 1, 2]]
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}


@kinds()
def test_bad_arguments_of_a_generator_are_refused(decorate) -> None:
    @decorate
    def counting(n: int) -> Any:
        yield n

    with pytest.raises(TypeError, match="counting"):
        list(counting())


def test_a_generator_method_gets_its_instance() -> None:
    class Shelf:
        def __init__(self, items: list[int]) -> None:
            self.items = items

        @task
        def each(self) -> Any:
            yield from self.items

    assert list(Shelf([1, 2]).each()) == [1, 2]


def test_a_generator_that_the_flow_never_finishes_ends_with_the_flow(recorded) -> None:
    kept: list[Any] = []
    cleaned_up = []

    @task
    def counting() -> Any:
        try:
            yield from range(100)
        finally:
            cleaned_up.append(True)

    @flow
    def forgetful() -> int:
        kept.append(counting())
        return next(kept[0])

    assert forgetful() == 0
    assert cleaned_up
    assert recorded.task_run().state.is_completed()
    assert recorded.task_run().end_time <= recorded.flow_run().end_time
    assert list(kept[0]) == []


def test_a_generator_that_fails_when_it_is_closed_has_crashed(recorded) -> None:
    kept: list[Any] = []

    @task
    def counting() -> Any:
        try:
            yield from range(100)
        finally:
            raise ValueError("no goodbye")

    @flow
    def forgetful() -> int:
        kept.append(counting())
        return next(kept[0])

    assert forgetful() == 0
    assert recorded.task_run().state.is_crashed()
    assert recorded.flow_run().state.is_completed()


# --- Async -----------------------------------------------------------------------------------------------------


async def collect(generator: Any) -> list[Any]:
    return [value async for value in generator]


@kinds()
def test_async_values_stream_to_the_caller_while_the_run_lasts(decorate, recorded) -> None:
    told: list[str] = []

    @decorate
    async def counting(n: int) -> Any:
        for i in range(n):
            await asyncio.sleep(0)
            told.append(f"makes {i}")
            yield i

    async def main() -> None:
        async for value in counting(2):
            told.append(f"gets {value}")

    asyncio.run(main())
    assert told == ["makes 0", "gets 0", "makes 1", "gets 1"]
    assert recorded.history(last_run(recorded)) == ["Pending", "Running", "Completed"]


@kinds()
def test_an_error_in_an_async_generator_reaches_the_caller_and_fails_the_run(decorate, recorded) -> None:
    @decorate
    async def failing() -> Any:
        yield 1
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        asyncio.run(collect(failing()))
    assert last_run(recorded).state_name == "Failed"


@kinds()
def test_an_async_generator_that_is_closed_early_completes_and_cleans_up(decorate, recorded) -> None:
    told: list[str] = []

    @decorate
    async def counting() -> Any:
        try:
            yield 1
            yield 2
        finally:
            told.append("cleaned up")

    async def main() -> None:
        generator = counting()
        assert await anext(generator) == 1
        await generator.aclose()

    asyncio.run(main())
    assert told == ["cleaned up"]
    assert last_run(recorded).state_type.value == "COMPLETED"


@kinds()
def test_what_is_thrown_or_sent_into_an_async_generator_reaches_the_function(decorate, recorded) -> None:
    @decorate
    async def careful() -> Any:
        try:
            heard = yield 1
            yield f"heard {heard}"
        except ValueError as error:
            yield f"caught {error}"

    async def main() -> list[Any]:
        thrown, sent = careful(), careful()
        await anext(thrown)
        await anext(sent)
        return [
            await thrown.athrow(ValueError("this")),
            await sent.asend("that"),
            await collect(thrown),
            await collect(sent),
        ]

    assert asyncio.run(main()) == ["caught this", "heard that", [], []]
    assert last_run(recorded).state_name == "Completed"


def test_an_async_generator_task_in_an_async_flow_belongs_to_it(recorded) -> None:
    @task
    async def counting() -> Any:
        yield 1
        yield 2

    @flow
    async def using() -> list[int]:
        return await collect(counting())

    assert asyncio.run(using()) == [1, 2]
    assert recorded.task_run().flow_run_id == recorded.flow_run().id


async def test_an_async_generator_that_the_flow_never_finishes_ends_with_the_flow(recorded) -> None:
    kept: list[Any] = []

    @task
    async def counting() -> Any:
        for number in range(100):
            yield number

    @flow
    async def forgetful() -> int:
        kept.append(counting())
        return await anext(kept[0])

    assert await forgetful() == 0
    assert recorded.task_run().state.is_completed()
    assert recorded.task_run().end_time <= recorded.flow_run().end_time
