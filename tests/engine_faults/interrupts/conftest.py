"""What the tests of interrupts share: programs with a common head, the two signals, and what runs say of them.

Each program says over a pipe when it is where the test wants it, and then does something that never ends by itself.
A program that does not react to its signal makes the test run into its time limit.
"""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

HEAD = """
import asyncio, os, pathlib, signal, sys, threading, time
from headrace import flow, task
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner
from reporting import report

def say(name):
    return lambda a_flow, run, state: report("hook", name, state.name)

def tell_when_cancelled():
    def tell(asyncio_task):
        while not asyncio_task.cancelling():
            time.sleep(0.01)
        report("cancelled")
    threading.Thread(target=tell, args=[asyncio.current_task()], daemon=True).start()

hooks = dict(on_crashed=[say("crashed")], on_failure=[say("failure")], on_completion=[say("completion")])

"""


@pytest.fixture
def start(launch):
    """Start a program made of the common head and a body."""

    def start(body: str, *arguments: object, **options: object):
        return launch(HEAD + textwrap.dedent(body), *arguments, **options)

    return start


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def number(request) -> signal.Signals:
    """The signal to send."""
    return request.param


@pytest.fixture
def said(number) -> str:
    """What a run says that ended by the signal."""
    return {
        signal.SIGINT: "Execution was aborted by an interrupt signal.",
        signal.SIGTERM: "Execution was aborted by a termination signal.",
    }[number]


@pytest.fixture
def interrupt_blocked_loop(number) -> Callable[[Any], None]:
    """Interrupt a program whose event loop is blocked, after it has called `tell_when_cancelled`.

    As in every asyncio program, the first Ctrl-C cancels the main task, which a blocked loop does not get to see; the
    second is raised at once.
    """

    def interrupt_blocked_loop(program: Any) -> None:
        program.send(number)
        if number is signal.SIGINT:
            assert program.next_report() == "cancelled"
            program.send(number)

    return interrupt_blocked_loop


@pytest.fixture
def assert_all_final(recorded):
    """No run is left as if it were still to end."""

    def assert_all_final() -> None:
        left = {
            run.name: run.state_name
            for run in [*recorded.flow_runs(), *recorded.task_runs()]
            if run.state_type.value not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        }
        assert left == {}

    return assert_all_final
