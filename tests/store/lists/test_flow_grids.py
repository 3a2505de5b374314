"""The grid of a flow: its last runs by its tasks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.runs import TaskRun
from headrace.store.lists.flow_grids import read_flow_grid
from headrace.store.records import record

PENDING, RUNNING = StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED = StateType.COMPLETED, StateType.FAILED


@pytest.fixture
def run(make_flow_run, clock):
    return lambda **fields: make_flow_run(expected_start_time=clock.tick(60), **fields)


@pytest.fixture
def do(store, life, clock):
    """Stores a task run of a flow run: two seconds that end in a state."""

    def do(flow_run, function, *kinds, checksum="1a2b3c4d", name=None):
        task = TaskRun(
            name=name or f"{function}-abc",
            task_key=f"{function}-{checksum}",
            dynamic_key="abcdef",
            flow_run_id=flow_run.id,
            expected_start_time=clock.tick(),
        )
        store.write(lambda conn: record(conn, life(task, *kinds, start=clock.now)))
        return task

    return do


def read(store, flow_id, clock, most=25):
    return store.read(lambda conn: read_flow_grid(conn, flow_id, most=most, now=clock.now))


def test_a_cell_says_what_became_of_a_task_in_a_run(store, clock, run, do):
    first, second = run(name="first"), run(name="second")
    do(first, "load")
    saved = do(first, "save", PENDING, RUNNING, FAILED)
    for kinds in ((), (), (PENDING, RUNNING, FAILED), (PENDING, RUNNING)):
        do(second, "load", *kinds)
    grid = read(store, first.flow_id, clock)
    assert [flow_run.name for flow_run in grid.flow_runs] == ["second", "first"]
    assert grid.tasks == [("load-1a2b3c4d", "load"), ("save-1a2b3c4d", "save")]
    assert grid.cells[0] == (0, 0, {COMPLETED: 2, FAILED: 1, RUNNING: 1}, 6.0, None)
    assert grid.cells[2] == (1, 1, {FAILED: 1}, 2.0, saved.id)
    assert [cell[:2] for cell in grid.cells] == [(0, 0), (1, 0), (1, 1)]


def test_runs_are_the_newest_that_have_started_or_should_have(store, clock, run, make_flow_run):
    runs = [run() for _ in range(4)]
    make_flow_run(expected_start_time=clock.now + timedelta(days=1))
    make_flow_run(flow="other")
    grid = read(store, runs[0].flow_id, clock, most=3)
    assert [flow_run.id for flow_run in grid.flow_runs] == [each.id for each in runs[:0:-1]]
    assert (grid.tasks, grid.cells) == ([], [])


def test_tasks_come_in_the_order_in_which_they_first_start_within_a_run(store, clock, run, do):
    older, newer = run(), run()
    for function in ("c", "gone", "a"):
        do(older, function)
    for function in ("a", "b", "c", "a"):
        do(newer, function)
    assert [name for _, name in read(store, older.flow_id, clock).tasks] == ["a", "b", "gone", "c"]


def test_a_task_whose_code_has_changed_is_the_same_task(store, clock, run, do):
    older, newer = run(), run()
    do(older, "load", checksum="00000000")
    do(newer, "load", checksum="11111111")
    grid = read(store, older.flow_id, clock)
    assert grid.tasks == [("load-11111111", "load")]
    assert [cell[:2] for cell in grid.cells] == [(0, 0), (1, 0)]


def test_two_tasks_of_one_name_in_a_run_are_told_apart(store, clock, run, do):
    flow_run = run()
    do(flow_run, "load", checksum="00000000")
    do(flow_run, "load", checksum="11111111")
    grid = read(store, flow_run.flow_id, clock)
    assert grid.tasks == [("load-00000000", "load"), ("load-11111111", "load")]


def test_a_task_is_called_as_its_runs_say(store, clock, run, do):
    flow_run = run()
    do(flow_run, "load", name="Load the data-abc")
    assert read(store, flow_run.flow_id, clock).tasks == [("load-1a2b3c4d", "Load the data")]


def test_there_is_no_grid_of_an_unknown_flow(store, clock):
    with pytest.raises(ObjectNotFound):
        read(store, uuid7(), clock)
