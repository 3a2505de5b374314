"""Retries of tasks: when, how often, how long in between, and what the record and the log say about them."""

from __future__ import annotations

import pytest

from headrace import flow, get_run_logger, runtime, task
from headrace.context import TaskRunContext
from headrace.settings import temporary_settings
from headrace.tasks import exponential_backoff

FEW = 0.01
"""A delay in seconds that is long enough to be one, and short enough to wait for."""


class Flaky:
    """A function body that fails a number of times before it succeeds, and counts its calls."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise ValueError(f"failure {self.calls}")
        return "well"


def delays_of(states: list) -> list[float]:
    """The seconds that each AwaitingRetry among the states asks to wait."""
    return [
        (state.state_details.scheduled_time - state.timestamp).total_seconds()
        for state in states
        if state.name == "AwaitingRetry"
    ]


def flaky_task(colour, failures: int, **options):
    """A task that fails `failures` times, and the body that counts."""
    body = Flaky(failures)

    def unreliable() -> str:
        return body()

    return colour.task(unreliable, **options), body


def test_a_retry_without_delay_goes_straight_from_running_to_retrying(colour, recorded):
    unreliable, body = flaky_task(colour, failures=1, retries=2)

    assert colour.run(colour.flow_calling(unreliable)) == "well"

    assert body.calls == 2
    run = recorded.task_run()
    assert recorded.history(run) == ["Pending", "Running", "Retrying", "Completed"]
    assert run.run_count == 2


def test_a_retry_with_delay_awaits_its_time(colour, recorded):
    unreliable, _ = flaky_task(colour, failures=1, retries=1, retry_delay_seconds=FEW)

    assert colour.run(colour.flow_calling(unreliable)) == "well"

    run = recorded.task_run()
    assert recorded.history(run) == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    awaiting, retrying = recorded.states(run)[2:4]
    assert awaiting.type.value == "SCHEDULED"
    assert retrying.type.value == "RUNNING"
    assert retrying.timestamp >= awaiting.state_details.scheduled_time


def test_exhausted_retries_end_in_the_last_error(colour, recorded):
    unreliable, body = flaky_task(colour, failures=9, retries=2)

    with pytest.raises(ValueError, match=r"^failure 3$"):
        colour.run(colour.flow_calling(unreliable))

    assert body.calls == 3
    run = recorded.task_run()
    assert recorded.history(run) == ["Pending", "Running", "Retrying", "Retrying", "Failed"]
    assert run.run_count == 3
    assert recorded.states(run)[-1].message == "Task run encountered an exception ValueError: failure 3"
    assert recorded.flow_run().state_name == "Failed"


def test_without_retries_a_failure_is_final(colour, recorded):
    unreliable, body = flaky_task(colour, failures=1)

    with pytest.raises(ValueError, match=r"^failure 1$"):
        colour.run(colour.flow_calling(unreliable))

    assert body.calls == 1
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Failed"]


def test_a_list_of_delays_is_used_in_order_and_its_last_repeats(colour, recorded):
    unreliable, _ = flaky_task(colour, failures=3, retries=3, retry_delay_seconds=[FEW, 2 * FEW])

    colour.run(colour.flow_calling(unreliable))

    assert delays_of(recorded.states(recorded.task_run())) == pytest.approx([FEW, 2 * FEW, 2 * FEW])


def test_a_callable_of_delays_is_asked_for_as_many_as_there_are_retries(colour, recorded):
    asked = []

    def delays(retries: int) -> list[float]:
        asked.append(retries)
        return [FEW * (number + 1) for number in range(retries)]

    unreliable, _ = flaky_task(colour, failures=2, retries=2, retry_delay_seconds=delays)
    colour.run(colour.flow_calling(unreliable))

    assert set(asked) == {2}
    assert delays_of(recorded.states(recorded.task_run())) == pytest.approx([FEW, 2 * FEW])


def test_exponential_backoff_doubles_each_delay(colour, recorded):
    unreliable, _ = flaky_task(colour, failures=3, retries=3, retry_delay_seconds=exponential_backoff(FEW))

    colour.run(colour.flow_calling(unreliable))

    assert delays_of(recorded.states(recorded.task_run())) == pytest.approx([FEW, 2 * FEW, 4 * FEW])


def test_jitter_varies_the_delays_around_the_one_given(colour, recorded):
    unreliable, _ = flaky_task(
        colour, failures=5, retries=5, retry_delay_seconds=FEW, retry_jitter_factor=0.5
    )

    colour.run(colour.flow_calling(unreliable))

    delays = delays_of(recorded.states(recorded.task_run()))
    assert len(set(delays)) > 1
    assert all(0 < delay <= FEW * 1.5 + 1e-6 for delay in delays)


# --- The condition ---------------------------------------------------------------------------------------------


def test_a_condition_that_says_no_makes_the_first_failure_final(colour, recorded):
    unreliable, body = flaky_task(
        colour, failures=1, retries=3, retry_condition_fn=lambda task, run, state: False
    )

    with pytest.raises(ValueError, match=r"^failure 1$"):
        colour.run(colour.flow_calling(unreliable))

    assert body.calls == 1
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Failed"]


def test_the_condition_sees_the_task_the_run_and_the_failure(colour):
    seen = []

    def condition(a_task, run, state) -> bool:
        with pytest.raises(ValueError, match="failure") as raised:
            state.result()
        seen.append((a_task.name, run.run_count, state.type.value, str(raised.value)))
        return True

    unreliable, _ = flaky_task(colour, failures=2, retries=2, retry_condition_fn=condition)
    colour.run(colour.flow_calling(unreliable))

    assert seen == [("unreliable", 1, "FAILED", "failure 1"), ("unreliable", 2, "FAILED", "failure 2")]


@pytest.mark.parametrize("answer", [True, False])
def test_the_condition_may_be_async(colour, recorded, answer):
    async def condition(a_task, run, state) -> bool:
        return answer

    unreliable, body = flaky_task(colour, failures=1, retries=1, retry_condition_fn=condition)
    calling = colour.flow_calling(unreliable)
    if answer:
        assert colour.run(calling) == "well"
    else:
        with pytest.raises(ValueError, match="failure 1"):
            colour.run(calling)

    assert body.calls == (2 if answer else 1)


def test_a_condition_that_raises_stops_the_retries_and_says_so(colour, recorded):
    def condition(a_task, run, state) -> bool:
        raise RuntimeError("the condition is broken")

    unreliable, body = flaky_task(colour, failures=1, retries=3, retry_condition_fn=condition)

    with pytest.raises(ValueError, match=r"^failure 1$"):
        colour.run(colour.flow_calling(unreliable))

    assert body.calls == 1
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Failed"]
    (line,) = [text for text in recorded.messages() if "retry_condition_fn" in text]
    assert "An error was encountered while running `retry_condition_fn`" in line
    assert "'unreliable'" in line
    assert "the condition is broken" in line


# --- What user code and hooks can know -------------------------------------------------------------------------


def test_the_run_knows_how_often_it_was_started(colour):
    seen = []

    def counting() -> None:
        seen.append((runtime.task_run.run_count, TaskRunContext.get().task_run.run_count))
        if len(seen) < 3:
            raise ValueError("again")

    colour.run(colour.flow_calling(colour.task(counting, retries=2)))

    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_hooks_run_at_each_start_and_once_at_the_end(colour):
    entered = []

    def hook(a_task, run, state) -> None:
        entered.append((state.name, run.run_count))

    unreliable, _ = flaky_task(
        colour, failures=2, retries=2, on_running=[hook], on_failure=[hook], on_completion=[hook]
    )
    colour.run(colour.flow_calling(unreliable))

    assert entered == [("Running", 1), ("Retrying", 2), ("Retrying", 3), ("Completed", 3)]


def test_a_retry_is_logged_with_its_number_and_its_delay(colour, recorded):
    unreliable, _ = flaky_task(colour, failures=2, retries=2, retry_delay_seconds=[0, FEW])

    colour.run(colour.flow_calling(unreliable))

    run = recorded.task_run()
    lines = [(line.level, line.message) for line in recorded.logs() if line.task_run_id == run.id]
    assert lines == [
        (20, "Task run failed with exception: ValueError('failure 1') - Retry 1/2 will start immediately"),
        (
            20,
            f"Task run failed with exception: ValueError('failure 2') - Retry 2/2 will start {FEW} second(s) from now",
        ),
        (20, "Finished in state Completed()"),
    ]


def test_exhausted_retries_are_logged_with_the_traceback_of_the_last_failure(colour, recorded):
    unreliable, _ = flaky_task(colour, failures=2, retries=1)

    with pytest.raises(ValueError, match="failure 2"):
        colour.run(colour.flow_calling(unreliable))

    errors = [line.message for line in recorded.logs() if line.task_run_id and line.level == 40]
    assert errors[0].startswith(
        "Task run failed with exception: ValueError('failure 2') - Retries are exhausted\n"
    )
    assert 'raise ValueError(f"failure {self.calls}")' in errors[0]
    assert errors[1:] == [
        "Finished in state Failed('Task run encountered an exception ValueError: failure 2')"
    ]


def test_the_policy_is_recorded_with_the_run(colour, recorded):
    unreliable, _ = flaky_task(
        colour, failures=0, retries=2, retry_delay_seconds=[1, 2], retry_jitter_factor=0.1
    )

    colour.run(colour.flow_calling(unreliable))

    policy = recorded.task_run().empirical_policy
    assert policy.retries == 2
    assert policy.retry_delay == [1, 2]
    assert policy.retry_jitter_factor == 0.1


def test_lines_logged_by_each_attempt_are_recorded_in_order(colour, recorded):
    def chatty() -> None:
        get_run_logger().info("attempt %s", runtime.task_run.run_count)
        if runtime.task_run.run_count < 3:
            raise ValueError("again")

    colour.run(colour.flow_calling(colour.task(chatty, retries=2)))

    assert [text for text in recorded.messages() if text.startswith("attempt")] == [
        "attempt 1",
        "attempt 2",
        "attempt 3",
    ]


# --- In runners, by default, and by with_options ---------------------------------------------------------------


def test_submitted_tasks_are_retried_on_their_runner(colour, recorded):
    bodies = [Flaky(failures=number % 3) for number in range(6)]

    def unreliable(number: int) -> str:
        return bodies[number]()

    retried = colour.task(unreliable, retries=2, retry_delay_seconds=FEW)

    @flow
    def many() -> list[str]:
        return retried.map(range(6)).result()

    assert many() == ["well"] * 6
    assert [run.run_count for run in recorded.task_runs()] == [1, 2, 3, 1, 2, 3]


def test_the_settings_give_the_default_number_of_retries_and_their_delay(colour, recorded):
    with temporary_settings({"tasks.default_retries": 1, "tasks.default_retry_delay_seconds": FEW}):
        unreliable, _ = flaky_task(colour, failures=1)
        strict, _ = flaky_task(colour, failures=1, retries=0)

    assert colour.run(colour.flow_calling(unreliable)) == "well"
    with pytest.raises(ValueError, match="failure 1"):
        colour.run(colour.flow_calling(strict))

    first, second = recorded.task_runs()
    assert recorded.history(first) == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]
    assert recorded.history(second) == ["Pending", "Running", "Failed"]


def test_with_options_changes_the_retries_of_a_copy(colour):
    strict, body = flaky_task(colour, failures=1)
    patient = strict.with_options(retries=1)

    assert colour.run(colour.flow_calling(patient)) == "well"
    assert (strict.retries, patient.retries, body.calls) == (0, 1, 2)


def test_a_task_outside_flows_is_retried_too(recorded):
    body = Flaky(failures=1)

    @task(retries=1)
    def alone() -> str:
        return body()

    assert alone() == "well"
    assert body.calls == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"retries": -1}, "retries"),
        ({"retries": "3"}, "retries"),
        ({"retries": 1, "retry_jitter_factor": -0.5}, "retry_jitter_factor"),
        ({"retries": 1, "retry_delay_seconds": "soon"}, "retry_delay_seconds"),
        ({"retries": 51, "retry_delay_seconds": list(range(51))}, "50 retry delays"),
        ({"retries": 1, "retry_condition_fn": 3}, "retry_condition_fn"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options, named):
    with pytest.raises((TypeError, ValueError), match=named):
        task(lambda: None, **options)
