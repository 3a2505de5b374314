"""Runs of dead processes are found and ended; those of living ones are left alone."""

from __future__ import annotations

import os
import signal

import pytest

from headrace.core.states import StateType
from headrace.schema.runs import TaskRun
from headrace.schema.states import State
from headrace.store import flow_runs, leases, states, task_runs
from headrace.store.processes import Holder, this_process
from headrace.store.reaping import reap_dead_runs
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)
CANCELLING, CRASHED = StateType.CANCELLING, StateType.CRASHED
ELSEWHERE = Holder("another-host", 4711, "a")


@pytest.fixture
def reap(store, clock):
    def make(alive=None):
        return store.write(lambda conn: reap_dead_runs(conn, now=clock.now, is_alive=lambda holder: alive))

    return make


@pytest.fixture
def held_run(store, clock, make_flow_run):
    """A run in the given states, whose lease somebody holds for 30 s."""

    def make(*kinds, holder=ELSEWHERE, **fields):
        run = make_flow_run(*[State(type=kind, timestamp=clock.tick()) for kind in kinds], **fields)
        store.write(lambda conn: leases.acquire_lease(conn, run.id, holder, seconds=30, now=clock.now))
        return run

    return make


def test_a_run_whose_lease_expired_crashed_and_says_who_disappeared(store, clock, held_run, reap):
    run = held_run(PENDING, RUNNING)
    clock.tick(29)
    assert reap() == []
    clock.tick(1)
    (dead,) = reap()
    assert (dead.id, dead.state.type) == (run.id, CRASHED)
    assert dead.state.message == "The process 4711 on another-host, which executed this run, has disappeared."
    assert reap() == []


@pytest.mark.parametrize("kind", [StateType.SCHEDULED, PENDING, RUNNING])
def test_a_run_that_has_not_ended_is_ended_whatever_it_was_doing(held_run, clock, reap, kind):
    held_run(kind)
    clock.tick(31)
    assert [run.state_type for run in reap()] == [CRASHED]


def test_a_run_that_was_being_cancelled_is_cancelled(held_run, clock, reap):
    held_run(RUNNING, CANCELLING)
    clock.tick(31)
    assert [run.state_type for run in reap()] == [StateType.CANCELLED]


def test_a_run_of_a_living_process_is_left_alone_although_it_is_late(held_run, clock, reap):
    held_run(RUNNING, holder=this_process())
    clock.tick(1000)
    assert reap(alive=True) == []


def test_a_run_of_a_process_of_this_host_that_is_gone_is_ended_at_once(held_run, reap):
    held_run(RUNNING, holder=this_process())
    assert [run.state_type for run in reap(alive=False)] == [CRASHED]


def test_a_run_that_has_ended_or_that_nobody_holds_is_left_alone(store, held_run, make_flow_run, clock, reap):
    ended = held_run(RUNNING, COMPLETED)
    make_flow_run(State(type=RUNNING, timestamp=clock.tick()))
    clock.tick(31)
    assert reap() == []
    store.write(lambda conn: leases.end_lease(conn, ended.id))


def test_unfinished_task_runs_of_a_dead_run_end_with_it(store, clock, held_run, reap, life):
    run = held_run(RUNNING)
    tasks = [TaskRun(task_key="t", dynamic_key=str(number), flow_run_id=run.id) for number in range(3)]
    start = clock.tick()
    histories = [[PENDING], [PENDING, RUNNING], [PENDING, RUNNING, COMPLETED]]
    for task, kinds in zip(tasks, histories, strict=True):
        store.write(lambda conn, task=task, kinds=kinds: record(conn, life(task, *kinds, start=start)))
    clock.tick(60)
    reap()
    stored = [store.read(lambda conn, task=task: task_runs.read_task_run(conn, task.id)) for task in tasks]
    assert [task.state_type for task in stored] == [CRASHED, CRASHED, COMPLETED]
    assert stored[1].end_time == clock.now
    assert stored[1].total_run_time == 59.0
    assert "4711" in stored[0].state.message
    history = store.read(lambda conn: states.read_states(conn, tasks[1].id))
    assert [state.type for state in history] == [PENDING, RUNNING, CRASHED]


def test_a_dead_process_takes_its_subflows_with_it(store, clock, held_run, reap):
    parent = held_run(RUNNING)
    tracking = TaskRun(
        task_key="c",
        dynamic_key="0",
        flow_run_id=parent.id,
        state=State(type=PENDING, timestamp=clock.tick()),
    )
    store.write(lambda conn: task_runs.create_task_run(conn, tracking, now=clock.now))
    child = held_run(PENDING, RUNNING, parent_task_run_id=tracking.id)
    clock.tick(31)
    assert {run.id for run in reap()} == {parent.id, child.id}
    assert store.read(lambda conn: task_runs.read_task_run(conn, tracking.id)).state_type is CRASHED


def test_a_process_that_was_thought_dead_can_not_bring_its_run_back(store, clock, held_run, reap):
    run = held_run(RUNNING)
    clock.tick(31)
    reap()
    for kind in (COMPLETED, FAILED, RUNNING):
        state = State(type=kind, timestamp=clock.tick())
        result = store.write(
            lambda conn, state=state: flow_runs.set_flow_run_state(
                conn, run.id, state, token=1, now=clock.now
            )
        )
        assert (result.status, result.state.type) == ("ABORT", CRASHED)


LIVE = """
import sys
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State, StateType
from headrace.store import flow_runs, flows, leases
from headrace.store.processes import this_process
from headrace.store.store import Store

def start(conn):
    flow = flows.read_or_create_flow(conn, "f", now=now())
    run = FlowRun(flow_id=flow.id, state=State(type=StateType.RUNNING))
    flow_runs.create_flow_run(conn, run, now=now())
    leases.acquire_lease(conn, run.id, this_process(), seconds=3600, now=now())

store = Store.open(sys.argv[1])
store.write(start)
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of POSIX")
def test_a_killed_process_is_seen_to_be_dead_and_a_living_one_to_be_alive(target, python, clock):
    children = [python(LIVE, target) for _ in range(2)]
    for child in children:
        assert child.stdout.readline() == "started\n"
    with Store.open(target) as store:
        assert store.write(lambda conn: reap_dead_runs(conn, now=clock.now)) == []
        os.kill(children[0].pid, signal.SIGKILL)
        children[0].wait()
        (dead,) = store.write(lambda conn: reap_dead_runs(conn, now=clock.now))
        assert str(children[0].pid) in dead.state.message
        assert_history(store)
    children[1].communicate()
