"""SIGKILL: the store opens clean, what was acknowledged is there, and what is lost is only the newest of the records.

The promise is that at most the last 100 ms of task records are lost. The program under test appends to a file, which
survives it: what a task takes, and then a line for every task that has ended. On a busy machine the program gets no
processor for a while, maybe for a second in the middle of those 100 ms; then the clock says nothing about how much the
recorder was behind. So what is lost is measured in work: as many tasks as are missing, each as long as one takes. A
recorder that wrote at the end would be found out, because each program has done more than that before it is killed.
"""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest

from headrace.client.local import get_orchestrator
from headrace.testing.invariants import assert_history

LOSABLE = 0.1 + 0.1
"""Seconds of work of which a killed program's task records may be missing: those promised, and as many for tasks that
take less than those that were timed."""

TIMED = 20
"""Tasks that the program runs first, one after the other, to know what one takes."""

VICTIM = """
import os, sys, time
from statistics import median
from headrace import flow, get_run_logger, task
from reporting import report

ended = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
tasks, tell_at = int(sys.argv[2]), float(sys.argv[3])

@task(log_prints=False)
def step(number):
    sum(range(50_000))  # about a millisecond: some thousand tasks are enough
    return number

@flow
def victim():
    told, costs = False, []
    for _ in range({timed}):
        begun = time.perf_counter()
        step(-1)
        costs.append(time.perf_counter() - begun)
    os.write(ended, f"{{median(costs)}}\\n".encode())
    begun = time.monotonic()
    {loop}

victim()
"""

SEQUENTIAL = """
    for number in range(tasks):
        step(number)
        os.write(ended, f"{number}\\n".encode())
        if not told and number > 300 and time.monotonic() - begun > tell_at:
            told = True
            report("now")
"""

MAPPED = """
    for batch in range(0, tasks, 500):
        for number, future in enumerate(step.map(range(batch, batch + 500)), batch):
            future.wait()
            os.write(ended, f"{number}\\n".encode())
            if not told and number > 300 and time.monotonic() - begun > tell_at:
                told = True
                report("now")
"""


@pytest.fixture(autouse=True)
def quiet(configure) -> None:
    """Only errors on the console, so that the programs get on with it."""
    configure(HEADRACE_LOGGING_LEVEL="ERROR")


def victim(loop: str) -> str:
    """The program that calls tasks in this loop."""
    return VICTIM.format(timed=TIMED, loop=loop)


def kill(program) -> None:
    """Kill the program once it has reported."""
    program.next_report()
    program.send(signal.SIGKILL)
    assert program.end() == -signal.SIGKILL


def assert_little_lost(file: Path, completed: int) -> None:
    """Of the tasks that the program saw end, only the newest are not among those recorded as completed."""
    cost, *ended = file.read_text().split("\n")[:-1]  # a torn last line is dropped
    lost = TIMED + len(ended) - completed
    assert completed > TIMED
    assert lost * float(cost) < LOSABLE, f"{lost} of {len(ended)} records are lost, {cost} s each"


def assert_sound(path: Path) -> None:
    """SQLite finds nothing wrong with the file."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("tell_at", [1.0, 1.7, 2.3])
def test_of_sequential_tasks_only_the_newest_records_are_lost(launch, recorded, tmp_path, tell_at):
    file = tmp_path / "ended"
    kill(launch(victim(SEQUENTIAL), file, 1_000_000, tell_at))

    assert_sound(recorded.path)
    runs = recorded.task_runs()
    completed = [run for run in runs if run.state_name == "Completed"]
    assert_little_lost(file, len(completed))
    # No holes: what is recorded is the beginning, complete and in order; at most one run is under way.
    assert runs[: len(completed)] == completed
    assert len(runs) - len(completed) <= 1


def test_of_mapped_tasks_only_the_newest_records_are_lost(launch, recorded, tmp_path):
    file = tmp_path / "ended"
    kill(launch(victim(MAPPED), file, 1_000_000, 2.0))

    assert_sound(recorded.path)
    completed = [run for run in recorded.task_runs() if run.state_name == "Completed"]
    assert_little_lost(file, len(completed))


def test_every_recorded_run_has_its_whole_history(launch, recorded, tmp_path):
    kill(launch(victim(SEQUENTIAL), tmp_path / "ended", 1_000_000, 1.0))

    whole = ["Pending", "Running", "Completed"]
    *all_but_last, last = recorded.task_runs()
    assert all(recorded.history(run) == whole for run in all_but_last[-300:])
    assert recorded.history(last) == whole[: len(recorded.history(last))]


def test_the_store_can_be_used_at_once_after_a_kill(launch, recorded, tmp_path):
    kill(launch(victim(SEQUENTIAL), tmp_path / "ended", 1_000_000, 0.3))

    launch("from headrace import flow\nflow(lambda: None, name='next')()").succeed()

    assert recorded.flow_run("next").state_name == "Completed"


# --- What something else was told about ------------------------------------------------------------------------


def test_a_flow_that_has_returned_is_wholly_there(launch, recorded):
    kill(
        launch(
            """
            import time
            from headrace import flow, get_run_logger, task
            from reporting import report

            @task
            def step(number):
                get_run_logger().warning("step %s", number)

            @flow
            def inner():
                for number in range(100):
                    step(number)

            @flow
            def outer():
                inner()
                report("inner has returned")
                time.sleep(3600)

            outer()
            """,
            env={"HEADRACE_LOGGING_LEVEL": "WARNING"},
        )
    )

    inner = recorded.flow_run("inner")
    assert recorded.history(inner) == ["Pending", "Running", "Completed"]
    steps = [run for run in recorded.task_runs() if run.flow_run_id == inner.id]
    assert [run.state_name for run in steps] == ["Completed"] * 100
    assert recorded.messages() == [f"step {number}" for number in range(100)]


def test_a_run_that_user_code_has_seen_running_is_recorded_as_running(launch, recorded):
    kill(
        launch(
            """
            import time
            from headrace import flow
            from reporting import report

            @flow
            def seen():
                report("running")
                time.sleep(3600)

            seen()
            """
        )
    )

    assert recorded.history(recorded.flow_run()) == ["Pending", "Running"]


# --- Seen to be dead -------------------------------------------------------------------------------------------

WAITING = """
import time
from headrace import flow, task
from headrace.client.local import get_orchestrator
from reporting import report

@task
def waiting():
    get_orchestrator().store.write(lambda conn: None)  # what was recorded before it is committed
    report("ready")
    time.sleep(3600)

@flow
def child():
    waiting()

@flow
def victim():
    child()

victim()
"""


def test_a_killed_run_is_found_dead_by_whoever_opens_the_store_next(launch, recorded):
    kill(launch(WAITING))
    assert [run.state_name for run in recorded.flow_runs()] == ["Running", "Running"]

    launch("from headrace import flow\nflow(lambda: None, name='next')()").succeed()

    for name in ("victim", "child"):
        run = recorded.flow_run(name)
        assert recorded.history(run) == ["Pending", "Running", "Crashed"]
        assert recorded.states(run)[-1].message
        assert run.end_time is not None
    assert [run.state_name for run in recorded.task_runs()] == ["Crashed", "Crashed"]


def test_this_process_too_finds_a_killed_run_dead_when_it_opens_the_store(launch, recorded):
    kill(launch(WAITING))

    store = get_orchestrator().store
    store.write(lambda conn: None)  # what was queued before it is committed

    assert recorded.flow_run("victim").state_name == "Crashed"
    assert_history(recorded.store)


def test_a_run_that_lives_is_not_found_dead(launch, recorded):
    program = launch(
        """
        import os
        from headrace import flow
        from reporting import report

        @flow
        def living():
            report("ready")
            with open("gate") as gate:
                gate.read()

        os.mkfifo("gate")
        living()
        """
    )
    assert program.next_report() == "ready"

    launch("from headrace import flow\nflow(lambda: None, name='next')()").succeed()
    assert recorded.flow_run("living").state_name == "Running"

    with open(Path(program.process.args[1]).parent / "gate", "w") as gate:
        gate.write("go on")
    program.succeed()
    assert recorded.history(recorded.flow_run("living")) == ["Pending", "Running", "Completed"]


# --- At every commit -------------------------------------------------------------------------------------------

SMALL = """
from headrace import flow, get_run_logger, task
from reporting import report

@task
def step(number):
    get_run_logger().warning("step %s", number)
    return number

@flow
def child():
    return [step(number) for number in range(3)]

@flow
def small():
    report("child gave", child())
    report("steps gave", step.map(range(3)).result())

small()
report("returned")
"""


@pytest.mark.timeout(600)  # a program for each commit that the script makes
@pytest.mark.parametrize("point", ["ledger.before_commit", "ledger.after_commit"])
def test_killed_at_any_commit_nothing_acknowledged_is_lost_and_the_store_is_sound(
    launch, recorded, tmp_path, point
):
    fired, nth = tmp_path / "fired", 0
    while True:
        nth += 1
        fired.write_text("")
        reports = _killed_at(launch, recorded, f"{point}=nth:{nth}:kill", fired)
        if not fired.read_text():
            break
        assert_sound(recorded.path)
        _assert_what_was_reported_is_recorded(recorded, reports)
        recorded.close()
        get_orchestrator().store.write(lambda conn: None)
        assert_history(recorded.store)
        _start_over(recorded)

    assert nth > 3, "the point has hardly fired"
    assert "returned" in reports


def _killed_at(launch, recorded, armed: str, fired: Path) -> list[str]:
    program = launch(SMALL, env={"HEADRACE_FAILPOINTS": armed, "HEADRACE_FAILPOINTS_FIRED": str(fired)})
    reports = program.reports()
    assert program.end() == (-signal.SIGKILL if fired.read_text() else 0)
    return reports


def _assert_what_was_reported_is_recorded(recorded, reports: list[str]) -> None:
    names = {run.state_name for run in recorded.flow_runs()}
    if any(line.startswith("child gave") for line in reports):
        child = recorded.flow_run("child")
        assert child.state_name == "Completed"
        assert [run.state_name for run in recorded.task_runs() if run.flow_run_id == child.id] == [
            "Completed"
        ] * 3
    if "returned" in reports:
        assert names == {"Completed"}


def _start_over(recorded) -> None:
    """An empty home folder again."""
    from headrace.client.local import close_orchestrators

    close_orchestrators()
    recorded.close()
    for file in recorded.path.parent.glob(recorded.path.name + "*"):
        file.unlink()
