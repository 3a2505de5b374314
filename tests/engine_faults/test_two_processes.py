"""Several processes, one store: nobody sees an error, and everything of everybody is recorded."""

from __future__ import annotations

from collections import Counter

import pytest

WORKER = """
import sys
from headrace import flow, get_run_logger, task
from reporting import report

who, flows = sys.argv[1], int(sys.argv[2])

@task
def step(number):
    get_run_logger().warning("%s says %s", who, number)
    return number

@flow
def working(who: str, number: int):
    return [step(3 * number + part) for part in range(3)]

report("ready")
sys.stdin.close()
for number in range(flows):
    assert working(who, number) == [3 * number, 3 * number + 1, 3 * number + 2]
report("done")
"""

FLOWS = 60


@pytest.fixture(autouse=True)
def quiet(configure) -> None:
    configure(HEADRACE_LOGGING_LEVEL="WARNING")


def assert_all_recorded(recorded, names: list[str], flows: int) -> None:
    """Each of the programs has recorded all of its flows, their tasks, and what those logged, in order."""
    runs = recorded.flow_runs()
    assert Counter((run.parameters["who"], run.state_name) for run in runs) == {
        (who, "Completed"): flows for who in names
    }
    assert Counter(run.state_name for run in recorded.task_runs()) == {"Completed": 3 * flows * len(names)}
    for who in names:
        said = [text for text in recorded.messages() if text.startswith(who)]
        assert said == [f"{who} says {number}" for number in range(3 * flows)]


def quietly_done(program) -> None:
    """The program has ended well, and has not complained: its own warnings are all that it shows."""
    program.succeed()
    assert all("says" in line for line in program.stderr.splitlines()), program.stderr


def test_two_programs_that_share_a_store_record_everything(launch, recorded):
    launch("from headrace import flow\nflow(lambda who: None, name='first')('nobody')").succeed()
    programs = [launch(WORKER, who, FLOWS) for who in ("anna", "bert")]
    for program in programs:
        quietly_done(program)

    runs = [run for run in recorded.flow_runs() if run.parameters["who"] != "nobody"]
    assert Counter((run.parameters["who"], run.state_name) for run in runs) == {
        ("anna", "Completed"): FLOWS,
        ("bert", "Completed"): FLOWS,
    }
    assert Counter(run.state_name for run in recorded.task_runs()) == {"Completed": 6 * FLOWS}


def test_programs_that_start_at_once_on_no_store_make_one_together(launch, recorded):
    names = ["anna", "bert", "carl", "dora"]
    programs = [launch(WORKER, who, 15) for who in names]
    for program in programs:
        quietly_done(program)

    assert_all_recorded(recorded, names, 15)


def test_they_know_a_flow_of_the_same_name_as_one(launch, recorded):
    programs = [launch(WORKER, who, 5) for who in ("anna", "bert")]
    for program in programs:
        quietly_done(program)

    assert len({run.flow_id for run in recorded.flow_runs()}) == 1


def test_a_reader_sees_whole_runs_while_others_write(launch, recorded):
    program = launch(WORKER, "anna", FLOWS)
    while program.process.poll() is None:
        if not recorded.path.exists() or recorded.path.stat().st_size == 0:
            continue
        for run in recorded.flow_runs():
            if run.state_name == "Completed":
                own = [task_run for task_run in recorded.task_runs() if task_run.flow_run_id == run.id]
                assert [task_run.state_name for task_run in own] == ["Completed"] * 3
        recorded.close()
    quietly_done(program)

    assert_all_recorded(recorded, ["anna"], FLOWS)


def test_a_store_that_another_program_holds_locked_is_waited_for(launch, recorded):
    import sqlite3

    launch("from headrace import flow\nflow(lambda who: None, name='first')('nobody')").succeed()
    holder = sqlite3.connect(recorded.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    program = launch(WORKER, "anna", 3)
    assert program.next_report() == "ready"
    # The program is now kept waiting for its first record; longer than SQLite itself would wait.
    with pytest.raises(Exception, match="timed out"):
        program.process.wait(timeout=7)
    holder.execute("COMMIT")
    holder.close()

    program.succeed()
    assert "locked" not in program.stderr.replace("has been locked by another process", "")
    assert Counter(run.state_name for run in recorded.task_runs()) == {"Completed": 9}
