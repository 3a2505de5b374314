"""Ctrl-C twice, signal handlers of the user's own, and what the interrupted script shows."""

from __future__ import annotations

import os
import signal

# --- Twice, and handlers of the user's own ---------------------------------------------------------------------


def test_a_second_interrupt_ends_a_hook_that_hangs(start, recorded):
    program = start(
        """
        def hanging(a_flow, run, state):
            report("hook")
            time.sleep(3600)

        @flow(on_crashed=[hanging])
        def sleepy():
            report("ready")
            time.sleep(3600)

        sleepy()
        """
    )
    assert program.next_report() == "ready"
    program.send(signal.SIGINT)
    assert program.next_report() == "hook"
    program.send(signal.SIGINT)

    assert program.end() == -signal.SIGINT
    assert recorded.flow_run().state_name == "Crashed"


def test_a_second_interrupt_while_user_code_cleans_up_still_ends_the_process(start, recorded):
    program = start(
        """
        @flow
        def sleepy():
            try:
                report("ready")
                time.sleep(3600)
            finally:
                report("cleaning")
                time.sleep(3600)

        sleepy()
        """
    )
    assert program.next_report() == "ready"
    program.send(signal.SIGINT)
    assert program.next_report() == "cleaning"
    program.send(signal.SIGINT)

    assert program.end() == -signal.SIGINT
    assert recorded.flow_run().state_name == "Crashed"


def test_signal_handlers_are_as_they_were_after_a_flow(start):
    program = start(
        """
        def mine(number, frame): report("mine")
        signal.signal(signal.SIGTERM, mine)
        interrupt = signal.getsignal(signal.SIGINT)

        @flow
        def quick(): pass

        quick()
        report(signal.getsignal(signal.SIGTERM) is mine, signal.getsignal(signal.SIGINT) is interrupt)
        os.kill(os.getpid(), signal.SIGTERM)
        """
    )

    assert program.succeed().reports() == ["True True", "mine"]


def test_a_flow_in_a_thread_leaves_signals_alone(start, recorded):
    program = start(
        """
        @flow
        def quick(): return threading.current_thread() is threading.main_thread()

        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=lambda: report(quick()))
        thread.start()
        thread.join()
        report(before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)))
        """
    )

    assert program.succeed().reports() == ["False", "True"]
    assert recorded.flow_run().state_name == "Completed"


def test_sys_exit_in_a_flow_is_a_crash_with_that_exit_code(start, recorded):
    program = start(
        """
        @flow
        def leaving():
            sys.exit(7)

        leaving()
        """
    )

    assert program.end() == 7
    assert recorded.ending(recorded.flow_run()) == (
        "CRASHED",
        "Crashed",
        "Execution was aborted by Python system exit call.",
    )


def test_the_interrupted_script_shows_where_it_was(start):
    program = start(
        """
        @task
        def sleepy():
            report("ready")
            time.sleep(3600)

        @flow
        def calling():
            sleepy()

        calling()
        """
    )
    program.next_report()
    os.kill(program.process.pid, signal.SIGINT)
    program.end()

    traceback = program.stderr.split("Traceback (most recent call last):")[-1]
    assert "in sleepy" in traceback
    assert traceback.rstrip().endswith("KeyboardInterrupt")
