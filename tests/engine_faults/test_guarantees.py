"""The guarantees of docs/design/guarantees.md that concern runs on an embedded store: G1, G2, G4, G8 and G9.

Commits that fail (G1, G8) are in test_failing_commits.py, SIGKILL (G3) is in test_kill.py.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from contextvars import copy_context

import pytest

from headrace import flow, get_run_logger, task
from headrace.client.local import get_orchestrator
from headrace.states import Cancelled, Cancelling, Completed, Crashed, Failed, Paused


@task
def step(number: int) -> int:
    get_run_logger().info("step %s", number)
    return number


@task
def bad_step() -> None:
    raise ValueError("bad step")


# --- G1: committed when the call returns or raises -------------------------------------------------------------


def test_g1_everything_is_committed_when_a_flow_returns(colour, recorded):
    a_task = colour.task(step.fn)
    if colour.is_async:

        @flow
        async def working() -> None:
            for number in range(50):
                await a_task(number)

    else:

        @flow
        def working() -> None:
            for number in range(50):
                a_task(number)

    colour.run(working)

    rows = recorded.rows()
    assert rows == {"flow_run": 1, "task_run": 50, "event": 3 + 3 * 50, "log": 2 + 2 * 50}


def test_g1_everything_is_committed_when_a_flow_raises(recorded):
    @flow
    def failing() -> None:
        for number in range(20):
            step(number)
        bad_step()

    with pytest.raises(ValueError, match="bad step"):
        failing()

    rows = recorded.rows()
    assert (rows["task_run"], rows["event"]) == (21, 3 + 3 * 21)
    assert recorded.messages()[-1].startswith("Finished in state Failed(")


def test_g1_everything_is_committed_when_a_flow_is_interrupted(recorded):
    @flow
    def interrupted() -> None:
        step(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    rows = recorded.rows()
    assert (rows["task_run"], rows["event"]) == (1, 3 + 3)
    assert recorded.messages()[-1].startswith("Finished in state Crashed(")


@pytest.mark.parametrize(
    "step_of_the_engine", ["task_run.TaskRunEngine.execute", "runners.thread.TaskRunFuture"]
)
def test_a_task_run_that_an_interrupt_catches_between_two_steps_ends_with_its_flow(
    step_of_the_engine, monkeypatch, recorded
):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    @flow
    def interrupted() -> None:
        monkeypatch.setattr(f"headrace.engine.{step_of_the_engine}", interrupt)
        step(1) if "execute" in step_of_the_engine else step.submit(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert recorded.flow_run().state_name == "Crashed"
    assert recorded.history(recorded.task_run()) == ["Pending", "Crashed"]


def test_g1_what_submitted_tasks_did_is_committed_when_the_flow_returns(recorded):
    @flow
    def submitting() -> None:
        step.map(range(100))

    submitting()

    rows = recorded.rows()
    assert rows == {"flow_run": 1, "task_run": 100, "event": 3 + 3 * 100, "log": 2 + 2 * 100}


def test_g1_a_subflow_is_committed_when_it_returns_to_its_parent(recorded):
    seen = []

    @flow
    def child() -> None:
        step(1)

    @flow
    def parent() -> None:
        child()
        seen.append(recorded.rows())

    parent()

    (rows,) = seen
    assert rows["task_run"] == 2  # the step, and the one that tracks the child
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 2


def test_g1_tasks_outside_flows_are_committed_when_the_script_ends(launch, recorded):
    launch(
        """
        from headrace import task

        @task
        def alone(number):
            return number

        assert [alone(number) for number in range(20)] == list(range(20))
        """
    ).succeed()

    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 20


def test_g1_and_g3_hold_when_the_script_is_ended_by_an_error(launch, recorded):
    program = launch(
        """
        from headrace import flow, task

        @task
        def alone(number):
            return number

        for number in range(20):
            alone(number)
        raise SystemExit("bye")
        """
    )

    assert program.end() == 1
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 20


# --- G2: success means committed -------------------------------------------------------------------------------


def test_g2_what_the_store_has_acknowledged_is_on_disk(recorded):
    seen = []

    @flow
    def looking() -> None:
        connection = sqlite3.connect(recorded.path)
        seen.extend(connection.execute("SELECT state_name FROM flow_run").fetchall())
        connection.close()

    looking()

    assert seen == [("Running",)]


# --- G4: transitions are legal, final states final -------------------------------------------------------------


@pytest.mark.parametrize("other", [Completed, Failed, Crashed, Cancelled, Cancelling, Paused])
def test_g4_a_final_state_is_not_changed_without_force(recorded, other):
    flow(lambda: None, name="done")()
    run = recorded.flow_run()

    verdict = get_orchestrator().set_flow_run_state(run.id, other()).result()

    assert verdict.status.value != "ACCEPT"
    assert recorded.history(run) == ["Pending", "Running", "Completed"]


def test_g4_a_hook_cannot_change_the_state_it_is_told_about(recorded):
    def meddling(a_flow, run, state) -> None:
        state.name = "Meddled"
        run.state = Completed(name="Meddled")

    flow(lambda: None, name="meddled", on_completion=[meddling])()

    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Completed"]


# --- G8: exactly once, in order --------------------------------------------------------------------------------


def test_g8_each_state_names_the_one_that_it_follows(recorded):
    @flow
    def trying() -> None:
        task(lambda: None, name="quick")()
        attempts = iter([ValueError("once"), None])

        @task(retries=1, retry_delay_seconds=0.01)
        def flaky() -> None:
            if (error := next(attempts)) is not None:
                raise error

        flaky()

    trying()

    connection = sqlite3.connect(recorded.path)
    rows = connection.execute(
        "SELECT run_id, id, follows, occurred FROM event WHERE state_type IS NOT NULL ORDER BY seq"
    ).fetchall()
    connection.close()
    last: dict[bytes, tuple] = {}
    for run_id, state_id, follows, occurred in rows:
        previous = last.get(run_id)
        assert follows == (previous[0] if previous else None)
        assert previous is None or occurred >= previous[1]
        last[run_id] = (state_id, occurred)
    assert len(last) == 3


def test_g8_the_histories_of_concurrent_runs_are_each_in_order(recorded):
    @flow
    def concurrent() -> None:
        step.map(range(300)).result()

    concurrent()

    assert Counter(tuple(recorded.history(run)) for run in recorded.task_runs()) == {
        ("Pending", "Running", "Completed"): 300
    }


# --- G9: nothing starts after the end; nothing recorded is executed again --------------------------------------


def test_g9_a_thread_left_behind_cannot_start_tasks_in_a_flow_that_has_ended(recorded):
    ended = threading.Event()
    outcome: list[object] = []

    def late() -> None:
        ended.wait()
        try:
            outcome.append(step(99))
        except BaseException as error:
            outcome.append(error)

    @flow
    def leaving_a_thread() -> threading.Thread:
        thread = threading.Thread(target=copy_context().run, args=(late,))
        thread.start()
        outcome.append(thread)
        step(1)

    leaving_a_thread()
    ended.set()
    thread = outcome.pop(0)
    thread.join()

    run = recorded.flow_run()
    of_the_run = [task_run for task_run in recorded.task_runs() if task_run.flow_run_id == run.id]
    assert all(task_run.start_time <= run.end_time for task_run in of_the_run)
    assert len(of_the_run) == 1
    assert len(outcome) == 1
    if isinstance(outcome[0], BaseException):
        assert "leaving_a_thread" in str(outcome[0]) or run.name in str(outcome[0])


def test_g9_tasks_submitted_when_the_flow_fails_have_ended_when_it_does(recorded):
    @flow
    def failing() -> None:
        step.map(range(30))
        raise ValueError("while they run")

    with pytest.raises(ValueError, match="while they run"):
        failing()

    run = recorded.flow_run()
    for task_run in recorded.task_runs():
        assert task_run.end_time is not None
        assert task_run.start_time is None or task_run.start_time <= run.end_time
        assert task_run.end_time <= run.end_time


def test_g9_a_step_whose_result_was_recorded_is_not_executed_again_by_the_next_attempt(recorded):
    executed = []

    @task(persist_result=True)
    def costly(number: int) -> int:
        executed.append(number)
        return number

    attempts = iter([True, True, False])

    @flow(retries=2)
    def resuming() -> int:
        total = sum(costly(number) for number in range(5))
        if next(attempts):
            raise ValueError("again")
        return total

    assert resuming() == 10
    assert executed == list(range(5))
    assert Counter(run.state_name for run in recorded.task_runs()) == {"Completed": 5, "Cached": 10}
