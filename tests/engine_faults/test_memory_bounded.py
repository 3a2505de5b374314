"""Memory: flat over many tasks, and bounded when the disk is slower than the run."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from headrace import flow, task
from headrace.context import FlowRunContext
from headrace.engine.recorder import MAX_WAITING

MEASURING = """
import gc, os, sys
import psutil
from headrace import flow, get_run_logger, task

def resident():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6

@task
def step(number):
    return number

@task
async def astep(number):
    return number

@flow
def warming_up():
    for number in range(2000):
        step(number)

@flow
def sequential():
    before = resident()
    for number in range(20_000):
        step(number)
    return resident() - before

@flow
def mapped():
    step.map(range(2000)).result()
    before = resident()
    for batch in range(9):
        step.map(range(2000)).result()
    return resident() - before

@flow
def many_flows():
    @flow
    def small():
        step(1)
    for number in range(50):
        small()
    before = resident()
    for number in range(500):
        small()
    return resident() - before

warming_up()
print(globals()[sys.argv[1]]())
"""

GROWTH = 25
"""Megabytes that allocators and caches may take; 20,000 task runs kept in memory would take a multiple of it."""


@pytest.fixture(autouse=True)
def quiet(configure) -> None:
    configure(HEADRACE_LOGGING_LEVEL="WARNING")


@pytest.mark.timeout(600)  # many runs, on a machine that may be slow
@pytest.mark.parametrize("kind", ["sequential", "mapped", "many_flows"])
def test_memory_does_not_grow_with_the_number_of_runs(launch, kind):
    program = launch(MEASURING, kind).succeed()

    assert float(program.stdout) < GROWTH


class SlowDisk:
    """Keeps the store's file locked, as a disk that does not answer would keep its writer waiting."""

    def __init__(self, path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def stall(self, seconds: float) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        threading.Timer(seconds, self.go_on).start()

    def go_on(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def slow_disk(recorded):
    """A store whose disk can be made to stall."""
    flow(lambda: None, name="first")()
    disk = SlowDisk(recorded.path)
    yield disk
    disk.close()


def test_what_waits_to_be_written_is_bounded_while_the_disk_stalls(recorded, slow_disk):
    most = 0

    @task
    def step(number: int) -> None:
        nonlocal most
        most = max(most, FlowRunContext.get().recorder.waiting)

    @flow
    def hasty() -> None:
        slow_disk.stall(1.0)
        for number in range(15_000):
            step(number)

    hasty()

    assert most <= MAX_WAITING
    assert len(recorded.task_runs()) == 15_000
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}


@pytest.mark.timeout(600)
def test_what_many_threads_record_is_bounded_while_the_disk_stalls(recorded, slow_disk):
    most = 0

    @task
    def step(number: int) -> None:
        nonlocal most
        most = max(most, FlowRunContext.get().recorder.waiting)

    @flow
    def hasty() -> None:
        slow_disk.stall(1.0)
        step.map(range(8000)).result()

    hasty()

    assert most <= MAX_WAITING
    assert len(recorded.task_runs()) == 8000
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}
