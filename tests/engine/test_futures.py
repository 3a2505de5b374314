"""Futures: results, waiting and callbacks."""

from __future__ import annotations

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from headrace import task
from headrace.futures import (
    FutureList,
    PrefectFuture,
    as_completed,
    resolve_futures_to_results,
    resolve_futures_to_states,
    wait,
)


@pytest.fixture
def after(colour) -> Any:
    """A task of one colour that waits for an event."""

    def after(event: threading.Event, value: Any = None) -> Any:
        assert event.wait(60)
        return value

    async def after_async(event: threading.Event, value: Any = None) -> Any:
        assert await asyncio.to_thread(event.wait, 60)
        return value

    return task(after_async if colour.is_async else after)


# --- One future ------------------------------------------------------------------------------------------------


def test_a_future_gives_the_result(colour, in_flow) -> None:
    counted = colour.task(lambda a: a + 1)
    assert in_flow(lambda: counted.submit(1).result()) == 2


def test_a_future_raises_the_tasks_error_or_returns_it(colour, in_flow) -> None:
    @colour.task
    def failing() -> None:
        raise ValueError("boom")

    def body() -> Any:
        future = failing.submit()
        with pytest.raises(ValueError, match="boom"):
            future.result()
        return str(future.result(raise_on_failure=False))

    assert in_flow(body) == "boom"


def test_submit_with_return_state_waits_for_the_final_state(colour, in_flow) -> None:
    counted = colour.task(lambda a: a + 1)
    state = in_flow(lambda: [counted.submit(1, return_state=True), None])[0]
    assert state.is_completed()
    assert state.result() == 2


def test_the_state_of_a_future_follows_its_run(in_flow, after) -> None:
    def following() -> tuple[bool, str]:
        event = threading.Event()
        future = after.submit(event)
        before = future.state.is_final()
        event.set()
        future.wait()
        return before, future.state.name

    assert in_flow(following) == (False, "Completed")


def test_a_result_that_does_not_come_in_time_is_a_timeout_error(in_flow, after) -> None:
    def impatient() -> None:
        event = threading.Event()
        future = after.submit(event)
        with pytest.raises(TimeoutError, match=r"within 0\.01 seconds"):
            future.result(timeout=0.01)
        assert future.wait(timeout=0.01) is None
        event.set()
        assert future.result(timeout=60) is None

    in_flow(impatient)


def test_a_future_knows_its_run(in_flow, add, recorded) -> None:
    def looking() -> UUID:
        future = add.submit(1)
        assert isinstance(future, PrefectFuture)
        assert len({future, future, add.submit(1)}) == 2
        return future.task_run_id

    assert in_flow(looking) == recorded.task_runs()[0].id


def test_a_callback_gets_the_future_when_its_run_has_ended(in_flow, after) -> None:
    def calling_back() -> None:
        event, called, seen = threading.Event(), threading.Event(), []
        future = after.submit(event, 5)
        future.add_done_callback(lambda done: (seen.append((done is future, done.state.name)), called.set()))
        assert seen == []
        event.set()
        assert called.wait(60)
        assert seen == [(True, "Completed")]

    in_flow(calling_back)


def test_a_callback_added_to_a_future_that_is_done_is_called_at_once(in_flow, add) -> None:
    def calling_back() -> list[int]:
        future, seen = add.submit(1), []
        future.wait()
        future.add_done_callback(lambda done: seen.append(done.result()))
        return seen

    assert in_flow(calling_back) == [2]


def test_a_callback_that_raises_disturbs_neither_its_run_nor_other_callbacks(
    in_flow, after, recorded
) -> None:
    def calling_back() -> int:
        event, called = threading.Event(), threading.Event()
        future = after.submit(event, 5)

        def bad(_: Any) -> None:
            raise RuntimeError("bad callback")

        future.add_done_callback(bad)
        future.add_done_callback(lambda _: called.set())
        event.set()
        assert called.wait(60)
        return future.result()

    assert in_flow(calling_back) == 5
    assert recorded.task_run().state_name == "Completed"


def test_a_future_outlives_its_flow_run(in_flow, add) -> None:
    kept: list[Any] = []

    def keeping() -> None:
        kept.append(add.submit(1))

    def using() -> int:
        return add.submit(kept[0]).result()

    in_flow(keeping)
    assert kept[0].result() == 2
    assert kept[0].state.is_completed()
    assert in_flow(using) == 3


def test_submit_outside_a_flow_is_refused(add) -> None:
    with pytest.raises(RuntimeError, match="flow"):
        add.submit(1)
    with pytest.raises(RuntimeError, match="flow"):
        add.map([1])


# --- Several futures -------------------------------------------------------------------------------------------


def test_wait_tells_what_is_done_and_what_is_not(in_flow, add, after) -> None:
    def waiting() -> None:
        event = threading.Event()
        done, stuck = add.submit(1), after.submit(event)
        done.wait()
        found = wait([done, stuck], timeout=0.01)
        assert (found.done, found.not_done) == ({done}, {stuck})
        event.set()
        found = wait([done, stuck])
        assert (found.done, found.not_done) == ({done, stuck}, set())

    in_flow(waiting)


def test_wait_takes_a_list_of_mapped_futures_and_an_empty_list(in_flow, add) -> None:
    def waiting() -> tuple[int, int]:
        return len(wait(add.map([1, 2, 3])).done), len(wait([]).done)

    assert in_flow(waiting) == (3, 0)


def test_as_completed_yields_futures_in_the_order_in_which_they_end(in_flow, same, after) -> None:
    def ordering() -> list[str]:
        late, middle = threading.Event(), threading.Event()
        futures = [after.submit(late, "late"), after.submit(middle, "middle"), same.submit("early")]
        results = []
        for future in as_completed(futures):
            results.append(future.result())
            (late if results[-1] == "middle" else middle).set()
        return results

    assert in_flow(ordering) == ["early", "middle", "late"]


def test_as_completed_yields_each_future_once(in_flow, add) -> None:
    def repeating() -> tuple[int, list[Any]]:
        future = add.submit(1)
        return len(list(as_completed([future, future]))), list(as_completed([]))

    assert in_flow(repeating) == (1, [])


def test_as_completed_raises_when_time_is_up(in_flow, add, after) -> None:
    def impatient() -> None:
        event = threading.Event()
        done = add.submit(1)
        done.wait()
        iterator = as_completed([after.submit(event), done], timeout=0.5)
        assert next(iterator) is done
        with pytest.raises(TimeoutError, match=r"1 .*of 2"):
            next(iterator)
        event.set()

    in_flow(impatient)


def test_a_list_of_futures_gives_results_in_order(in_flow, same, boom) -> None:
    def listing() -> list[Any]:
        futures = FutureList([same.submit("a"), boom.submit(), same.submit("c")])
        futures.wait()
        with pytest.raises(ValueError, match="boom"):
            futures.result()
        return [str(value) for value in futures.result(raise_on_failure=False)] + FutureList([]).result()

    assert in_flow(listing) == ["a", "boom", "c"]


def test_a_list_of_futures_raises_when_time_is_up(in_flow, after) -> None:
    def impatient() -> None:
        event = threading.Event()
        with pytest.raises(TimeoutError):
            after.map([event, event]).result(timeout=0.01)
        event.set()

    in_flow(impatient)


def test_futures_inside_a_value_can_be_resolved_by_hand(in_flow, add, boom) -> None:
    def resolving() -> None:
        future = add.submit(1)
        assert resolve_futures_to_results({"a": [future], "b": 3}) == {"a": [2], "b": 3}
        states = resolve_futures_to_states([future, {"x": future}])
        assert states[0].is_completed()
        assert states[1]["x"].result() == 2
        with pytest.raises(Exception, match="did not complete successfully"):
            resolve_futures_to_results([boom.submit()])

    in_flow(resolving)
