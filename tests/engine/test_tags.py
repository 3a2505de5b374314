"""`tags(...)`: tags for the runs that are started in a block."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from headrace import flow, tags, task
from headrace.context import FlowRunContext, TagsContext, TaskRunContext


@pytest.fixture
def plain(colour) -> Any:
    """A task of one colour that returns its tags."""
    return colour.task(lambda: set(TaskRunContext.get().task_run.tags))


@pytest.fixture
def tagged(colour) -> Any:
    """The same, with a tag of its own."""
    return colour.task(lambda: set(TaskRunContext.get().task_run.tags), tags=["own"])


@pytest.fixture
def flow_tags(colour) -> Any:
    """A flow of one colour that returns its tags."""
    return colour.flow(lambda: set(FlowRunContext.get().flow_run.tags))


def test_the_block_gives_all_tags_in_force_and_restores_them() -> None:
    with tags("a", "b") as outer:
        with tags("b", "c") as inner:
            assert inner == TagsContext.get().current_tags == {"a", "b", "c"}
        assert outer == TagsContext.get().current_tags == {"a", "b"}
    assert TagsContext.get().current_tags == set()


def test_an_error_in_the_block_restores_the_tags_too() -> None:
    try:
        with tags("a"):
            raise ValueError
    except ValueError:
        pass
    assert TagsContext.get().current_tags == set()


def test_flow_runs_get_the_tags_in_force(colour, flow_tags, recorded) -> None:
    with tags("a", "b"):
        assert colour.run(flow_tags) == {"a", "b"}
    assert colour.run(flow_tags) == set()
    assert [set(run.tags) for run in recorded.flow_runs()] == [{"a", "b"}, set()]


def test_task_runs_get_the_tags_of_their_task_and_those_in_force(
    colour, in_flow, plain, tagged, recorded
) -> None:
    async def tagging() -> None:
        with tags("block"):
            assert await colour.call(plain) == {"block"}
            assert await colour.call(tagged) == tagged.submit().result() == {"block", "own"}
        assert (await colour.call(plain), await colour.call(tagged)) == (set(), {"own"})

    in_flow(tagging)
    assert recorded.flow_run().tags == []


def test_tags_around_a_flow_reach_its_tasks_and_subflows(colour, in_flow, plain, tagged, flow_tags) -> None:
    async def parent() -> list[set[str]]:
        with tags("inner"):
            return [await colour.call(plain), tagged.submit().result(), await colour.call(flow_tags)]

    with tags("outer"):
        assert in_flow(parent) == [{"outer", "inner"}, {"outer", "inner", "own"}, {"outer", "inner"}]


def test_a_submitted_task_gets_the_tags_in_force_when_it_was_submitted(in_flow, plain) -> None:
    gate = threading.Event()

    @task
    def gated() -> None:
        assert gate.wait(60)

    def submitting() -> set[str]:
        with tags("then"):
            future = plain.submit(wait_for=[gated.submit()])
        gate.set()
        return future.result()

    assert in_flow(submitting) == {"then"}


def test_mapped_tasks_get_the_tags_in_force(in_flow, same, recorded) -> None:
    def mapping() -> None:
        with tags("mapped"):
            futures = same.map([1, 2])
        futures.wait()

    in_flow(mapping)
    assert [run.tags for run in recorded.task_runs()] == [["mapped"], ["mapped"]]


def test_concurrent_blocks_do_not_see_each_others_tags() -> None:
    @flow
    async def look(barrier: object) -> set[str]:
        return set(FlowRunContext.get().flow_run.tags)

    async def one(name: str, barrier: asyncio.Barrier) -> set[str]:
        with tags(name):
            await barrier.wait()
            return await look(barrier)

    async def main() -> list[set[str]]:
        barrier = asyncio.Barrier(2)
        return await asyncio.gather(one("a", barrier), one("b", barrier))

    assert asyncio.run(main()) == [{"a"}, {"b"}]


def test_a_users_thread_starts_without_tags(colour, flow_tags) -> None:
    seen: list[set[str]] = []
    with tags("here"):
        thread = threading.Thread(target=lambda: seen.append(colour.run(flow_tags)))
        thread.start()
        thread.join()
    assert seen == [set()]
