"""What may happen to runs: the table, the rules one by one, and what holds for any proposal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.machine import FLOW_RUN_TABLE, TASK_RUN_TABLE, decide_flow_run, decide_task_run
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.core.verdicts import Abort, Accept, Draft, Facts, Reject, Verdict, Wait
from headrace.schema.runs import FlowRun, FlowRunPolicy, TaskRun, TaskRunPolicy
from headrace.schema.states import State, StateDetails

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RESULT = {"storage_key": "somewhere"}

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CANCELLED, CRASHED = (
    StateType.COMPLETED,
    StateType.FAILED,
    StateType.CANCELLED,
    StateType.CRASHED,
)
PAUSED, CANCELLING = StateType.PAUSED, StateType.CANCELLING


def state(kind: StateType, name: str | None = None, data: object = None, **details: object) -> State[object]:
    return State(type=kind, name=name, data=data, timestamp=NOW, state_details=StateDetails(**details))


def flow_run(present: State[object] | None, **fields: object) -> FlowRun:
    return FlowRun(flow_id=uuid4(), state=present, **fields)


def task_run(present: State[object] | None, **fields: object) -> TaskRun:
    return TaskRun(task_key="t", dynamic_key="0", state=present, **fields)


def propose(
    run: FlowRun | TaskRun, proposed: State[object], *, now: datetime = NOW, force: bool = False
) -> Verdict:
    facts = Facts(now=now, force=force, flow_run_state=RUNNING if isinstance(run, TaskRun) else None)
    return (
        decide_flow_run(run, proposed, facts)
        if isinstance(run, FlowRun)
        else decide_task_run(run, proposed, facts)
    )


# --- An ordinary life ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [flow_run, task_run])
@pytest.mark.parametrize("end", [COMPLETED, FAILED, CANCELLED, CRASHED])
def test_a_run_goes_from_scheduled_over_pending_and_running_to_its_end(make, end):
    path = [None, SCHEDULED, PENDING, RUNNING, end]
    for present, proposed in pairwise(path):
        verdict = propose(make(present and state(present)), state(proposed))
        assert isinstance(verdict, Accept), (present, proposed)


# --- Duplicates ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [flow_run, task_run])
def test_a_proposal_that_is_sent_again_is_rejected(make):
    transition = uuid4()
    run = make(state(RUNNING, transition_id=transition))
    verdict = propose(run, state(RUNNING, transition_id=transition))
    assert verdict == Reject(reason="This run has made this transition already.")


# --- Final states ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [flow_run, task_run])
@pytest.mark.parametrize("end", sorted(TERMINAL_STATES))
@pytest.mark.parametrize("other", [COMPLETED, FAILED, CANCELLED, CRASHED, PAUSED, CANCELLING])
def test_a_run_that_has_ended_stays_as_it_ended(make, end, other):
    verdict = propose(make(state(end)), state(other))
    assert isinstance(verdict, Reject | Abort)
    assert end.value in verdict.reason


@pytest.mark.parametrize("end", [COMPLETED, FAILED, CRASHED])
@pytest.mark.parametrize("retry", [PENDING, RUNNING])
def test_an_ended_flow_run_may_be_retried_and_goes_through_its_pauses_again(end, retry):
    run = flow_run(state(end), empirical_policy=FlowRunPolicy(pause_keys={"1"}))
    verdict = propose(run, state(retry))
    assert isinstance(verdict, Accept)
    assert verdict.policy["pause_keys"] == set()


@pytest.mark.parametrize("retry", [SCHEDULED, PENDING, RUNNING])
def test_a_completed_flow_run_with_a_persisted_result_is_not_run_again(retry):
    verdict = propose(flow_run(state(COMPLETED, data=RESULT), deployment_id=uuid4()), state(retry))
    assert isinstance(verdict, Reject)
    assert verdict.draft is None


@pytest.mark.parametrize("retry", [SCHEDULED, PENDING, RUNNING])
def test_a_completed_task_run_with_a_persisted_result_is_not_run_again(retry):
    assert isinstance(propose(task_run(state(COMPLETED, data=RESULT)), state(retry)), Reject)


@pytest.mark.parametrize("end", sorted(TERMINAL_STATES))
def test_only_a_run_of_a_deployment_is_scheduled_again(end):
    assert isinstance(propose(flow_run(state(end)), state(SCHEDULED)), Abort)
    verdict = propose(flow_run(state(end), deployment_id=uuid4()), state(SCHEDULED))
    assert isinstance(verdict, Accept)
    assert verdict.policy["retry_type"] == "reschedule"


def test_a_completed_task_run_may_be_rolled_back_although_its_result_was_persisted():
    assert isinstance(
        propose(task_run(state(COMPLETED, data=RESULT)), state(COMPLETED, "RolledBack")), Accept
    )


@pytest.mark.parametrize("force", [False, True])
def test_a_persisted_result_is_not_lost_even_by_force(force):
    verdict = propose(flow_run(state(COMPLETED, data=RESULT)), state(COMPLETED), force=force)
    assert isinstance(verdict, Reject)


@pytest.mark.parametrize("make", [flow_run, task_run])
def test_force_moves_a_run_from_any_state_to_any_other(make):
    for present in StateType:
        for proposed in set(StateType) - {CANCELLING}:
            assert isinstance(propose(make(state(present)), state(proposed), force=True), Accept)


# --- Cancelling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", sorted(set(StateType) - {CANCELLED}))
def test_a_run_that_is_being_cancelled_can_only_become_cancelled(other):
    assert isinstance(propose(flow_run(state(CANCELLING)), state(other)), Reject)
    assert isinstance(propose(flow_run(state(CANCELLING)), state(CANCELLED)), Accept)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("present", [state(SCHEDULED), state(PAUSED, "Suspended", pause_reschedule=True)])
def test_a_run_that_nothing_executes_is_cancelled_at_once(present, force):
    verdict = propose(flow_run(present), state(CANCELLING), force=force)
    assert isinstance(verdict, Reject)
    assert verdict.draft is not None
    assert verdict.draft.type is CANCELLED


@pytest.mark.parametrize(
    "run",
    [flow_run(state(SCHEDULED), infrastructure_pid="1"), flow_run(state(PAUSED)), flow_run(state(RUNNING))],
)
def test_a_run_that_something_executes_is_asked_to_stop(run):
    assert isinstance(propose(run, state(CANCELLING)), Accept)


# --- Pending ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("present", [PENDING, RUNNING, CANCELLED])
def test_a_run_that_was_taken_on_is_not_taken_on_again(present):
    assert isinstance(propose(flow_run(state(present)), state(PENDING)), Abort)


def test_a_pending_run_goes_through_the_steps_of_its_infrastructure():
    pending, submitting = state(PENDING), state(PENDING, "Submitting")
    assert isinstance(propose(flow_run(pending), submitting), Accept)
    assert isinstance(propose(flow_run(submitting), state(PENDING, "InfrastructurePending")), Accept)
    assert isinstance(propose(flow_run(submitting), submitting), Abort)
    assert isinstance(propose(flow_run(submitting), pending), Abort)


# --- Scheduled times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [flow_run, task_run])
def test_a_pending_run_remembers_for_when_it_was_scheduled(make):
    verdict = propose(make(state(SCHEDULED, scheduled_time=NOW)), state(PENDING))
    assert verdict == Accept(details={"scheduled_time": NOW})


@pytest.mark.parametrize("make", [flow_run, task_run])
@pytest.mark.parametrize("present", [SCHEDULED, PENDING])
def test_a_run_waits_for_its_time(make, present):
    run = make(state(present, scheduled_time=NOW + timedelta(seconds=1.5)))
    verdict = propose(run, state(RUNNING))
    assert isinstance(verdict, Wait)
    assert verdict.seconds == 2
    assert isinstance(propose(run, state(RUNNING), now=NOW + timedelta(seconds=1.5)), Accept)


def test_only_a_scheduled_run_can_be_late():
    assert isinstance(propose(flow_run(state(SCHEDULED)), state(SCHEDULED, "Late")), Accept)
    assert isinstance(propose(flow_run(state(RUNNING)), state(SCHEDULED, "Late")), Reject)


# --- Retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "policy"),
    [
        (flow_run, FlowRunPolicy(retries=2, retry_delay=5)),
        (task_run, TaskRunPolicy(retries=2, retry_delay=5)),
    ],
)
def test_a_failed_run_with_retries_left_awaits_the_next(make, policy):
    for run_count in (1, 2):
        verdict = propose(make(state(RUNNING), run_count=run_count, empirical_policy=policy), state(FAILED))
        assert isinstance(verdict, Reject)
        assert verdict.draft == Draft(SCHEDULED, "AwaitingRetry", scheduled_time=NOW + timedelta(seconds=5))
    assert isinstance(
        propose(make(state(RUNNING), run_count=3, empirical_policy=policy), state(FAILED)), Accept
    )


@pytest.mark.parametrize("end", [COMPLETED, CRASHED, CANCELLED])
def test_only_failures_are_retried(end):
    run = flow_run(state(RUNNING), run_count=1, empirical_policy=FlowRunPolicy(retries=2))
    assert isinstance(propose(run, state(end)), Accept)


def test_a_task_run_takes_its_delays_from_a_list_and_repeats_the_last():
    policy = TaskRunPolicy(retries=5, retry_delay=[1.0, 10.0])
    delays = []
    for run_count in (1, 2, 3):
        verdict = propose(
            task_run(state(RUNNING), run_count=run_count, empirical_policy=policy), state(FAILED)
        )
        delays.append((verdict.draft.scheduled_time - NOW).total_seconds())
    assert delays == [1, 10, 10]


def test_a_task_run_that_says_it_is_not_retriable_is_not_retried():
    run = task_run(state(RUNNING), run_count=1, empirical_policy=TaskRunPolicy(retries=5))
    assert isinstance(propose(run, state(FAILED, retriable=False)), Accept)


def test_a_task_run_that_runs_again_is_named_so():
    assert propose(task_run(state(FAILED), run_count=1), state(RUNNING)) == Accept(name="Retrying")
    assert propose(task_run(state(PENDING)), state(RUNNING)) == Accept()


# --- Pausing and resuming --------------------------------------------------------------------------------------


def test_a_running_run_pauses_once_at_each_pause():
    run = flow_run(state(RUNNING), empirical_policy=FlowRunPolicy(pause_keys={"1"}))
    assert isinstance(propose(run, state(PAUSED, pause_key="1")), Reject)
    assert propose(run, state(PAUSED, pause_key="2")) == Accept(policy={"pause_keys": {"1", "2"}})


@pytest.mark.parametrize("present", [None, SCHEDULED, PENDING, PAUSED])
def test_only_a_running_run_can_be_paused(present):
    assert isinstance(propose(flow_run(present and state(present)), state(PAUSED)), Reject)


def test_only_a_run_of_a_deployment_that_is_no_subflow_can_be_suspended():
    suspended = state(PAUSED, "Suspended", pause_reschedule=True)
    deployed = {"deployment_id": uuid4()}
    assert isinstance(propose(flow_run(state(RUNNING)), suspended), Abort)
    assert isinstance(
        propose(flow_run(state(RUNNING), parent_task_run_id=uuid4(), **deployed), suspended), Abort
    )
    assert isinstance(propose(flow_run(state(RUNNING), **deployed), suspended), Accept)


def test_a_paused_run_resumes_until_its_pause_times_out():
    run = flow_run(state(PAUSED, pause_timeout=NOW))
    assert isinstance(propose(run, state(RUNNING)), Accept)
    verdict = propose(run, state(RUNNING), now=NOW + timedelta(seconds=1))
    assert isinstance(verdict, Reject)
    assert verdict.draft is not None
    assert verdict.draft.type is FAILED


def test_a_suspended_run_resumes_by_being_scheduled():
    suspended = state(PAUSED, "Suspended", pause_reschedule=True)
    resuming = state(SCHEDULED, "Resuming")
    assert isinstance(propose(flow_run(suspended), resuming), Reject)
    assert propose(flow_run(suspended, deployment_id=uuid4()), resuming) == Accept(policy={"resuming": True})


def test_a_run_that_has_resumed_is_not_resuming_any_more():
    run = flow_run(state(PENDING), empirical_policy=FlowRunPolicy(resuming=True))
    assert propose(run, state(RUNNING)) == Accept(policy={"resuming": False})


def test_a_paused_run_does_not_become_pending():
    assert isinstance(propose(flow_run(state(PAUSED)), state(PENDING)), Reject)


# --- Tasks and their flow run ----------------------------------------------------------------------------------


@pytest.mark.parametrize("around", sorted(set(StateType) - {RUNNING, PAUSED}))
def test_no_task_starts_in_a_flow_run_that_does_not_run(around):
    run = task_run(state(PENDING), flow_run_id=uuid4())
    verdict = decide_task_run(run, state(RUNNING), Facts(now=NOW, flow_run_state=around))
    assert isinstance(verdict, Abort)
    assert around.value in verdict.reason


def test_a_task_in_a_paused_flow_run_is_not_ready():
    run = task_run(state(PENDING), flow_run_id=uuid4())
    verdict = decide_task_run(run, state(RUNNING), Facts(now=NOW, flow_run_state=PAUSED))
    assert isinstance(verdict, Reject)
    assert verdict.draft is not None
    assert verdict.draft.name == "NotReady"


def test_a_task_outside_a_flow_run_starts():
    assert isinstance(decide_task_run(task_run(state(PENDING)), state(RUNNING), Facts(now=NOW)), Accept)


# --- Whatever is proposed --------------------------------------------------------------------------------------

names = st.sampled_from(
    [None, "Late", "AwaitingRetry", "Submitting", "RolledBack", "Suspended", "Resuming", "X"]
)
states = st.builds(
    state,
    st.sampled_from(StateType),
    names,
    data=st.sampled_from([None, RESULT]),
    scheduled_time=st.sampled_from([None, NOW, NOW + timedelta(hours=1)]),
    transition_id=st.sampled_from([None, uuid4()]),
    retriable=st.sampled_from([None, True, False]),
    pause_key=st.sampled_from([None, "1", "2"]),
    pause_timeout=st.sampled_from([None, NOW - timedelta(hours=1), NOW + timedelta(hours=1)]),
    pause_reschedule=st.booleans(),
)
flow_runs = st.builds(
    flow_run,
    st.none() | states,
    run_count=st.integers(0, 3),
    deployment_id=st.sampled_from([None, uuid4()]),
    parent_task_run_id=st.sampled_from([None, uuid4()]),
    infrastructure_pid=st.sampled_from([None, "1"]),
    empirical_policy=st.builds(
        FlowRunPolicy,
        retries=st.sampled_from([None, 0, 2]),
        retry_delay=st.sampled_from([None, 0, 1.5]),
        pause_keys=st.sampled_from([None, set(), {"1"}]),
        resuming=st.sampled_from([None, True, False]),
    ),
)
task_runs = st.builds(
    task_run,
    st.none() | states,
    run_count=st.integers(0, 3),
    flow_run_id=st.sampled_from([None, uuid4()]),
    empirical_policy=st.builds(
        TaskRunPolicy,
        retries=st.sampled_from([None, 0, 2]),
        retry_delay=st.sampled_from([None, 1, [], [1.0, 2.0]]),
    ),
)
all_facts = st.builds(Facts, now=st.just(NOW), flow_run_state=st.none() | st.sampled_from(StateType))


@given(flow_runs, states, all_facts)
def test_an_accepted_state_of_a_flow_run_is_in_the_table(run, proposed, facts):
    if isinstance(decide_flow_run(run, proposed, facts), Accept):
        assert proposed.type in FLOW_RUN_TABLE[run.state and run.state.type]


@given(task_runs, states, all_facts)
def test_an_accepted_state_of_a_task_run_is_in_the_table_or_a_rollback(run, proposed, facts):
    if isinstance(decide_task_run(run, proposed, facts), Accept) and proposed.name != "RolledBack":
        assert proposed.type in TASK_RUN_TABLE[run.state and run.state.type]


@given(flow_runs | task_runs, states, all_facts)
def test_a_state_that_is_drafted_instead_is_in_the_table_too(run, proposed, facts):
    is_flow_run = isinstance(run, FlowRun)
    verdict = decide_flow_run(run, proposed, facts) if is_flow_run else decide_task_run(run, proposed, facts)
    if isinstance(verdict, Reject) and verdict.draft is not None:
        table = FLOW_RUN_TABLE if is_flow_run else TASK_RUN_TABLE
        assert verdict.draft.type in table[run.state and run.state.type]


@given(flow_runs | task_runs, states, all_facts)
def test_a_refusal_says_why(run, proposed, facts):
    verdict = (
        decide_flow_run(run, proposed, facts)
        if isinstance(run, FlowRun)
        else decide_task_run(run, proposed, facts)
    )
    assert isinstance(verdict, Accept) or verdict.reason


@given(flow_runs, states, all_facts)
def test_the_same_question_gets_the_same_answer(run, proposed, facts):
    assert decide_flow_run(run, proposed, facts) == decide_flow_run(run, proposed, facts)


@given(flow_runs, states, all_facts)
def test_an_ended_flow_run_is_left_only_by_a_retry(run, proposed, facts):
    ended = run.state is not None and run.state.type in TERMINAL_STATES
    if ended and isinstance(decide_flow_run(run, proposed, facts), Accept):
        assert proposed.type in (SCHEDULED, PENDING, RUNNING)
