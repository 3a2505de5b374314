"""Flow runs: stored, moved, changed, found."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound, StoreConflictError
from headrace.schema.runs import CreatedBy, FlowRun, FlowRunPolicy, TaskRun
from headrace.schema.states import State, StateDetails
from headrace.store import flow_runs, flows, states, task_runs
from headrace.store.lists.flow_runs import count_flow_runs

PENDING, RUNNING, COMPLETED, FAILED = (
    StateType.PENDING,
    StateType.RUNNING,
    StateType.COMPLETED,
    StateType.FAILED,
)
SCHEDULED, PAUSED, CANCELLING = StateType.SCHEDULED, StateType.PAUSED, StateType.CANCELLING


@pytest.fixture
def at(clock):
    """A state that is entered one second after the last one."""

    def make(kind, name=None, **fields):
        return State(type=kind, name=name, timestamp=clock.tick(), **fields)

    return make


@pytest.fixture
def propose(store, clock):
    def make(run, state, **options):
        return store.write(
            lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, now=clock.now, **options)
        )

    return make


# --- Storing ---------------------------------------------------------------------------------------------------


def test_every_field_of_a_flow_run_comes_back(store, clock):
    flow = store.write(lambda conn: flows.read_or_create_flow(conn, "f", now=clock.now))
    run = FlowRun(
        flow_id=flow.id,
        name="a-b",
        flow_version="1",
        deployment_id=uuid4(),
        deployment_version="2",
        work_queue_id=uuid4(),
        work_pool_id=uuid4(),
        parameters={"x": {"deep": [1, None, "ü"]}},
        context={"c": 1},
        idempotency_key="key",
        empirical_policy=FlowRunPolicy(retries=2, retry_delay=1.5, pause_keys={"1"}),
        parent_task_run_id=uuid4(),
        auto_scheduled=True,
        infrastructure_document_id=uuid4(),
        infrastructure_pid="1",
        created_by=CreatedBy(id=uuid4(), type="SCHEDULE", display_value="daily"),
        job_variables={"image": "y"},
        tags=["a", "b"],
        labels={"n": 1},
        state=State(
            type=SCHEDULED, state_details=StateDetails(scheduled_time=clock.now + timedelta(hours=1))
        ),
    )
    created = store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=clock.now))
    stored = store.read(lambda conn: flow_runs.read_flow_run(conn, run.id))
    assert stored == created
    changed = {
        "created",
        "updated",
        "state",
        "state_id",
        "state_type",
        "state_name",
        "expected_start_time",
        "next_scheduled_start_time",
    }
    for field in set(FlowRun.__struct_fields__) - changed:
        assert getattr(stored, field) == getattr(run, field), field
    assert stored.expected_start_time == stored.next_scheduled_start_time == clock.now + timedelta(hours=1)
    assert stored.state.name == "Scheduled"


def test_a_run_of_an_unknown_flow_is_refused(store, clock):
    with pytest.raises(StoreConflictError, match="(?i)foreign key"):
        store.write(lambda conn: flow_runs.create_flow_run(conn, FlowRun(flow_id=uuid4()), now=clock.now))


def test_a_run_is_stored_once_by_its_id_and_by_its_idempotency_key(store, clock, make_flow_run, at):
    run = make_flow_run(at(PENDING), name="first", idempotency_key="key")
    for again in (
        FlowRun(id=run.id, flow_id=run.flow_id, name="second"),
        FlowRun(flow_id=run.flow_id, name="third", idempotency_key="key"),
    ):
        assert (
            store.write(lambda conn, again=again: flow_runs.create_flow_run(conn, again, now=clock.now))
            == run
        )
    assert store.read(count_flow_runs) == 1


# --- Moving ----------------------------------------------------------------------------------------------------


def test_a_run_keeps_count_and_time_of_its_running(store, make_flow_run, at):
    run = make_flow_run(at(PENDING), at(RUNNING), at(FAILED), at(RUNNING), at(RUNNING), at(COMPLETED))
    assert run.run_count == 3
    assert run.total_run_time == 3.0
    history = store.read(lambda conn: states.read_states(conn, run.id))
    assert [state.type for state in history] == [PENDING, RUNNING, FAILED, RUNNING, RUNNING, COMPLETED]
    assert (run.start_time, run.end_time) == (history[1].timestamp, history[-1].timestamp)


def test_a_run_that_is_retried_has_not_ended(make_flow_run, at):
    assert make_flow_run(at(RUNNING), at(FAILED), at(RUNNING)).end_time is None


def test_the_answer_to_an_accepted_proposal_has_the_state_and_the_run(propose, make_flow_run, at):
    run, proposed = make_flow_run(at(PENDING)), at(RUNNING)
    result = propose(run, proposed)
    assert (result.status, result.reason) == ("ACCEPT", None)
    assert result.state.id == proposed.id == result.run.state_id
    assert result.run.run_count == 1


def test_a_result_in_memory_stays_with_the_accepted_state_and_is_not_stored(
    store, propose, make_flow_run, at
):
    result = object()
    run = make_flow_run(at(RUNNING))
    assert propose(run, at(COMPLETED, data=result)).state.data is result
    assert store.read(lambda conn: flow_runs.read_flow_run(conn, run.id)).state.data is None


def test_a_rejected_proposal_is_answered_with_the_state_that_the_run_has(store, propose, make_flow_run, at):
    run = make_flow_run(at(RUNNING), at(COMPLETED))
    result = propose(run, at(FAILED))
    assert (result.status, result.state.type) == ("REJECT", COMPLETED)
    assert len(store.read(lambda conn: states.read_states(conn, run.id))) == 2


def test_a_failed_run_with_retries_awaits_the_next_and_waits_for_it(propose, make_flow_run, at, clock):
    run = make_flow_run(at(RUNNING), empirical_policy=FlowRunPolicy(retries=1, retry_delay=10))
    result = propose(run, at(FAILED))
    assert (result.status, result.state.name) == ("REJECT", "AwaitingRetry")
    assert result.run.next_scheduled_start_time == clock.now + timedelta(seconds=10)
    assert result.run.empirical_policy.retry_type == "in_process"
    result = propose(run, at(RUNNING))
    assert (result.status, result.delay_seconds) == ("WAIT", 9)
    clock.tick(10)
    assert propose(run, at(RUNNING)).run.run_count == 2
    result = propose(run, at(FAILED))
    assert (result.status, result.run.empirical_policy.retry_type) == ("ACCEPT", None)


def test_a_run_that_resumes_does_not_count_as_started_again(propose, make_flow_run, at):
    run = make_flow_run(at(RUNNING), at(PAUSED), at(RUNNING))
    assert run.run_count == 1
    suspended = at(PAUSED, "Suspended", state_details=StateDetails(pause_reschedule=True, pause_key="1"))
    run = make_flow_run(
        at(RUNNING), suspended, at(SCHEDULED, "Resuming"), at(PENDING), at(RUNNING), deployment_id=uuid4()
    )
    assert run.run_count == 1
    assert run.empirical_policy.pause_keys == {"1"}
    assert run.empirical_policy.resuming is False


def test_a_scheduled_run_that_nothing_executes_is_cancelled_at_once(propose, make_flow_run, at):
    result = propose(make_flow_run(at(SCHEDULED)), at(CANCELLING))
    assert (result.status, result.state.name) == ("REJECT", "Cancelled")
    assert "nothing executes it" in result.state.message


def test_a_state_that_has_ended_another_run_gets_an_id_of_its_own(store, propose, make_flow_run, at):
    inner, outer, end = make_flow_run(at(RUNNING)), make_flow_run(at(RUNNING)), at(COMPLETED)
    assert propose(inner, end).state.id == end.id
    assert propose(outer, end).state.id != end.id
    assert store.read(lambda conn: flow_runs.read_flow_run(conn, outer.id)).state.is_completed()


def test_states_follow_each_other_in_time_although_the_clock_was_set_back(
    store, propose, make_flow_run, at, clock
):
    run = make_flow_run(at(PENDING), at(RUNNING))
    result = propose(run, State(type=COMPLETED, timestamp=clock.now - timedelta(hours=1)))
    assert result.state.timestamp > run.state.timestamp


def test_force_is_recorded_and_moves_a_run_that_has_ended(propose, make_flow_run, at):
    run = make_flow_run(at(RUNNING), at(COMPLETED))
    assert propose(run, at(FAILED), force=True).status == "ACCEPT"


def test_a_proposal_for_an_unknown_run_is_refused(propose, at):
    run = FlowRun(flow_id=uuid4())
    with pytest.raises(ObjectNotFound, match=str(run.id)):
        propose(run, at(RUNNING))


# --- Subflows --------------------------------------------------------------------------------------------------


def test_the_tracking_task_run_has_the_states_of_its_subflow_run(store, clock, make_flow_run, at, propose):
    parent = make_flow_run(at(RUNNING))
    tracking = TaskRun(task_key="child", dynamic_key="0", flow_run_id=parent.id, state=at(PENDING))
    store.write(lambda conn: task_runs.create_task_run(conn, tracking, now=clock.now))
    child = make_flow_run(at(PENDING), at(RUNNING), at(COMPLETED), parent_task_run_id=tracking.id)
    stored = store.read(lambda conn: task_runs.read_task_run(conn, tracking.id))
    assert stored.state_type is COMPLETED
    assert stored.state.state_details.child_flow_run_id == child.id
    assert (stored.run_count, stored.total_run_time) == (1, 1.0)
    history = store.read(lambda conn: states.read_states(conn, tracking.id))
    assert [state.type for state in history] == [PENDING, PENDING, RUNNING, COMPLETED]
    assert propose(parent, at(COMPLETED)).status == "ACCEPT"


def test_a_subflow_run_whose_tracking_task_run_is_not_stored_here_moves_all_the_same(make_flow_run, at):
    assert make_flow_run(at(RUNNING), at(COMPLETED), parent_task_run_id=uuid4()).state_type is COMPLETED


# --- Changing --------------------------------------------------------------------------------------------------


def test_what_is_given_is_changed_and_the_rest_is_left(store, clock, make_flow_run, at):
    run = make_flow_run(at(PENDING), name="old", parameters={"x": 1}, tags=["a"])
    changed = store.write(
        lambda conn: flow_runs.update_flow_run(conn, run.id, name="new", tags=["b"], now=clock.tick())
    )
    assert (changed.name, changed.tags, changed.parameters) == ("new", ["b"], {"x": 1})
    assert changed.updated == clock.now
    assert changed.state == run.state


def test_changing_an_unknown_run_is_refused(store, clock):
    with pytest.raises(ObjectNotFound):
        store.write(lambda conn: flow_runs.update_flow_run(conn, uuid4(), name="x", now=clock.now))


# --- Reading ---------------------------------------------------------------------------------------------------


def test_how_long_a_run_has_been_running_is_estimated(store, clock, make_flow_run, at):
    run = make_flow_run(at(RUNNING), expected_start_time=clock.now - timedelta(seconds=4))
    now = clock.tick(5)
    assert store.read(lambda conn: flow_runs.read_flow_run(conn, run.id, now=now)).estimated_run_time == 5
    assert store.read(lambda conn: flow_runs.read_flow_run(conn, run.id)).estimated_run_time == 0
    assert store.read(lambda conn: flow_runs.read_flow_run(conn, run.id)).estimated_start_time_delta == 4
    waiting = make_flow_run(at(PENDING), expected_start_time=clock.now)
    later = clock.tick(7)
    read = store.read(lambda conn: flow_runs.read_flow_run(conn, waiting.id, now=later))
    assert read.estimated_start_time_delta == 7
