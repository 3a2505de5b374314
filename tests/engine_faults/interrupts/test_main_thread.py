"""Ctrl-C and SIGTERM while the main thread runs a flow: it ends as Crashed, everything recorded, and the process ends."""

from __future__ import annotations

import signal


def test_a_flow_asleep_crashes_and_the_process_ends_by_the_signal(start, recorded, number, said):
    program = start(
        """
        @flow(**hooks)
        def sleepy():
            report("ready")
            time.sleep(3600)

        sleepy()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    run = recorded.flow_run()
    assert recorded.history(run) == ["Pending", "Running", "Crashed"]
    assert recorded.ending(run) == ("CRASHED", "Crashed", said)
    assert program.reports() == ["hook crashed Crashed"]
    assert f"Finished in state Crashed('{said}')" in recorded.messages()
    assert any(text.endswith(f"Crash detected! {said}") for _, text in program.console())


def test_a_task_asleep_crashes_with_its_flow(start, recorded, number, said):
    program = start(
        """
        @task
        def done(): pass

        @task
        def sleepy():
            report("ready")
            time.sleep(3600)

        @flow
        def calling():
            done()
            sleepy()

        calling()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    done, sleepy = recorded.task_runs()
    assert recorded.ending(done)[1:] == ("Completed", None)
    assert recorded.ending(sleepy) == ("CRASHED", "Crashed", said)
    assert recorded.ending(recorded.flow_run()) == ("CRASHED", "Crashed", said)


def test_an_interrupt_where_a_lock_has_just_been_taken_ends_the_flow_in_good_order(
    start, recorded, assert_all_final
):
    # Python raises a signal between any two steps, also between taking a lock and the block that gives it back.
    program = start(
        """
        @task
        def step(number): return number

        class Interrupting:
            def __init__(self, moment):
                self.left = moment

            def __call__(self, frame, event, argument):
                if event == "c_return" and argument.__name__ in ("acquire", "__enter__"):
                    self.left -= 1
                    if self.left == 0:
                        signal.raise_signal(signal.SIGINT)

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
        def concurrent(interrupting):
            sys.setprofile(interrupting)
            try:
                step.map(range(2)).result()
                sys.setprofile(None)
                while interrupting.left <= 0:
                    time.sleep(0.01)  # not for long: Python may take a signal right before a sleep, and sleep on
            finally:
                sys.setprofile(None)

        for moment in range(1, 1000):
            try:
                concurrent(Interrupting(moment))
                break
            except KeyboardInterrupt:
                report("interrupted", moment)
        """,
        env={"HEADRACE_LOGGING_LEVEL": "CRITICAL"},
    )
    interrupted = program.succeed().reports()

    assert len(interrupted) > 5
    assert_all_final()
    names = [run.state_name for run in recorded.flow_runs()]
    assert names == ["Crashed"] * len(interrupted) + ["Completed"]


def test_a_busy_loop_is_interrupted(start, recorded, number, said):
    program = start(
        """
        @task
        def busy():
            report("ready")
            while True:
                sum(range(100))

        @flow
        def calling():
            busy()

        calling()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    assert recorded.ending(recorded.task_run()) == ("CRASHED", "Crashed", said)


def test_a_subflow_crashes_with_its_parent(start, recorded, number):
    program = start(
        """
        @flow
        def child():
            report("ready")
            time.sleep(3600)

        @flow
        def parent():
            child()

        parent()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    assert [run.state_name for run in recorded.flow_runs()] == ["Crashed", "Crashed"]
    assert recorded.task_run().state_name == "Crashed"


def test_a_run_that_awaits_its_retry_crashes(start, recorded, number):
    program = start(
        """
        @task(retries=1, retry_delay_seconds=3600, retry_condition_fn=lambda *_: report("ready") or True)
        def failing():
            raise ValueError

        @flow
        def calling():
            failing()

        calling()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    assert recorded.history(recorded.task_run())[-1] == "Crashed"
    assert recorded.flow_run().state_name == "Crashed"


def test_a_flow_that_awaits_its_retry_crashes(start, recorded, number):
    program = start(
        """
        import logging

        class Tell(logging.Handler):
            def emit(self, record):
                if "will attempt to run again" in record.getMessage():
                    report("ready")

        logging.getLogger().addHandler(Tell())

        @flow(retries=1, retry_delay_seconds=3600)
        def failing():
            raise ValueError

        failing()
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == -number
    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "AwaitingRetry", "Crashed"]


def test_code_that_swallows_the_signal_goes_on_and_completes(start, recorded, number):
    program = start(
        """
        @flow
        def careless():
            try:
                report("ready")
                time.sleep(3600)
            except BaseException as error:
                report("swallowed", type(error).__name__)
            return "went on"

        report(careless())
        """
    )
    assert program.next_report() == "ready"
    program.send(number)

    assert program.end() == 0
    name = {signal.SIGINT: "KeyboardInterrupt", signal.SIGTERM: "TerminationSignal"}[number]
    assert program.reports() == [f"swallowed {name}", "went on"]
    assert recorded.flow_run().state_name == "Completed"


def test_a_script_may_catch_the_interrupt_and_run_another_flow(start, recorded):
    program = start(
        """
        @flow
        def sleepy():
            report("ready")
            time.sleep(3600)

        @flow
        def next_one():
            return "fine"

        try:
            sleepy()
        except KeyboardInterrupt:
            report(next_one())
        """
    )
    assert program.next_report() == "ready"
    program.send(signal.SIGINT)

    assert program.end() == 0
    assert program.reports() == ["fine"]
    assert [run.state_name for run in recorded.flow_runs()] == ["Crashed", "Completed"]
