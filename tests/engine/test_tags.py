"""`tags(...)`: tags for the runs that are started in a block."""

from __future__ import annotations

import asyncio
import threading

from headrace import flow, tags, task
from headrace.context import FlowRunContext, TagsContext, TaskRunContext


@task
def plain() -> set[str]:
    return set(TaskRunContext.get().task_run.tags)


@task(tags=["own"])
def tagged() -> set[str]:
    return set(TaskRunContext.get().task_run.tags)


@flow
def flow_tags() -> set[str]:
    return set(FlowRunContext.get().flow_run.tags)


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


def test_flow_runs_get_the_tags_in_force(colour, recorded) -> None:
    look = colour.flow(lambda: set(FlowRunContext.get().flow_run.tags))
    with tags("a", "b"):
        assert colour.run(look) == {"a", "b"}
    assert colour.run(look) == set()
    assert [set(run.tags) for run in recorded.flow_runs()] == [{"a", "b"}, set()]


def test_task_runs_get_the_tags_of_their_task_and_those_in_force(recorded) -> None:
    @flow
    def tagging() -> None:
        with tags("block"):
            assert (plain(), tagged(), tagged.submit().result()) == (
                {"block"},
                {"block", "own"},
                {"block", "own"},
            )
        assert (plain(), tagged()) == (set(), {"own"})

    tagging()
    assert recorded.flow_run().tags == []


def test_tags_around_a_flow_reach_its_tasks_and_subflows(recorded) -> None:
    @flow
    def parent() -> tuple[set[str], set[str], set[str]]:
        with tags("inner"):
            return plain(), tagged.submit().result(), flow_tags()

    with tags("outer"):
        assert parent() == ({"outer", "inner"}, {"outer", "inner", "own"}, {"outer", "inner"})


def test_a_submitted_task_gets_the_tags_in_force_when_it_was_submitted(recorded) -> None:
    gate = threading.Event()

    @task
    def gated() -> None:
        assert gate.wait(60)

    @flow
    def submitting() -> set[str]:
        with tags("then"):
            future = plain.submit(wait_for=[gated.submit()])
        gate.set()
        return future.result()

    assert submitting() == {"then"}


def test_mapped_tasks_get_the_tags_in_force(recorded) -> None:
    @task
    def step(n: int) -> int:
        return n

    @flow
    def mapping() -> None:
        with tags("mapped"):
            futures = step.map([1, 2])
        futures.wait()

    mapping()
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


def test_a_users_thread_starts_without_tags() -> None:
    seen: list[set[str]] = []
    with tags("here"):
        thread = threading.Thread(target=lambda: seen.append(flow_tags()))
        thread.start()
        thread.join()
    assert seen == [set()]
