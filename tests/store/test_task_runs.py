"""Task runs: stored one at a time, moved on proposal, found."""

from __future__ import annotations

from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.runs import TaskRun, TaskRunPolicy
from headrace.schema.states import State
from headrace.store import flow_runs, states, task_runs

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)


@pytest.fixture
def at(clock):
    def make(kind, name=None, **fields):
        return State(type=kind, name=name, timestamp=clock.tick(), **fields)

    return make


@pytest.fixture
def create(store, clock):
    def make(**fields):
        run = TaskRun(**{"task_key": "t", "dynamic_key": str(uuid4()), **fields})
        return store.write(lambda conn: task_runs.create_task_run(conn, run, now=clock.now))

    return make


@pytest.fixture
def propose(store, clock):
    def make(run, state, **options):
        return store.write(
            lambda conn: task_runs.set_task_run_state(conn, run.id, state, now=clock.now, **options)
        )

    return make


def test_a_task_run_is_stored_once(store, clock, create, at):
    run = create(name="first", state=at(PENDING))
    again = TaskRun(id=run.id, task_key="t", dynamic_key="x", name="second")
    assert store.write(lambda conn: task_runs.create_task_run(conn, again, now=clock.now)) == run


def test_a_task_run_keeps_count_and_time_of_its_running(store, create, propose, at):
    run = create(state=at(PENDING))
    for state in (at(RUNNING), at(FAILED), at(RUNNING), at(COMPLETED)):
        assert propose(run, state).status == "ACCEPT"
    stored = store.read(lambda conn: task_runs.read_task_run(conn, run.id))
    assert (stored.run_count, stored.total_run_time) == (2, 2.0)
    assert [state.name for state in store.read(lambda conn: states.read_states(conn, run.id))] == [
        "Pending", "Running", "Failed", "Retrying", "Completed",
    ]  # fmt: skip


def test_a_proposed_failure_with_retries_left_awaits_the_next(create, propose, at):
    run = create(state=at(PENDING), empirical_policy=TaskRunPolicy(retries=1, retry_delay=0))
    propose(run, at(RUNNING))
    result = propose(run, at(FAILED))
    assert (result.status, result.state.name) == ("REJECT", "AwaitingRetry")
    propose(run, at(RUNNING))
    assert propose(run, at(FAILED)).status == "ACCEPT"


def test_no_task_starts_after_its_flow_run_has_ended(store, clock, create, propose, at, make_flow_run):
    flow_run = make_flow_run(at(RUNNING))
    first, second = (
        create(flow_run_id=flow_run.id, state=at(PENDING)),
        create(flow_run_id=flow_run.id, state=at(PENDING)),
    )
    assert propose(first, at(RUNNING)).status == "ACCEPT"
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, flow_run.id, at(COMPLETED), now=clock.now))
    result = propose(second, at(RUNNING))
    assert (result.status, result.state.type) == ("ABORT", PENDING)


def test_an_unknown_task_run_is_refused(store, propose, at):
    run = TaskRun(task_key="t", dynamic_key="0")
    with pytest.raises(ObjectNotFound, match=str(run.id)):
        propose(run, at(RUNNING))
