"""Ctrl-C and SIGTERM while worker threads, worker processes or an event loop run tasks."""

from __future__ import annotations

import signal

import psutil
import pytest

CANCELLED_BY_LOOP = "Execution was cancelled by the runtime environment."


# --- In worker threads -----------------------------------------------------------------------------------------

CONCURRENT = """
@task
def step(number):
    report("start", number)
    if number >= 4:
        {endless}
    report("end", number)

@flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
def concurrent():
    {start}

concurrent()
"""

STARTS = {
    "submit": "[future.result() for future in [step.submit(number) for number in range(40)]]",
    "map": "step.map(range(40)).result()",
    "left to the end": "step.map(range(40))",
}
ENDLESS = {
    "sleep": "time.sleep(3600)",
    "loop": "while True: sum(range(100))",
    "lock": "threading.Lock().acquire() and threading.Event().wait()",
}


@pytest.mark.parametrize(
    ("verb", "endless"), [("submit", "sleep"), ("map", "lock"), ("left to the end", "loop")]
)
def test_tasks_in_worker_threads_end_and_those_not_started_never_start(
    start, recorded, number, verb, endless, said, assert_all_final
):
    program = start(CONCURRENT.format(start=STARTS[verb], endless=ENDLESS[endless]))
    ended, stuck = set(), 0
    while stuck < 4:
        what, which = program.next_report().split()
        if what == "end":
            ended.add(which)
        elif int(which) >= 4:
            stuck += 1
    program.send(number)

    assert program.end() == -number
    later = program.reports()
    assert [line for line in later if line.startswith("start")] == []
    assert_all_final()
    assert recorded.ending(recorded.flow_run()) == ("CRASHED", "Crashed", said)
    names = [run.state_name for run in recorded.task_runs()]
    assert names.count("Completed") == 4
    stopped = [run for run in recorded.task_runs() if run.state_name != "Completed"]
    assert len([run for run in stopped if run.start_time is not None]) == 4
    assert all(run.state_name in ("Crashed", "Cancelled") for run in stopped)


def test_tasks_about_to_end_may_end_well(start, recorded, number, assert_all_final):
    program = start(
        """
        gate = threading.Event()

        @task
        def step(number):
            report("start", number)
            gate.wait(60)
            report("end", number)

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
        def concurrent():
            futures = step.map(range(2))
            try:
                futures.result()
            finally:
                gate.set()

        concurrent()
        """
    )
    assert {program.next_report(), program.next_report()} == {"start 0", "start 1"}
    program.send(number)

    assert program.end() == -number
    assert_all_final()
    assert recorded.flow_run().state_name == "Crashed"


def test_processes_of_a_process_pool_do_not_outlive_the_interrupt(start, recorded, number, assert_all_final):
    program = start(
        """
        @task
        def sleepy():
            pathlib.Path(f"{os.getpid()}.pid").touch()
            time.sleep(3600)

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
        def concurrent():
            first, second = sleepy.submit(), sleepy.submit()
            while len(pids := list(pathlib.Path().glob("*.pid"))) < 2:
                time.sleep(0.01)
            report(*(path.stem for path in pids))
            first.result(), second.result()

        if __name__ == "__main__":
            concurrent()
        """
    )
    children = [psutil.Process(int(pid)) for pid in program.next_report().split()]
    program.send(number)

    assert program.end() == -number
    _gone, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert_all_final()
    assert recorded.flow_run().state_name == "Crashed"


# --- Async -----------------------------------------------------------------------------------------------------


def test_an_async_flow_crashes_with_its_tasks(start, recorded, number, said, assert_all_final):
    program = start(
        """
        @task
        async def sleepy(number):
            report("ready", number)
            await asyncio.sleep(3600)

        @flow(**hooks)
        async def gathering():
            await asyncio.gather(*(sleepy(number) for number in range(3)))

        asyncio.run(gathering())
        """
    )
    assert {program.next_report() for _ in range(3)} == {"ready 0", "ready 1", "ready 2"}
    program.send(number)

    assert program.end() == -number
    assert_all_final()
    run = recorded.flow_run()
    assert recorded.history(run) == ["Pending", "Running", "Crashed"]
    assert recorded.ending(run)[2] in (CANCELLED_BY_LOOP, said)
    assert [task_run.state_name for task_run in recorded.task_runs()] == ["Crashed"] * 3
    assert program.reports() == ["hook crashed Crashed"]


def test_a_sync_task_of_an_async_flow_crashes_with_it(
    start, recorded, number, interrupt_blocked_loop, assert_all_final
):
    program = start(
        """
        @task
        def sleepy():
            report("ready")
            time.sleep(3600)

        @flow
        async def calling():
            tell_when_cancelled()
            sleepy()

        asyncio.run(calling())
        """
    )
    assert program.next_report() == "ready"
    interrupt_blocked_loop(program)

    assert program.end() == -number
    assert_all_final()
    assert recorded.flow_run().state_name == "Crashed"
    assert recorded.task_run().state_name == "Crashed"


def test_an_async_flow_with_submitted_tasks_crashes(
    start, recorded, number, interrupt_blocked_loop, assert_all_final
):
    program = start(
        """
        @task
        async def sleepy(number):
            report("ready", number)
            await asyncio.sleep(3600)

        @task
        def blocked(number):
            report("ready", number)
            threading.Event().wait()

        @flow
        async def submitting():
            tell_when_cancelled()
            futures = [sleepy.submit(0), blocked.submit(1)]
            [future.result() for future in futures]

        asyncio.run(submitting())
        """
    )
    assert {program.next_report() for _ in range(2)} == {"ready 0", "ready 1"}
    interrupt_blocked_loop(program)

    assert program.end() == -number
    assert_all_final()
    assert recorded.flow_run().state_name == "Crashed"


def test_async_flows_side_by_side_crash_together(start, recorded, assert_all_final):
    program = start(
        """
        @flow
        async def sleepy(number):
            report("ready", number)
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.1 * number)

        async def main():
            await asyncio.gather(*(sleepy(number) for number in range(3)))

        asyncio.run(main())
        """
    )
    assert {program.next_report() for _ in range(3)} == {"ready 0", "ready 1", "ready 2"}
    program.send(signal.SIGTERM)

    assert program.end() == -signal.SIGTERM
    assert_all_final()
    assert [run.state_name for run in recorded.flow_runs()] == ["Crashed"] * 3


def test_a_signal_in_one_of_several_asyncio_tasks_ends_the_others_too(
    start, recorded, interrupt_blocked_loop, number, assert_all_final
):
    program = start(
        """
        @task
        async def sleepy(number):
            if number == 2:
                report("ready")
                while True: sum(range(100))
            await asyncio.sleep(3600)

        @flow
        async def gathering():
            tell_when_cancelled()
            await asyncio.gather(*(sleepy(number) for number in range(3)))

        asyncio.run(gathering())
        """
    )
    assert program.next_report() == "ready"
    interrupt_blocked_loop(program)

    assert program.end() == -number
    assert_all_final()
    assert recorded.flow_run().state_name == "Crashed"
    assert [run.state_name for run in recorded.task_runs()] == ["Crashed"] * 3
