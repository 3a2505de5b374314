"""The process runner: tasks run in processes of their own, and are recorded as if they ran here.

Definitions stand inside the tests, so that they travel to the other processes by value.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from headrace import flow, get_run_logger, runtime, tags, task
from headrace.exceptions import SerializationError
from headrace.states import StateType
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner


@pytest.fixture
def runner() -> ProcessPoolTaskRunner:
    return ProcessPoolTaskRunner(max_workers=2)


# --- Results ---------------------------------------------------------------------------------------------------


def test_tasks_run_in_other_processes_and_give_their_results(runner, recorded) -> None:
    @task
    def where(n: int) -> tuple[int, int]:
        return n, os.getpid()

    @flow(task_runner=runner)
    def spreading() -> list[tuple[int, int]]:
        return where.map([1, 2, 3]).result()

    results = spreading()
    assert [n for n, _ in results] == [1, 2, 3]
    assert os.getpid() not in {pid for _, pid in results}
    for run in recorded.task_runs():
        assert recorded.history(run) == ["Pending", "Running", "Completed"]
        assert run.flow_run_id == recorded.flow_run().id


def test_async_flows_and_async_tasks_use_processes_too(colour) -> None:
    step = colour.task(lambda n: (n + 1, os.getpid()))

    @colour.flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def spreading() -> Any:
        return [step.submit(1).result(), None]

    (number, pid), _ = colour.run(spreading)
    assert number == 2
    assert pid != os.getpid()


def test_tasks_that_are_called_stay_in_the_flows_process(runner) -> None:
    where = task(lambda: os.getpid())

    @flow(task_runner=runner)
    def staying() -> int:
        return where()

    assert staying() == os.getpid()


def test_futures_are_resolved_before_tasks_are_sent(runner, recorded) -> None:
    @task
    def add(a: int, b: Any = 1) -> int:
        return a + (sum(b) if isinstance(b, list) else b)

    @flow(task_runner=runner)
    def depending() -> int:
        one = add.submit(1)
        return add.submit(one, b=[one, one]).result()

    assert depending() == 6
    first, second = recorded.task_runs()
    assert [run.id for run in second.task_inputs["a"]] == [first.id]


def test_two_workers_work_at_once(runner, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    @task
    def meet(mode: str) -> str:
        with open(pipe, mode):  # Waits until the other end is opened too.
            return mode

    @flow(task_runner=runner)
    def meeting() -> list[str]:
        return meet.map(["r", "w"]).result()

    assert meeting() == ["r", "w"]


def test_a_task_that_waits_for_upstream_occupies_no_process(runner) -> None:
    @task
    def add(a: int) -> int:
        return a + 1

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def chain() -> int:
        future = add.submit(0)
        for _ in range(20):
            future = add.submit(future)
        return future.result()

    assert chain() == 21


# --- Context and records ---------------------------------------------------------------------------------------


def test_tasks_in_other_processes_know_their_runs(runner, recorded) -> None:
    @task(name="aware")
    def aware(n: int) -> dict[str, Any]:
        return {
            "flow_run": runtime.flow_run.id,
            "flow_name": runtime.flow_run.flow_name,
            "task_run": runtime.task_run.id,
            "task_name": runtime.task_run.task_name,
            "parameters": runtime.task_run.parameters,
            "tags": runtime.task_run.tags,
        }

    @flow(name="spreading", task_runner=runner)
    def spreading() -> dict[str, Any]:
        with tags("here"):
            return aware.submit(1).result()

    assert spreading() == {
        "flow_run": str(recorded.flow_run().id),
        "flow_name": "spreading",
        "task_run": str(recorded.task_run().id),
        "task_name": "aware",
        "parameters": {"n": 1},
        "tags": ["here"],
    }
    assert recorded.task_run().tags == ["here"]


def test_what_tasks_log_in_other_processes_is_recorded_with_their_runs(runner, recorded) -> None:
    @task(log_prints=True)
    def telling(n: int) -> None:
        get_run_logger().info("logged %s", n)
        print("printed", n)

    @flow(task_runner=runner)
    def spreading() -> None:
        telling.map([1, 2]).wait()

    spreading()
    assert {"logged 1", "logged 2", "printed 1", "printed 2"} <= set(recorded.messages())


def test_tasks_that_a_task_calls_in_another_process_are_recorded(runner, recorded) -> None:
    @task
    def inner(n: int) -> int:
        return n + 1

    @task
    def outer(n: int) -> int:
        return inner(n) + inner(n)

    @flow(task_runner=runner)
    def nesting() -> int:
        return outer.submit(1).result()

    assert nesting() == 4
    assert [run.state_name for run in recorded.task_runs("inner")] == ["Completed", "Completed"]
    assert {run.flow_run_id for run in recorded.task_runs()} == {recorded.flow_run().id}


def test_retries_happen_in_the_other_process_and_are_recorded(runner, recorded, tmp_path: Path) -> None:
    marker = tmp_path / "tried"

    @task(retries=1)
    def flaky() -> str:
        if not marker.exists():
            marker.touch()
            raise ValueError("first time")
        return "done"

    @flow(task_runner=runner)
    def trying() -> str:
        return flaky.submit().result()

    assert trying() == "done"
    run = recorded.task_run()
    assert (run.run_count, recorded.history(run)) == (2, ["Pending", "Running", "Retrying", "Completed"])


def test_hooks_of_tasks_in_other_processes_are_called(runner, tmp_path: Path) -> None:
    marker = tmp_path / "hooked"

    @task(on_completion=[lambda a_task, run, state: marker.write_text(f"{a_task.name} {state.name}")])
    def hooked() -> None: ...

    @flow(task_runner=runner)
    def hooking() -> None:
        hooked.submit().wait()

    hooking()
    assert marker.read_text() == "hooked Completed"


def test_other_processes_read_the_same_home_folder(runner, home: Path) -> None:
    @task
    def where() -> str:
        from headrace.settings import get_current_settings

        return str(get_current_settings().home)

    @flow(task_runner=runner)
    def asking() -> str:
        return where.submit().result()

    assert asking() == str(home)


# --- Failures --------------------------------------------------------------------------------------------------


def test_errors_in_other_processes_reach_the_flow(runner, recorded) -> None:
    @task
    def failing() -> None:
        raise ValueError("no good")

    @flow(task_runner=runner)
    def trying() -> str:
        future = failing.submit()
        with pytest.raises(ValueError, match="no good"):
            future.result()
        return str(future.state)

    assert trying() == "Failed('Task run encountered an exception ValueError: no good')"
    assert recorded.history(recorded.task_run()) == ["Pending", "Running", "Failed"]


def test_errors_that_cannot_be_pickled_still_fail_their_run(runner, recorded) -> None:
    class Awkward(Exception):
        def __init__(self, code: int, *, lock: Any) -> None:
            super().__init__(f"code {code}")
            self.lock = lock

    @task
    def failing() -> None:
        raise Awkward(7, lock=threading.Lock())

    @flow(task_runner=runner)
    def trying() -> None:
        with pytest.raises(Exception, match="code 7"):
            failing.submit().result()

    trying()
    assert recorded.task_run().state_name == "Failed"


def test_a_task_whose_upstream_failed_is_not_sent(runner, recorded) -> None:
    @task
    def failing() -> None:
        raise ValueError("no good")

    @task
    def never(value: Any) -> None: ...

    @flow(task_runner=runner)
    def holding() -> str:
        return never.submit(failing.submit(), return_state=True).name

    assert holding() == "NotReady"


def test_an_argument_that_cannot_be_pickled_is_named(runner, recorded) -> None:
    @task
    def locking(n: int, lock: Any) -> None: ...

    @flow(task_runner=runner)
    def sending() -> None:
        locking.submit(1, threading.Lock()).result()

    with pytest.raises(Exception, match=r"(?s)lock") as caught:
        sending()
    assert "locking" in str(caught.value)
    assert recorded.task_run().state.is_final()
    assert recorded.flow_run().state_name == "Failed"


def test_a_result_that_cannot_be_pickled_fails_its_run(runner, recorded) -> None:
    @task
    def locking() -> Any:
        return threading.Lock()

    @flow(task_runner=runner)
    def receiving() -> None:
        locking.submit().result()

    with pytest.raises(Exception, match="lock"):
        receiving()
    assert recorded.task_run().state.is_final()


def test_a_process_that_dies_crashes_its_task_and_no_other(runner, recorded) -> None:
    @task
    def dying() -> None:
        os._exit(3)

    @task
    def living(n: int) -> int:
        return n

    @flow(task_runner=runner)
    def surviving() -> int:
        state = dying.submit(return_state=True)
        assert (state.type.value, state.name) == ("CRASHED", "Crashed")
        return living.submit(5).result()

    assert surviving() == 5
    run = recorded.task_run("dying")
    assert run.state_name == "Crashed"
    assert run.state.message
    assert recorded.task_run("living").state_name == "Completed"


def test_a_flow_that_wants_the_result_of_a_dead_process_fails(runner, recorded) -> None:
    @task
    def dying() -> None:
        os._exit(3)

    @flow(task_runner=runner)
    def wanting() -> None:
        dying.submit().result()

    with pytest.raises(Exception, match=r"(?i)process|crash|died|exit"):
        wanting()
    assert recorded.flow_run().state_name in {"Failed", "Crashed"}
    assert recorded.task_run().state_name == "Crashed"


def test_a_task_that_asks_its_process_to_exit_crashes(runner, recorded) -> None:
    @task
    def leaving() -> None:
        raise SystemExit(2)

    @flow(task_runner=runner)
    def surviving() -> str:
        return leaving.submit(return_state=True).name

    assert surviving() == "Crashed"


# --- The runner itself -----------------------------------------------------------------------------------------


def test_an_initializer_prepares_each_process() -> None:
    def prepare(value: str) -> None:
        os.environ["PREPARED"] = value

    @task
    def prepared() -> str:
        return os.environ.get("PREPARED", "no")

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1, initializer=prepare, initargs=("yes",)))
    def preparing() -> str:
        return prepared.submit().result()

    assert preparing() == "yes"
    assert "PREPARED" not in os.environ


def test_an_initializer_that_raises_crashes_the_run_and_says_why(recorded) -> None:
    def prepare() -> None:
        raise LookupError("no such model")

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1, initializer=prepare))
    def preparing() -> Any:
        return task(lambda: 1).submit()

    assert preparing(return_state=True).is_failed()
    state = recorded.task_run().state
    assert state.type is StateType.CRASHED
    assert "LookupError: no such model" in state.message


def test_an_initializer_that_cannot_be_sent_is_named() -> None:
    unsendable = threading.Lock()

    def prepare(lock: Any) -> None:
        raise AssertionError(lock)

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1, initializer=prepare, initargs=(unsendable,)))
    def preparing() -> int:
        return task(lambda: 1).submit().result()

    with pytest.raises(SerializationError, match="initializer"):
        preparing()


def test_a_process_runner_can_be_used_without_a_flow(runner) -> None:
    add = task(lambda a, b=1: a + b)
    with runner:
        assert runner.submit(add, {"a": 1}).result() == 2
        assert runner.map(add, {"a": [1, 2], "b": 5}).result() == [6, 7]


def test_process_runners_of_the_same_size_are_equal() -> None:
    assert ProcessPoolTaskRunner(max_workers=2) == ProcessPoolTaskRunner(max_workers=2)
    assert ProcessPoolTaskRunner(max_workers=2) != ProcessPoolTaskRunner(max_workers=3)
    assert ProcessPoolTaskRunner(max_workers=2) != ThreadPoolTaskRunner(max_workers=2)
    assert ProcessPoolTaskRunner(max_workers=2).duplicate() == ProcessPoolTaskRunner(max_workers=2)
    assert ProcessPoolTaskRunner().name == "processpool"


@pytest.mark.parametrize("workers", [0, -1, "three"])
def test_an_impossible_number_of_processes_is_refused(workers: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="max_workers"):
        ProcessPoolTaskRunner(max_workers=workers)


def test_an_async_flow_may_submit_to_processes_and_go_on_awaiting(runner) -> None:
    step = task(lambda n: n + 1)

    @flow(task_runner=runner)
    async def mixing() -> int:
        future = step.submit(1)
        await asyncio.sleep(0)
        return await asyncio.to_thread(future.result)

    assert asyncio.run(mixing()) == 2
