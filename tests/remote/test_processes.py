"""Processes that end, however they do: what they recorded is theirs to deliver, or the next one's."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from headrace.client.http import get_http_orchestrator

COMPLETED = ["Pending", "Running", "Completed"]

VICTIM = """
import sys
from headrace import flow, get_run_logger, task
from headrace.engine.session import current_session

@task
def step(number):
    get_run_logger().info("step %s", number)

@flow
def victim():
    for number in range(int(sys.argv[1])):
        step(number)
    current_session().recorder.drain().result()
    print("kept")
    input()

victim()
print("returned")
"""


IMPATIENT = {"HEADRACE_CLIENT_PATIENCE_SECONDS": "0"}
"""Do not wait for a server that is away."""


@pytest.fixture
def deliver():
    """Be the next process: deliver what others have left."""
    return lambda: get_http_orchestrator().close()


def assert_sent_once(server):
    """Nothing was sent twice."""
    ids = Counter(getattr(item, "state", item).id for item in server.records)
    twice = {record_id for record_id, count in ids.items() if count > 1}
    assert not [item for item in server.records if getattr(item, "state", item).id in twice]


def test_the_records_of_a_killed_process_are_delivered_by_the_next(server, launch, outbox, deliver):
    held = server.hold(path="/runs/record")
    program = launch(VICTIM, 300)
    assert program.says() == "kept"
    program.kill()
    held.set()
    assert len(outbox()) == 1

    deliver()

    assert outbox() == []
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 300
    assert sorted(line for line in server.messages() if "step" in line) == sorted(
        f"step {number}" for number in range(300)
    )


def test_the_last_words_of_a_killed_process_may_be_half_a_word(server, launch, outbox, deliver):
    held = server.hold(path="/runs/record")
    program = launch(VICTIM, 20)
    assert program.says() == "kept"
    program.kill()
    held.set()
    (path,) = outbox()
    with open(path, "ab") as file:
        file.write(path.read_bytes()[16:60])

    deliver()

    assert outbox() == []
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 20


SMALL = """
from headrace import flow, get_run_logger, task

@task
def step(number):
    get_run_logger().info("step %s", number)

@flow
def child():
    for number in range(3):
        step(number)

@flow
def small():
    child()
    print("child returned")
    for number in range(3, 6):
        step(number)

small()
print("returned")
"""


@pytest.mark.timeout(600)  # a program for each piece that the script sends
@pytest.mark.parametrize("point", ["outbox.after_append", "delivery.before", "delivery.after"])
def test_killed_anywhere_on_the_way_nothing_that_was_told_is_lost(
    server, launch, outbox, deliver, tmp_path, point
):
    nth, fired = 0, tmp_path / "fired"
    while True:
        nth += 1
        fired.write_text("")
        before = {run.id for run in server.flow_runs()}
        program = launch(
            SMALL, HEADRACE_FAILPOINTS=f"{point}=nth:{nth}:kill", HEADRACE_FAILPOINTS_FIRED=str(fired)
        )
        assert program.process.stdout is not None
        told = program.process.stdout.read().splitlines()
        assert program.process.wait(60) == (-signal.SIGKILL if fired.read_text() else 0)
        deliver()
        runs = [run for run in server.flow_runs() if run.id not in before]
        if "child returned" in told:
            assert server.history(runs[1]) == COMPLETED
            steps = [run for run in server.task_runs() if run.flow_run_id == runs[1].id]
            assert [server.history(run) for run in steps] == [COMPLETED] * 3
        if not fired.read_text():
            break

    assert nth > 3, "the point has hardly fired"
    assert told == ["child returned", "returned"]
    assert outbox() == []


AWAY = """
from headrace import flow, task

@task
def step():
    pass

@flow
def away():
    print("running")
    input()
    for _ in range(10):
        step()

away()
print("returned")
"""


def test_a_process_that_must_exit_says_what_it_leaves_and_where(server, launch, outbox, deliver):
    program = launch(AWAY, **IMPATIENT)
    assert program.says() == "running"
    server.stop()
    program.hear()
    assert program.says() == "returned"
    program.succeed()

    (path,) = outbox()
    (warning,) = [line for line in program.stderr.splitlines() if "could not be delivered" in line]
    assert str(path) in warning
    assert server.url in warning
    assert "WARNING" in warning

    server.start()
    deliver()

    assert server.history(server.flow_run()) == COMPLETED
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 10
    assert outbox() == []


def test_a_program_delivers_what_one_before_it_has_left(server, launch, outbox):
    program = launch(AWAY, **IMPATIENT)
    assert program.says() == "running"
    server.stop()
    program.hear()
    program.succeed()
    server.start()

    program = launch("from headrace import flow\nflow(lambda: None, name='next')()").succeed()

    assert [server.history(run) for run in server.flow_runs()] == [COMPLETED] * 2
    assert outbox() == []
    assert "left in" in program.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_ended_leaves_how_its_run_ended(server, launch, outbox, deliver, number):
    program = launch(AWAY)
    assert program.says() == "running"
    server.stop()
    program.process.send_signal(number)
    program.process.wait(60)

    assert len(outbox()) == 1
    server.start()
    deliver()

    assert server.history(server.flow_run()) == ["Pending", "Running", "Crashed"]
    assert outbox() == []


def test_ctrl_c_while_the_server_is_waited_for_ends_the_process(server, launch, outbox, deliver):
    program = launch(AWAY)
    assert program.says() == "running"
    server.stop()
    program.hear()
    while "is away" not in program.stderr:
        assert program.process.poll() is None
    program.process.send_signal(signal.SIGINT)
    program.process.wait(60)

    assert len(outbox()) == 1
    server.start()
    deliver()
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 10
    assert server.flow_run().state_type.value in ("COMPLETED", "CRASHED")


def test_two_processes_with_one_home_do_not_get_in_each_others_way(server, launch, outbox):
    server.answer(503, path="/runs/record", times=4)
    programs = [launch(VICTIM, 200) for _ in range(2)]
    for program in programs:
        assert program.says() == "kept"
    for program in programs:
        program.hear()
    for program in programs:
        program.succeed()

    assert [server.history(run) for run in server.flow_runs()] == [COMPLETED] * 2
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 400
    assert_sent_once(server)
    assert outbox() == []


def test_what_was_left_is_sent_by_one_of_those_who_find_it(server, launch, outbox):
    server.answer(503, path="/runs/record", times=1_000)
    program = launch(VICTIM, 500)
    assert program.says() == "kept"
    program.kill()
    server.behave()

    finders = [launch("from headrace import flow\nflow(lambda: None, name='next')()") for _ in range(3)]
    for finder in finders:
        finder.succeed()

    assert_sent_once(server)
    steps = [run for run in server.task_runs() if run.name.startswith("step")]
    assert [server.history(run) for run in steps] == [COMPLETED] * 500
    assert outbox() == []


FORKING = """
import os
from headrace import flow, task

@task
def step(where):
    return where

@flow
def forking():
    for _ in range(50):
        step("before")
    child = os.fork()
    if child == 0:
        for _ in range(20):
            step("in the child")
        from headrace.engine.session import close_sessions
        close_sessions()
        os._exit(0)
    for _ in range(50):
        step("in the parent")
    os.waitpid(child, 0)

forking()
"""


def test_parent_and_child_of_a_fork_each_deliver_their_own(server, launch, outbox):
    server.answer(503, path="/runs/record")

    launch(FORKING).succeed()

    assert server.history(server.flow_run()) == COMPLETED
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 120
    assert_sent_once(server)
    assert outbox() == []


def test_what_a_forked_child_could_not_deliver_its_parent_does(server, launch, outbox):
    source = FORKING.replace("        from headrace.engine.session import close_sessions\n", "").replace(
        "close_sessions()",
        "from headrace.engine.session import current_session; current_session().recorder.drain().result()",
    )

    launch(source).succeed()

    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 120
    assert outbox() == []


IN_PROCESSES = """
import os, signal
from headrace import flow, task
from headrace.task_runners import ProcessPoolTaskRunner

@task
def step(number):
    return number

@task
def dies():
    os.kill(os.getpid(), signal.SIGKILL)

@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
def parallel():
    return step.map(range(10)).result()

@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def dying():
    return dies.submit().wait()

if __name__ == "__main__":
    print(sum(parallel()))
    dying(return_state=True)
"""


def test_tasks_in_processes_of_their_own_report_to_the_server_too(server, launch, outbox):
    program = launch(IN_PROCESSES)
    assert program.says() == "45"
    program.succeed()

    *steps, dead = server.task_runs()
    assert [server.history(run) for run in steps] == [COMPLETED] * 10
    assert server.history(dead)[0] == "Pending"
    assert server.history(dead)[-1] == "Crashed"
    assert outbox() == []


def test_a_home_that_cannot_be_written_is_named_and_records_go_to_the_server_directly(
    server, launch, tmp_path
):
    (tmp_path / "file").write_text("in the way")
    home = tmp_path / "file" / "home"

    program = launch(VICTIM, 50, HEADRACE_HOME=str(home), **IMPATIENT)
    assert program.says() == "kept"
    program.hear()
    program.succeed()

    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 50
    assert server.history(server.flow_run()) == COMPLETED
    (warning,) = [line for line in program.stderr.splitlines() if "cannot be written" in line]
    assert str(home) in warning


UNKEEPABLE = """
import signal, resource
from headrace import flow, get_run_logger, task
from headrace.exceptions import StoreUnavailableError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

@task
def step(number):
    get_run_logger().info("step %s %s", number, "x" * 500)

@flow
def full():
    step(0)
    print("running")
    input()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    for number in range(1, 1_000_000):
        step(number)

try:
    full()
except StoreUnavailableError as error:
    print(error)
"""


def test_records_that_can_neither_be_kept_nor_sent_end_the_run_with_an_error_that_says_so(
    server, launch, home
):
    program = launch(UNKEEPABLE, HEADRACE_LOGGING_LEVEL="WARNING", **IMPATIENT)
    assert program.says() == "running"
    server.stop()
    program.hear()
    said = program.says()
    program.succeed()

    assert str(home / "outbox") in said
    assert server.url in said
    server.start()


OUTSIDE = """
from headrace import task

@task
def step():
    pass

print("ready")
input()
step()
"""


def test_records_that_can_neither_be_kept_nor_sent_at_the_end_are_said_to_be_lost(server, launch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    program = launch(OUTSIDE, HEADRACE_HOME=str(tmp_path / "file" / "home"), **IMPATIENT)
    assert program.says() == "ready"
    server.stop()
    program.hear()
    program.succeed()

    (error,) = [line for line in program.stderr.splitlines() if "are lost" in line]
    assert "4 record(s)" in error
    assert server.url in error
    server.start()


def test_tasks_outside_flows_are_delivered_at_the_end(server, launch, outbox):
    program = launch(OUTSIDE)
    program.hear()
    program.succeed()

    assert [server.history(run) for run in server.task_runs()] == [COMPLETED]
    assert outbox() == []


def test_a_leaving_process_removes_what_it_does_not_need(server, launch, home):
    launch(SMALL).succeed()

    assert [path for path in Path(home, "outbox").iterdir() if os.fspath(path)] == []
