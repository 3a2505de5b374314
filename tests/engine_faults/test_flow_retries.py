"""Retries of flows: the same run again, its tasks as new runs, those with a recorded result not executed again."""

from __future__ import annotations

import pytest

from headrace import flow, runtime, task
from headrace.settings import temporary_settings

FEW = 0.01


class Failing:
    """Raises RuntimeError on its first `failures` calls, and counts them."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.failures:
            raise RuntimeError(f"failure {self.calls}")
        return self.calls


def flaky_flow(colour, failures: int, **options):
    """A flow that fails `failures` times, and the body that counts."""
    body = Failing(failures)

    def unreliable() -> int:
        return body()

    return colour.flow(unreliable, **options), body


def test_a_failed_flow_is_tried_again_as_the_same_run(colour, recorded):
    unreliable, _body = flaky_flow(colour, failures=2, retries=2, retry_delay_seconds=FEW)

    assert colour.run(unreliable) == 3

    run = recorded.flow_run()
    assert recorded.history(run) == [
        "Pending", "Running", "AwaitingRetry", "Running", "AwaitingRetry", "Running", "Completed",
    ]  # fmt: skip
    assert run.run_count == 3
    assert run.empirical_policy.retries == 2


def test_the_awaiting_state_says_why_and_until_when(colour, recorded):
    unreliable, _ = flaky_flow(colour, failures=1, retries=1, retry_delay_seconds=FEW)

    colour.run(unreliable)

    awaiting, running = recorded.states(recorded.flow_run())[2:4]
    assert awaiting.type.value == "SCHEDULED"
    assert awaiting.message == "Flow run encountered an exception: RuntimeError: failure 1"
    assert running.timestamp >= awaiting.state_details.scheduled_time


def test_exhausted_retries_raise_the_last_error(colour, recorded):
    unreliable, body = flaky_flow(colour, failures=9, retries=1)

    with pytest.raises(RuntimeError, match=r"^failure 2$"):
        colour.run(unreliable)

    assert body.calls == 2
    run = recorded.flow_run()
    assert recorded.history(run) == ["Pending", "Running", "AwaitingRetry", "Running", "Failed"]
    assert recorded.states(run)[-1].message == "Flow run encountered an exception: RuntimeError: failure 2"


def test_the_log_announces_the_next_attempt(colour, recorded):
    unreliable, _ = flaky_flow(colour, failures=1, retries=1)

    colour.run(unreliable)

    name = recorded.flow_run().name
    first_lines = [text.splitlines()[0] for text in recorded.messages()]
    assert first_lines == [
        f"Beginning flow run '{name}' for flow 'unreliable'",
        "Encountered exception during execution: RuntimeError('failure 1')",
        "Received non-final state 'AwaitingRetry' when proposing final state 'Failed' and will attempt to run again...",
        f"Beginning flow run '{name}' for flow 'unreliable'",
        "Finished in state Completed()",
    ]


def test_hooks_run_at_each_start_and_once_at_the_end(colour):
    entered = []

    def hook(a_flow, run, state) -> None:
        entered.append(state.name)

    unreliable, _ = flaky_flow(
        colour, failures=1, retries=1, on_running=[hook], on_failure=[hook], on_completion=[hook]
    )
    colour.run(unreliable)

    assert entered == ["Running", "Running", "Completed"]


def test_the_flow_knows_how_often_it_was_started(colour):
    seen = []

    def counting() -> None:
        seen.append(runtime.flow_run.run_count)
        if len(seen) < 2:
            raise ValueError("again")

    colour.run(colour.flow(counting, retries=1))

    assert seen == [1, 2]


def test_tasks_run_again_as_new_runs_of_the_next_attempt(recorded):
    calls = []
    body = Failing(1)

    @task
    def step() -> None:
        calls.append(1)

    @flow(retries=1)
    def unreliable() -> None:
        step()
        body()

    unreliable()

    assert len(calls) == 2
    first, second = recorded.task_runs()
    assert (first.flow_run_run_count, second.flow_run_run_count) == (1, 2)
    assert first.id != second.id
    assert (first.run_count, second.run_count) == (1, 1)


def test_a_task_with_a_recorded_result_is_not_executed_again(colour, recorded):
    calls = []
    body = Failing(1)

    def step() -> str:
        calls.append(1)
        return "kept"

    step_task = colour.task(step, persist_result=True)
    if colour.is_async:

        @flow(retries=1)
        async def unreliable() -> str:
            kept = await step_task()
            body()
            return kept

    else:

        @flow(retries=1)
        def unreliable() -> str:
            kept = step_task()
            body()
            return kept

    assert colour.run(unreliable) == "kept"

    assert len(calls) == 1
    assert [run.state_name for run in recorded.task_runs()] == ["Completed", "Cached"]


def test_a_subflow_is_retried_within_its_parent(colour, recorded):
    child, _body = flaky_flow(colour, failures=1, retries=1)
    parent = colour.flow_calling(child, name="parent")

    assert colour.run(parent) == 2

    assert recorded.flow_run("parent").run_count == 1
    assert recorded.flow_run("unreliable").run_count == 2
    (tracking,) = recorded.task_runs()
    assert tracking.id == recorded.flow_run("unreliable").parent_task_run_id
    assert tracking.state_name == "Completed"


def test_a_returned_failure_is_retried_like_a_raised_one(colour, recorded):
    from headrace.states import Failed

    calls = []

    def judged():
        calls.append(1)
        return Failed(message="not yet") if len(calls) < 2 else "well"

    assert colour.run(colour.flow(judged, retries=1)) == "well"
    assert recorded.history(recorded.flow_run()) == [
        "Pending",
        "Running",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]


def test_the_settings_give_the_default_number_of_retries(colour, recorded):
    with temporary_settings({"flows.default_retries": 1, "flows.default_retry_delay_seconds": FEW}):
        unreliable, _ = flaky_flow(colour, failures=1)
        strict, strict_body = flaky_flow(colour, failures=1, retries=0, name="strict")

    assert colour.run(unreliable) == 2
    with pytest.raises(RuntimeError, match="failure 1"):
        colour.run(strict)
    assert strict_body.calls == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"retries": -1}, "retries"),
        ({"retries": "3"}, "retries"),
        ({"retry_delay_seconds": "soon"}, "retry_delay_seconds"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, named):
    with pytest.raises((TypeError, ValueError), match=named):
        flow(lambda: None, **options)


def test_an_interrupt_is_not_retried(recorded):
    calls = []

    @flow(retries=3)
    def interrupted() -> None:
        calls.append(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert len(calls) == 1
    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Crashed"]
