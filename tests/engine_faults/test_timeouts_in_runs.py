"""Timeouts: TimedOut at the deadline in every case, whatever the code is doing then.

The code under test would run for an hour, or for ever, if it were not stopped: where a timeout fails to take effect,
the test does not fail an assertion about time, it does not end.
"""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from headrace import flow, task

HOUR = 3600
SOON = 0.1
"""The timeout of most tasks here, in seconds."""


TASK_TIMED_OUT = ("FAILED", "TimedOut", f"Task run exceeded timeout of {SOON} second(s)")
FLOW_TIMED_OUT = ("FAILED", "TimedOut", f"Flow run exceeded timeout of {SOON} second(s)")


# --- Tasks in the main thread ----------------------------------------------------------------------------------


def test_a_task_asleep_in_the_main_thread_is_interrupted(recorded):
    @task(timeout_seconds=SOON)
    def sleepy() -> None:
        time.sleep(HOUR)

    @flow
    def calling() -> str:
        state = sleepy(return_state=True)
        with pytest.raises(TimeoutError):
            state.result()
        return state.name

    assert calling() == "TimedOut"

    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "TimedOut"]
    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_a_busy_loop_in_the_main_thread_is_interrupted(recorded):
    @task(timeout_seconds=SOON)
    def busy() -> None:
        while True:
            sum(range(100))

    with pytest.raises(TimeoutError):
        flow(lambda: busy(), name="calling")()

    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_the_code_that_is_interrupted_can_clean_up():
    cleaned = []

    @task(timeout_seconds=SOON)
    def tidy() -> None:
        try:
            time.sleep(HOUR)
        finally:
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        tidy()

    assert cleaned == [True]


def test_swallowing_exceptions_in_a_loop_does_not_outlive_the_deadline(recorded):
    @task(timeout_seconds=SOON)
    def stubborn() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pass

    with pytest.raises(TimeoutError):
        stubborn()

    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_swallowing_even_the_interruption_does_not_make_the_run_complete(recorded):
    @task(timeout_seconds=SOON)
    def deaf() -> str:
        try:
            time.sleep(HOUR)
        except BaseException:
            pass
        return "done"

    with pytest.raises(TimeoutError):
        deaf()

    assert recorded.ending(recorded.task_run()) == TASK_TIMED_OUT


def test_a_task_that_ends_in_time_is_left_alone(colour, recorded):
    assert colour.run(colour.flow_calling(colour.task(lambda: "in time", timeout_seconds=60))) == "in time"
    assert recorded.task_run().state_name == "Completed"


def test_no_interruption_comes_after_a_task_that_ended_in_time():
    @task(timeout_seconds=0.05)
    def quick() -> int:
        return 1

    @flow
    def calling() -> int:
        total = sum(quick() for _ in range(50))
        time.sleep(0.06)  # past the deadline of every one of them
        return total

    assert calling() == 50


# --- Flows -----------------------------------------------------------------------------------------------------


def test_a_flow_is_interrupted_at_its_deadline(recorded):
    @flow(timeout_seconds=SOON)
    def sleepy() -> None:
        time.sleep(HOUR)

    with pytest.raises(TimeoutError):
        sleepy()

    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "TimedOut"]
    assert recorded.ending(recorded.flow_run()) == FLOW_TIMED_OUT


def test_an_async_flow_is_interrupted_at_its_deadline(recorded):
    @flow(timeout_seconds=SOON)
    async def sleepy() -> None:
        await asyncio.sleep(HOUR)

    state = asyncio.run(sleepy(return_state=True))

    assert state.name == "TimedOut"
    assert recorded.ending(recorded.flow_run()) == FLOW_TIMED_OUT


def test_a_task_of_a_flow_that_times_out_ends_with_it(recorded):
    @task
    def sleepy() -> None:
        time.sleep(HOUR)

    @flow(timeout_seconds=SOON)
    def calling() -> None:
        sleepy()

    assert calling(return_state=True).name == "TimedOut"

    assert recorded.ending(recorded.flow_run()) == FLOW_TIMED_OUT
    run = recorded.task_run()
    assert run.state_type.value in ("FAILED", "CRASHED", "CANCELLED")
    assert run.end_time <= recorded.flow_run().end_time


def test_an_async_task_of_a_flow_that_times_out_ends_with_it(recorded):
    @task
    async def sleepy() -> None:
        await asyncio.sleep(HOUR)

    @flow(timeout_seconds=SOON)
    async def calling() -> None:
        await sleepy()

    assert asyncio.run(calling(return_state=True)).name == "TimedOut"
    assert recorded.task_run().state_type.value in ("FAILED", "CRASHED", "CANCELLED")


def test_a_flow_that_waits_for_submitted_tasks_times_out(recorded, release):
    @task
    def blocked() -> None:
        release.wait()

    @flow(timeout_seconds=SOON)
    def submitting() -> None:
        future = blocked.submit()
        release_later = threading.Timer(5 * SOON, release.set)
        release_later.start()
        future.result()

    assert submitting(return_state=True).name == "TimedOut"
    assert recorded.task_run().state_type.value in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def test_a_subflow_times_out_for_itself(recorded):
    @flow(timeout_seconds=SOON)
    def child() -> None:
        time.sleep(HOUR)

    @flow
    def parent() -> str:
        try:
            child()
        except TimeoutError:
            return "caught"
        return "not raised"

    assert parent() == "caught"
    assert recorded.flow_run("child").state_name == "TimedOut"
    assert recorded.flow_run("parent").state_name == "Completed"


# --- Deadlines within deadlines, retries, and others' TimeoutErrors --------------------------------------------


def test_an_inner_timeout_leaves_the_outer_deadline_in_force(recorded):
    @task(timeout_seconds=SOON)
    def inner() -> None:
        time.sleep(HOUR)

    @task(timeout_seconds=20 * SOON)
    def outer() -> None:
        inner(return_state=True)
        time.sleep(HOUR)

    assert flow(lambda: outer(return_state=True).name, name="calling")() == "TimedOut"
    assert [run.state_name for run in recorded.task_runs()] == ["TimedOut", "TimedOut"]


def test_an_outer_deadline_ends_an_inner_task_whose_own_is_later(recorded):
    @task(timeout_seconds=HOUR)
    def inner() -> None:
        time.sleep(HOUR)

    @flow(timeout_seconds=SOON)
    def outer() -> None:
        inner()

    assert outer(return_state=True).name == "TimedOut"
    assert recorded.ending(recorded.flow_run()) == FLOW_TIMED_OUT


def test_a_task_that_times_out_is_retried(colour, recorded):
    calls = []

    if colour.is_async:

        @task(timeout_seconds=SOON, retries=1)
        async def slow_once() -> str:
            calls.append(1)
            if len(calls) == 1:
                await asyncio.sleep(HOUR)
            return "well"

    else:

        @task(timeout_seconds=SOON, retries=1)
        def slow_once() -> str:
            calls.append(1)
            if len(calls) == 1:
                time.sleep(HOUR)
            return "well"

    assert colour.run(colour.flow_calling(slow_once)) == "well"
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Retrying", "Completed"]


def test_a_timeout_that_leaves_the_flow_makes_the_flow_timed_out(recorded):
    @task(timeout_seconds=SOON)
    def sleepy() -> None:
        time.sleep(HOUR)

    @flow
    def calling() -> None:
        sleepy()

    with pytest.raises(TimeoutError):
        calling()

    run = recorded.flow_run()
    assert (run.state_type.value, run.state_name) == ("FAILED", "TimedOut")
    assert recorded.states(run)[-1].message.startswith("Flow run failed due to timeout: ")


def test_a_timeout_error_of_the_users_own_makes_the_task_timed_out(colour, recorded):
    def impatient() -> None:
        raise TimeoutError("the service did not answer")

    with pytest.raises(TimeoutError, match="the service did not answer"):
        colour.run(colour.flow_calling(colour.task(impatient)))

    last = recorded.states(recorded.task_run())[-1]
    assert (last.type.value, last.name) == ("FAILED", "TimedOut")
    assert last.message == "Task run failed due to timeout: TimeoutError('the service did not answer')"


def test_the_log_says_what_was_exceeded(recorded):
    @task(timeout_seconds=SOON)
    def sleepy() -> None:
        time.sleep(HOUR)

    flow(lambda: sleepy(return_state=True) and None, name="calling")()

    lines = [(line.level, line.message) for line in recorded.logs() if line.task_run_id]
    assert (40, f"Task run exceeded timeout of {SOON} second(s)") in lines
    assert lines[-1] == (
        40,
        f"Finished in state TimedOut('Task run exceeded timeout of {SOON} second(s)', type=FAILED)",
    )


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
@pytest.mark.parametrize("seconds", [-1, "soon", float("nan")])
def test_a_timeout_that_makes_no_sense_is_refused_by_name(decorate, seconds):
    with pytest.raises((TypeError, ValueError), match="timeout_seconds"):
        decorate(lambda: None, timeout_seconds=seconds)


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
def test_a_timeout_of_zero_is_none(decorate):
    assert decorate(lambda: "ran", timeout_seconds=0)() == "ran"
