"""Flows called by flows: what is recorded of both, and how one's end affects the other."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from headrace import flow, runtime, task
from headrace.exceptions import ParameterTypeError, UnfinishedRun


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task
def same(value: Any) -> Any:
    return value


@task
def boom() -> None:
    raise ValueError("boom")


@flow
def child(a: int = 1) -> int:
    return a + 1


@flow
def failing_child() -> None:
    raise ValueError("child broke")


def test_a_subflow_gives_its_result_to_its_parent(colour) -> None:
    inner = colour.flow(lambda a: a + 1, name="inner")
    assert colour.run(colour.flow_calling(inner, 5)) == 6


def test_a_subflow_gives_its_state_to_its_parent() -> None:
    @flow
    def parent() -> tuple[str, int]:
        state = child(5, return_state=True)
        return state.name, state.result()

    assert parent() == ("Completed", 6)


def test_a_subflow_is_a_flow_run_of_its_own_tracked_by_a_task_run_of_its_parent(colour, recorded) -> None:
    inner = colour.flow(lambda a=5: a + 1, name="inner")
    colour.run(colour.flow_calling(inner))
    parent, inner_run = recorded.flow_run("calling"), recorded.flow_run("inner")
    tracker = recorded.task_run()
    assert inner_run.parent_task_run_id == tracker.id
    assert tracker.flow_run_id == parent.id
    assert tracker.name == "inner-0"
    assert tracker.state.state_details.child_flow_run_id == inner_run.id
    assert (tracker.state_type, tracker.state_name) == (inner_run.state_type, inner_run.state_name)
    assert inner_run.parameters == {"a": 5}
    assert parent.parent_task_run_id is None


def test_the_tracking_task_run_goes_through_the_states_of_the_subflow(colour, recorded) -> None:
    def body() -> None:
        raise ValueError("child broke")

    inner = colour.flow(body, name="inner")
    with pytest.raises(ValueError, match="child broke"):
        colour.run(colour.flow_calling(inner))
    tracker, inner_run = recorded.task_run(), recorded.flow_run("inner")
    assert recorded.history(tracker) == recorded.history(inner_run) == ["Pending", "Running", "Failed"]
    assert (
        tracker.state.message
        == inner_run.state.message
        == ("Flow run encountered an exception: ValueError: child broke")
    )
    assert (tracker.run_count, inner_run.run_count) == (1, 1)


def test_calls_of_one_subflow_are_numbered_within_their_parent(recorded) -> None:
    @flow
    def parent() -> None:
        child(1)
        child(2)
        failing_child(return_state=True)

    parent()
    parent()
    names = ["child-0", "child-1", "failing-child-0"] * 2
    assert [run.name for run in recorded.task_runs()] == names


def test_a_subflow_that_fails_fails_its_parent_unless_caught(recorded) -> None:
    @flow
    def parent() -> None:
        failing_child()

    @flow
    def careful_parent() -> str:
        try:
            failing_child()
        except ValueError as error:
            return str(error)
        return "not raised"

    with pytest.raises(ValueError, match="child broke"):
        parent()
    assert careful_parent() == "child broke"
    assert recorded.flow_run("parent").state_name == "Failed"
    assert recorded.flow_run("careful_parent").state_name == "Completed"


def test_a_parent_that_returns_its_subflows_state_ends_as_that_did(recorded) -> None:
    @flow
    def parent() -> Any:
        return failing_child(return_state=True)

    assert str(parent(return_state=True)) == "Failed('1/1 states failed.')"


def test_a_parent_that_looks_at_a_failed_state_and_returns_something_else_completes(recorded) -> None:
    @flow
    def parent() -> bool:
        return failing_child(return_state=True).is_failed()

    assert parent() is True
    assert recorded.flow_run("parent").state_name == "Completed"


def test_futures_and_states_in_a_subflows_arguments_become_results(recorded) -> None:
    @flow
    def parent() -> list[int]:
        future = add.submit(1)
        return [child(future), child(a=add(2, return_state=True)), child(5, wait_for=[future])]

    assert parent() == [3, 4, 6]
    first, second = recorded.task_runs("add")
    trackers = recorded.task_runs("child")
    assert [run.id for run in trackers[0].task_inputs["a"]] == [first.id]
    assert [run.id for run in trackers[1].task_inputs["a"]] == [second.id]
    assert [run.id for run in trackers[2].task_inputs["wait_for"]] == [first.id]


def test_a_subflow_whose_upstream_failed_is_not_run(recorded) -> None:
    @flow
    def parent() -> None:
        failed = boom.submit()
        with pytest.raises(UnfinishedRun):
            child(failed)
        state = child(1, wait_for=[failed], return_state=True)
        assert (state.type.value, state.name) == ("PENDING", "NotReady")

    parent()
    for run in [*recorded.flow_runs("child"), *recorded.task_runs("child")]:
        assert (run.state_name, run.run_count) == ("NotReady", 0)


def test_a_subflow_with_bad_parameters_fails_and_is_recorded(recorded) -> None:
    @flow
    def parent() -> None:
        with pytest.raises(ParameterTypeError, match="a: "):
            child("many")

    parent()
    assert recorded.flow_run("child").state_name == recorded.task_run().state_name == "Failed"


def test_the_state_of_a_subflow_can_be_passed_to_a_task(recorded) -> None:
    @flow
    def parent() -> int:
        return same(child(5, return_state=True))

    assert parent() == 6
    (upstream,) = recorded.task_run("same").task_inputs["value"]
    assert upstream.id in {recorded.flow_run("child").id, recorded.task_run("child").id}


def test_a_subflow_that_returns_futures_gives_their_results() -> None:
    @flow
    def mapping() -> Any:
        return add.map([1, 2])

    @flow
    def parent() -> int:
        return sum(mapping())

    assert parent() == 5


def test_a_sync_flow_that_calls_an_async_flow_gets_its_result(recorded) -> None:
    @flow
    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a + 1

    @flow
    def parent() -> int:
        return later(1)

    assert parent() == 2
    assert recorded.flow_run("later").parent_task_run_id == recorded.task_run().id


def test_an_async_flow_calls_a_sync_flow_directly(recorded) -> None:
    @flow
    async def parent() -> int:
        return child(1)

    assert asyncio.run(parent()) == 2
    assert recorded.flow_run("child").parent_task_run_id == recorded.task_run().id


def test_async_subflows_run_concurrently(recorded) -> None:
    @flow
    async def meeting(n: int, barrier: Any) -> int:
        await barrier.wait()
        return n

    @flow
    async def parent() -> list[int]:
        barrier = asyncio.Barrier(3)
        return await asyncio.gather(*(meeting(n, barrier) for n in range(3)))

    assert asyncio.run(parent()) == [0, 1, 2]
    assert [run.name for run in recorded.task_runs()] == ["meeting-0", "meeting-1", "meeting-2"]


def test_a_flow_called_in_a_users_thread_has_no_parent(recorded) -> None:
    @flow
    def parent() -> None:
        thread = threading.Thread(target=child)
        thread.start()
        thread.join()

    parent()
    assert recorded.flow_run("child").parent_task_run_id is None
    assert recorded.task_runs() == []


def test_a_flow_called_by_a_task_of_a_flow_belongs_to_that_flow(recorded) -> None:
    @task
    def calling() -> int:
        return child(5)

    @flow
    def parent() -> int:
        return calling.submit().result()

    assert parent() == 6
    tracker = recorded.task_run("child")
    assert tracker.flow_run_id == recorded.flow_run("parent").id
    assert recorded.flow_run("child").parent_task_run_id == tracker.id


def test_runs_of_deeply_nested_flows_know_their_parent_and_their_root(recorded) -> None:
    seen: list[tuple[str, str | None, str]] = []

    @flow
    def nest(depth: int) -> None:
        seen.append(
            (runtime.flow_run.id, runtime.flow_run.parent_flow_run_id, runtime.flow_run.root_flow_run_id)
        )
        if depth:
            nest(depth - 1)

    nest(3)
    ids = [own for own, _, _ in seen]
    assert [parent for _, parent, _ in seen] == [None, *ids[:-1]]
    assert [root for _, _, root in seen] == [ids[0]] * 4


def test_each_subflow_has_a_task_runner_of_its_own(recorded) -> None:
    """A subflow that uses its parent's runner up could wait for itself."""
    from headrace.task_runners import ThreadPoolTaskRunner

    runner = ThreadPoolTaskRunner(max_workers=1)

    @flow(task_runner=runner)
    def inner() -> int:
        return add.submit(1).result()

    @task
    def calling() -> int:
        return inner()

    @flow(task_runner=runner)
    def outer() -> int:
        return calling.submit().result()

    assert outer() == 2
