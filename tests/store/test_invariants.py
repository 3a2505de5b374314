"""The checker finds every kind of damage that it promises to find."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import flow_runs, flows, leases
from headrace.store.processes import this_process
from headrace.store.records import record
from headrace.store.store import Store
from headrace.testing.invariants import assert_history, check_history

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def flow_run(store, clock):
    def command(conn):
        flow = flows.read_or_create_flow(conn, "f", now=clock.now)
        run = FlowRun(flow_id=flow.id, state=State(type=PENDING, timestamp=clock.now))
        flow_runs.create_flow_run(conn, run, now=clock.now)
        for kind in (RUNNING, COMPLETED):
            flow_runs.set_flow_run_state(
                conn, run.id, State(type=kind, timestamp=clock.tick()), now=clock.now
            )
        return run

    return store.write(command)


def found(store):
    return [(violation.guarantee, violation.run_id) for violation in check_history(store)]


def task_run(**fields):
    return TaskRun(task_key="t", dynamic_key="0", **fields)


def test_a_sound_history_has_no_violations(store, flow_run, life, clock):
    store.write(lambda conn: record(conn, life(task_run(), PENDING, RUNNING, FAILED, RUNNING, COMPLETED)))
    assert check_history(store) == []
    assert_history(store)


def test_an_illegal_transition_is_found(store, life):
    run = task_run()
    store.write(lambda conn: record(conn, life(run, RUNNING, COMPLETED, FAILED)))
    assert found(store) == [("G4", run.id)]
    with pytest.raises(AssertionError, match="from COMPLETED/Completed to FAILED/Failed"):
        assert_history(store)


def test_a_forced_transition_and_a_rollback_are_legal(store, flow_run, life, clock):
    forced = State(type=FAILED, timestamp=clock.tick())
    store.write(
        lambda conn: flow_runs.set_flow_run_state(conn, flow_run.id, forced, force=True, now=clock.now)
    )
    rollback = State(type=COMPLETED, name="RolledBack", timestamp=clock.tick())
    store.write(lambda conn: record(conn, life(task_run(), COMPLETED, rollback)))
    assert_history(store)


def test_a_missing_transition_is_found(store, life):
    steps = life(task_run())
    store.write(lambda conn: record(conn, [steps[0], steps[2]]))
    assert found(store) == [("G8", steps[0].run.id)]


def test_transitions_that_arrive_out_of_order_are_in_order(store, life):
    steps = life(task_run(), PENDING, RUNNING)
    store.write(lambda conn: record(conn, steps[::-1]))
    assert_history(store)


def test_a_transition_that_does_not_say_what_it_follows_is_found_unless_a_client_reported_it(
    store, clock, life
):
    ours, reported = life(task_run()), life(task_run())
    for step in (ours[1], reported[1]):
        step.follows = None
    store.write(lambda conn: record(conn, ours))
    store.write(lambda conn: record(conn, reported, received=clock.now))
    assert found(store) == [("G8", ours[0].run.id)]


def test_a_projection_that_is_behind_is_found(store, flow_run):
    store.write(lambda conn: conn.execute("UPDATE flow_run SET state_name = 'Running'"))
    assert found(store) == [("G8", flow_run.id)]


def test_a_run_without_a_row_and_a_row_without_a_history_are_found(store, life):
    steps, others = life(task_run()), life(task_run())
    store.write(lambda conn: record(conn, [*steps, *others]))
    store.write(lambda conn: conn.execute("DELETE FROM task_run WHERE id = :id", id=steps[0].run.id))
    store.write(lambda conn: conn.execute("DELETE FROM event WHERE run_id = :id", id=others[0].run.id))
    assert sorted(found(store), key=str) == sorted(
        [("G8", steps[0].run.id), ("G8", others[0].run.id)], key=str
    )


def test_a_task_that_starts_after_its_flow_run_has_ended_is_found(store, flow_run, life, clock):
    fine, late = task_run(flow_run_id=flow_run.id), task_run(flow_run_id=flow_run.id)
    store.write(
        lambda conn: record(conn, life(fine, PENDING, RUNNING, start=clock.now - timedelta(seconds=1)))
    )
    store.write(lambda conn: record(conn, life(late, PENDING, RUNNING, start=clock.now)))
    assert found(store) == [("G9", late.id)]


def test_a_task_of_a_retry_is_not_taken_for_a_late_one(store, flow_run, life, clock):
    clock.tick(10)
    again = State(type=RUNNING, timestamp=clock.now)
    store.write(lambda conn: flow_runs.set_flow_run_state(conn, flow_run.id, again, now=clock.now))
    run = task_run(flow_run_id=flow_run.id)
    store.write(lambda conn: record(conn, life(run, PENDING, RUNNING, start=clock.tick())))
    assert_history(store)


def test_a_lease_of_a_run_that_has_ended_is_found(store, flow_run, clock):
    store.write(
        lambda conn: leases.acquire_lease(conn, flow_run.id, this_process(), seconds=9, now=clock.now)
    )
    assert found(store) == [("G5", flow_run.id)]


def test_time_that_goes_back_is_found(store, clock):
    run = task_run()
    first, second = (
        State(type=PENDING, timestamp=clock.tick()),
        State(type=RUNNING, timestamp=clock.now - timedelta(hours=1)),
    )
    steps = [
        TaskTransition(run, first, None, 0, None, None, 0.0),
        TaskTransition(run, second, first.id, 1, None, None, 0.0),
    ]
    store.write(lambda conn: record(conn, steps))
    assert ("G8", run.id) in found(store)


def test_a_duplicate_is_found_where_the_schema_would_let_it_in(store, clock):
    store.write(lambda conn: conn.execute("CREATE TABLE copy AS SELECT * FROM log"))
    store.write(lambda conn: conn.execute("DROP TABLE log"))
    store.write(lambda conn: conn.execute("ALTER TABLE copy RENAME TO log"))
    insertion = (
        "INSERT INTO log (seq, id, timestamp, level, name, message) VALUES (:seq, :id, :now, 20, 'n', 'm')"
    )
    line = uuid4()
    for seq in (1, 2):
        store.write(lambda conn, seq=seq: conn.execute(insertion, seq=seq, id=line, now=clock.now))
    assert found(store) == [("G8", None)]
