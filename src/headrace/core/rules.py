"""The rules about what may happen to runs, in priority order.

A rule is asked about a move, from the `present` state of a run (None before its first) to a `proposed` one. It answers
None when it has nothing to say, `Accept` with changes when the move needs some, and anything else when that settles
the matter: later rules are not asked then. `core.machine` asks them, and afterwards the transition table.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from math import ceil

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.core.verdicts import Abort, Accept, Draft, Facts, FlowRun, Reject, State, TaskRun, Verdict, Wait

FlowRule = Callable[[FlowRun, State | None, State, Facts], Verdict | None]
TaskRule = Callable[[TaskRun, State | None, State, Facts], Verdict | None]

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CANCELLED = StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED
PAUSED, CANCELLING = StateType.PAUSED, StateType.CANCELLING

RETRIES = frozenset({SCHEDULED, PENDING, RUNNING})
"""What a final state is left for: an explicit retry."""

PENDING_STEPS = frozenset({"Submitting", "InfrastructurePending"})
"""Names of what a pending run goes through while infrastructure is prepared for it."""


def _ended(state: State | None) -> bool:
    return state is not None and state.type in TERMINAL_STATES


def _carries_result(state: State | None) -> bool:
    return state is not None and state.type is COMPLETED and state.data is not None


# --- Of both kinds of run --------------------------------------------------------------------------------------


def refuse_duplicate(
    run: FlowRun | TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A proposal that is sent again, because its answer was lost, is made once."""
    if not is_repeated(present, proposed):
        return None
    return Reject(reason="This run has made this transition already.")


def is_repeated(present: State | None, proposed: State) -> bool:
    """Whether the present state is what came of the same proposal."""
    transition = proposed.state_details.transition_id
    return (
        present is not None and transition is not None and present.state_details.transition_id == transition
    )


def protect_result(
    run: FlowRun | TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A persisted result is not lost to a state of the same type that has none; not even by force."""
    if _carries_result(present) and proposed.type is COMPLETED and proposed.data is None:
        return Reject(
            reason="The run is Completed with a persisted result, which the proposed state does not carry."
        )
    return None


def copy_scheduled_time(
    run: FlowRun | TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A pending run remembers for when it was scheduled."""
    if present is None or present.type is not SCHEDULED or proposed.type is not PENDING:
        return None
    return Accept(details={"scheduled_time": present.state_details.scheduled_time})


def wait_for_scheduled_time(
    run: FlowRun | TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A run does not start before its time."""
    if present is None or present.type not in (SCHEDULED, PENDING) or proposed.type is not RUNNING:
        return None
    due = present.state_details.scheduled_time
    if due is None or due <= facts.now:
        return None
    return Wait(
        seconds=ceil((due - facts.now).total_seconds()), reason="The run's scheduled time is in the future."
    )


def _awaiting_retry(delay: float | None, failed: State, facts: Facts) -> Draft:
    return Draft(
        SCHEDULED,
        "AwaitingRetry",
        message=failed.message,
        scheduled_time=facts.now + timedelta(seconds=delay or 0),
    )


# --- Of flow runs ----------------------------------------------------------------------------------------------


def protect_ended_flow_run(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """An ended flow run stays as it ended, unless it is retried; then it starts over with its pauses."""
    if present is None or present.type not in TERMINAL_STATES:
        return None
    if proposed.type in (StateType.CRASHED, PAUSED, CANCELLING):
        return Abort(reason=f"The run has ended already: it is {present.type.value}.")
    if proposed.type not in RETRIES:
        return Reject(reason=f"The run has ended already: it is {present.type.value}.")
    if _carries_result(present):
        return Reject(
            reason="The run is Completed and its result is persisted: there is nothing to run again."
        )
    if proposed.type is SCHEDULED and run.deployment_id is None:
        return Abort(
            reason="Only a run of a deployment can be scheduled again: nothing would pick this one up."
        )
    retry_type = "reschedule" if proposed.type is SCHEDULED else None
    return Accept(policy={"pause_keys": set(), "resuming": False, "retry_type": retry_type})


def finish_cancelling(run: FlowRun, present: State | None, proposed: State, facts: Facts) -> Verdict | None:
    """A run that is being cancelled can only become Cancelled."""
    if present is None or present.type is not CANCELLING or proposed.type is CANCELLED:
        return None
    return Reject(reason="The run is being cancelled: it can only become Cancelled.")


def cancel_what_has_no_process(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A run that nothing executes is cancelled at once: there is nobody to stop."""
    if present is None or proposed.type is not CANCELLING:
        return None
    suspended = present.type is PAUSED and present.state_details.pause_reschedule
    if suspended or (present.type is SCHEDULED and run.infrastructure_pid is None):
        reason = f"The run is {present.name} and nothing executes it, so it was cancelled at once."
        return Reject(reason=reason, draft=Draft(CANCELLED, "Cancelled", message=reason))
    return None


def prevent_second_start(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A run that somebody has taken on, or that was cancelled, is not taken on again."""
    if present is None or proposed.type is not PENDING or present.type not in (PENDING, RUNNING, CANCELLED):
        return None
    if present.type is PENDING and proposed.name in PENDING_STEPS and proposed.name != present.name:
        return None
    return Abort(reason=f"The run is {present.type.value}: it cannot become PENDING.")


def only_scheduled_runs_are_late(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A run that was started meanwhile is not late."""
    if proposed.type is not SCHEDULED or proposed.name != "Late":
        return None
    if present is not None and present.type is SCHEDULED:
        return None
    return Reject(reason="Only a run that is still scheduled can be late.")


def pause_running_runs_once(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """Only a running run can pause, and at each pause of its code only once."""
    if proposed.type is not PAUSED:
        return None
    if present is None or present.type is not RUNNING:
        return Reject(reason="Only a running flow run can be paused.")
    details = proposed.state_details
    if details.pause_reschedule and run.parent_task_run_id is not None:
        return Abort(reason="A subflow run cannot be suspended: suspend the flow run that called it.")
    if details.pause_reschedule and run.deployment_id is None:
        return Abort(
            reason="Only a run of a deployment can be suspended: nothing would pick this one up again."
        )
    fired = run.empirical_policy.pause_keys or frozenset()
    if details.pause_key is None:
        return None
    if details.pause_key in fired:
        return Reject(reason=f"The run has been through its pause {details.pause_key!r} already.")
    return Accept(policy={"pause_keys": {*fired, details.pause_key}})


def resume_paused_runs(run: FlowRun, present: State | None, proposed: State, facts: Facts) -> Verdict | None:
    """A paused run resumes in time, and a suspended one only where something can pick it up."""
    if present is None or present.type is not PAUSED:
        return None
    if proposed.type is PENDING:
        return Reject(reason="The run is PAUSED: resume it; it cannot become PENDING.")
    if proposed.type not in (RUNNING, SCHEDULED):
        return None
    details = present.state_details
    if details.pause_reschedule and run.deployment_id is None:
        return Reject(
            reason="Only a suspended run of a deployment can be resumed: nothing would pick this one up."
        )
    if details.pause_timeout is not None and details.pause_timeout < facts.now:
        reason = "The run was not resumed before its pause timed out."
        return Reject(reason=reason, draft=Draft(FAILED, "Failed", message=reason))
    return Accept(policy={"resuming": proposed.type is SCHEDULED})


def end_resuming(run: FlowRun, present: State | None, proposed: State, facts: Facts) -> Verdict | None:
    """A run that has resumed is not resuming any more."""
    if proposed.type is RUNNING and run.empirical_policy.resuming:
        return Accept(policy={"resuming": False})
    return None


def retry_failed_flow_run(
    run: FlowRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A run that failed and has retries left waits for the next."""
    if present is None or present.type is not RUNNING or proposed.type is not FAILED:
        return None
    policy = run.empirical_policy
    if not policy.retries or run.run_count > policy.retries:
        return Accept(policy={"retry_type": None})
    return Reject(
        reason="Retrying",
        draft=_awaiting_retry(policy.retry_delay, proposed, facts),
        policy={"retry_type": "in_process", "pause_keys": set(), "resuming": False},
    )


FLOW_RULES: tuple[FlowRule, ...] = (
    refuse_duplicate,
    protect_result,
    protect_ended_flow_run,
    finish_cancelling,
    cancel_what_has_no_process,
    prevent_second_start,
    only_scheduled_runs_are_late,
    pause_running_runs_once,
    resume_paused_runs,
    copy_scheduled_time,
    wait_for_scheduled_time,
    end_resuming,
    retry_failed_flow_run,
)

FORCED_FLOW_RULES: tuple[FlowRule, ...] = (protect_result, cancel_what_has_no_process)


# --- Of task runs ----------------------------------------------------------------------------------------------


def protect_ended_task_run(
    run: TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """An ended task run stays as it ended, unless it is retried or rolled back."""
    if present is None or present.type not in TERMINAL_STATES or is_rollback(present, proposed):
        return None
    if proposed.type in (StateType.CRASHED, PAUSED, CANCELLING):
        return Abort(reason=f"The task run has ended already: it is {present.type.value}.")
    if proposed.type not in RETRIES or _carries_result(present):
        return Reject(reason=f"The task run has ended already: it is {present.type.value}.")
    return None


def is_rollback(present: State, proposed: State) -> bool:
    """Whether a transaction takes back what the task run completed."""
    return present.type is COMPLETED and proposed.type is COMPLETED and proposed.name == "RolledBack"


def protect_task_result(run: TaskRun, present: State | None, proposed: State, facts: Facts) -> Verdict | None:
    """As `protect_result`; a rollback has taken the result away itself."""
    if present is not None and is_rollback(present, proposed):
        return None
    return protect_result(run, present, proposed, facts)


def start_only_in_running_flow_runs(
    run: TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """No task starts before its flow run does, while it is paused, or after it has ended."""
    if run.flow_run_id is None or proposed.type is not RUNNING or facts.flow_run_state in (None, RUNNING):
        return None
    if facts.flow_run_state is PAUSED:
        return Reject(
            reason=f"The flow run {run.flow_run_id} is paused: its tasks can start when it is resumed.",
            draft=Draft(PENDING, "NotReady", message="The flow run is paused."),
        )
    return Abort(
        reason=f"The task's flow run must be RUNNING for it to start; it is {facts.flow_run_state.value}."
    )


def retry_failed_task_run(
    run: TaskRun, present: State | None, proposed: State, facts: Facts
) -> Verdict | None:
    """A task run that failed and has retries left waits for the next."""
    if present is None or present.type is not RUNNING or proposed.type is not FAILED:
        return None
    policy = run.empirical_policy
    if not policy.retries or run.run_count > policy.retries or proposed.state_details.retriable is False:
        return None
    delay = policy.retry_delay
    if isinstance(delay, list):
        delay = delay[min(run.run_count, len(delay)) - 1] if delay else None
    return Reject(reason="Retrying", draft=_awaiting_retry(delay, proposed, facts))


def name_retries(run: TaskRun, present: State | None, proposed: State, facts: Facts) -> Verdict | None:
    """A run that runs again says so."""
    if (
        present is None
        or proposed.type is not RUNNING
        or proposed.name != "Running"
        or (run.run_count == 0 and not _ended(present))
    ):
        return None
    return Accept(name="Retrying")


TASK_RULES: tuple[TaskRule, ...] = (
    refuse_duplicate,
    protect_task_result,
    protect_ended_task_run,
    start_only_in_running_flow_runs,
    copy_scheduled_time,
    wait_for_scheduled_time,
    retry_failed_task_run,
    name_retries,
)

FORCED_TASK_RULES: tuple[TaskRule, ...] = (protect_task_result,)
