"""What code in a run can find out about it: contexts and `headrace.runtime`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from datetime import timedelta
from typing import Any

import pytest

from headrace import flow, runtime, task
from headrace.context import FlowRunContext, TagsContext, TaskRunContext, get_run_context
from headrace.exceptions import MissingContextError
from headrace.runtime import flow_run, task_run

# --- Outside runs ----------------------------------------------------------------------------------------------


def test_outside_runs_there_is_no_context() -> None:
    assert FlowRunContext.get() is None
    assert TaskRunContext.get() is None
    assert TagsContext.get().current_tags == set()
    with pytest.raises(MissingContextError):
        get_run_context()
    with pytest.raises(RuntimeError):
        get_run_context()


def test_outside_runs_runtime_has_nothing_to_say() -> None:
    for name in (
        "id",
        "name",
        "flow_name",
        "flow_version",
        "parent_flow_run_id",
        "root_flow_run_id",
        "api_url",
        "ui_url",
    ):
        assert getattr(flow_run, name) is None, name
    for name in ("id", "name", "task_name", "api_url", "ui_url"):
        assert getattr(task_run, name) is None, name
    assert (flow_run.parameters, flow_run.tags, flow_run.run_count) == ({}, [], 0)
    assert (task_run.parameters, task_run.tags, task_run.run_count) == ({}, [], 0)
    assert flow_run.scheduled_start_time.utcoffset() == timedelta(0)


def test_runtime_refuses_names_that_it_does_not_have() -> None:
    for module in (flow_run, task_run):
        with pytest.raises(AttributeError, match="nope"):
            module.nope


# --- In a flow -------------------------------------------------------------------------------------------------


def test_a_flow_knows_its_run(colour, recorded) -> None:
    @colour.flow(name="aware", version="3", log_prints=True)
    def aware(a: int, b: int = 2) -> None:
        context = get_run_context()
        assert context is FlowRunContext.get()
        assert context.flow is aware
        assert context.parameters == context.flow_run.parameters == {"a": 1, "b": 2}
        assert context.flow_run.state.name == "Running"
        assert context.start_time.utcoffset() == timedelta(0)
        assert context.log_prints is True
        assert context.persist_result is False
        assert TaskRunContext.get() is None

    colour.run(aware, 1)


def test_runtime_tells_a_flow_about_its_run(colour, recorded) -> None:
    @colour.flow(name="aware", version="3")
    def aware(a: int, b: int = 2) -> dict[str, Any]:
        names = ("id", "name", "flow_name", "flow_version", "parameters", "tags", "run_count")
        seen = {name: getattr(flow_run, name) for name in names}
        seen["root"], seen["parent"] = flow_run.root_flow_run_id, flow_run.parent_flow_run_id
        return seen

    seen = colour.run(aware, 1)
    run = recorded.flow_run()
    assert seen == {
        "id": str(run.id),
        "name": run.name,
        "flow_name": "aware",
        "flow_version": "3",
        "parameters": {"a": 1, "b": 2},
        "tags": [],
        "run_count": 1,
        "root": str(run.id),
        "parent": None,
    }


def test_runtime_is_an_attribute_of_the_package(colour) -> None:
    assert colour.run(colour.flow(lambda: runtime.flow_run.flow_name, name="aware")) == "aware"


# --- In a task -------------------------------------------------------------------------------------------------


def test_a_task_in_a_flow_knows_both_runs(colour, recorded) -> None:
    @colour.task
    def aware(a: int, b: int = 2) -> None:
        context = get_run_context()
        assert context is TaskRunContext.get()
        assert context.task is aware
        assert context.parameters == {"a": 1, "b": 2}
        assert context.task_run.state.name == "Running"
        assert context.task_run.flow_run_id == FlowRunContext.get().flow_run.id
        assert context.start_time.utcoffset() == timedelta(0)
        assert context.persist_result is False

    colour.run(colour.flow_calling(aware, 1))
    colour.run(colour.flow(lambda: aware.submit(1).result()))


def test_runtime_tells_a_task_about_its_run(colour, recorded) -> None:
    @colour.task(name="aware", tags=["t"])
    def aware(a: int, b: int = 2) -> dict[str, Any]:
        names = ("id", "name", "task_name", "parameters", "tags", "run_count")
        return {**{name: getattr(task_run, name) for name in names}, "flow_run": flow_run.id}

    seen = colour.run(colour.flow_calling(aware, 1))
    run = recorded.task_run()
    assert seen == {
        "id": str(run.id),
        "name": run.name,
        "task_name": "aware",
        "parameters": {"a": 1, "b": 2},
        "tags": ["t"],
        "run_count": 1,
        "flow_run": str(recorded.flow_run().id),
    }


def test_a_task_outside_flows_knows_only_its_own_run(colour) -> None:
    @colour.task
    def aware() -> None:
        assert get_run_context().task_run.flow_run_id is None
        assert FlowRunContext.get() is None
        assert flow_run.id is None

    colour.run(aware)


def test_a_flow_sees_no_task_context_once_a_task_has_ended(colour) -> None:
    noop = colour.task(lambda: None)

    @flow
    def after() -> None:
        noop()
        assert TaskRunContext.get() is None

    @flow
    async def after_async() -> None:
        await noop()
        assert TaskRunContext.get() is None

    colour.run(after_async if colour.is_async else after)


def test_a_failed_run_leaves_no_context_behind(colour) -> None:
    def failing() -> None:
        raise ValueError("no good")

    for definition in (colour.flow(failing), colour.task(failing)):
        colour.run(definition, return_state=True)
        assert FlowRunContext.get() is None
        assert TaskRunContext.get() is None


def test_a_flow_in_a_task_is_the_innermost_run() -> None:
    @flow
    def inner() -> str:
        return get_run_context().flow_run.id, TaskRunContext.get().task.name

    @task
    def outer() -> tuple[Any, str]:
        return inner()

    inner_id, task_name = outer()
    assert task_name == "outer"
    assert inner_id is not None


def test_concurrent_tasks_each_see_their_own_run(recorded) -> None:
    barrier = threading.Barrier(10)

    @task
    def aware(n: int) -> tuple[str, int]:
        barrier.wait(60)
        return task_run.id, task_run.parameters["n"]

    @flow
    def mapping() -> list[tuple[str, int]]:
        return aware.map(range(10)).result()

    seen = mapping()
    assert [n for _, n in seen] == list(range(10))
    assert {run_id for run_id, _ in seen} == {str(run.id) for run in recorded.task_runs()}


def test_concurrent_async_flows_each_see_their_own_run(recorded) -> None:
    @flow
    async def aware(n: int, barrier: Any) -> tuple[str, int]:
        await barrier.wait()
        return flow_run.id, flow_run.parameters["n"]

    async def main() -> list[tuple[str, int]]:
        barrier = asyncio.Barrier(5)
        return await asyncio.gather(*(aware(n, barrier) for n in range(5)))

    seen = asyncio.run(main())
    assert [n for _, n in seen] == list(range(5))
    assert {run_id for run_id, _ in seen} == {str(run.id) for run in recorded.flow_runs()}


# --- Threads and variables of users ----------------------------------------------------------------------------


def in_thread(fn: Any) -> Any:
    """What `fn` returns in a thread of its own."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(fn()))
    thread.start()
    thread.join()
    return results[0]


def test_a_users_thread_has_no_context_unless_it_is_copied(recorded) -> None:
    @flow
    def threading_flow() -> tuple[Any, Any]:
        return in_thread(lambda: flow_run.id), in_thread(
            lambda c=contextvars.copy_context(): c.run(lambda: flow_run.id)
        )

    assert threading_flow() == (None, str(recorded.flow_run().id))


def test_a_task_called_in_a_copied_context_belongs_to_the_flow_run(recorded) -> None:
    noop = task(lambda: None, name="noop")

    @flow
    def threading_flow() -> None:
        in_thread(noop)
        context = contextvars.copy_context()
        in_thread(lambda: context.run(noop))

    threading_flow()
    assert {run.flow_run_id for run in recorded.task_runs("noop")} == {None, recorded.flow_run().id}


VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("VARIABLE", default="unset")


def test_variables_of_the_caller_are_seen_by_flows_and_tasks(colour) -> None:
    seen = colour.task(VARIABLE.get)

    @colour.flow
    def looking() -> list[str]:
        return [VARIABLE.get(), seen.submit().result()]

    token = VARIABLE.set("set")
    try:
        assert colour.run(looking) == ["set", "set"]
    finally:
        VARIABLE.reset(token)
