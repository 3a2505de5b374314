"""Scripts written for Prefect, as users have them, run on Headrace and print what they print on Prefect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]

BEGIN = ("INFO", "Flow run '*' - Beginning flow run '*' for flow '{}'")
COMPLETED = "Finished in state Completed()"
FLOW_COMPLETED = ("INFO", f"Flow run '*' - {COMPLETED}")


def begin(flow: str) -> tuple[str, str]:
    """The line with which a flow run begins."""
    return BEGIN[0], BEGIN[1].format(flow)


def completed(task: str) -> tuple[str, str]:
    """The line with which a task run ends."""
    return "INFO", f"Task run '{task}-*' - {COMPLETED}"


def test_the_tutorial(run_script: Run) -> None:
    done = run_script("tutorial")
    assert done.out.splitlines() == [
        "ndarray 20 True",
        "9 values, sum 190, ['id', 'unit']",
        "(6, np.float64(1.5)) float64",
        "numbers generate",
    ]
    assert done.lines == [
        begin("numbers"),
        completed("generate"),
        completed("keep"),
        completed("total"),
        completed("describe"),
        completed("total"),
        FLOW_COMPLETED,
    ]


def test_futures_are_passed_on_and_resolved(run_script: Run) -> None:
    done = run_script("futures")
    assert done.out.splitlines() == [
        "6",
        "[3, 6, 9]",
        "3 3+{'x': 3}+5",
        "['Completed', 'Completed'] True",
        "4 0",
        "[0, 2, 4, 6]",
        "3+{'x': 3}+5",
        "COMPLETED True 3",
        done.out.splitlines()[-1],
    ]
    counts = Counter(text for _, text in done.lines if text.startswith("Task run"))
    assert counts == {
        f"Task run 'add-*' - {COMPLETED}": 6,
        f"Task run 'double-*' - {COMPLETED}": 6,
        f"Task run 'join-*' - {COMPLETED}": 1,
    }


def test_tasks_are_mapped(run_script: Run) -> None:
    done = run_script("mapping")
    assert done.out.splitlines() == [
        "[1, 4, 9]",
        "[10, 40, 90]",
        "[3, 8]",
        "[(1, 3), (2, 3)]",
        "[9, 16]",
        "14",
        "MappingLengthMismatch",
        "MappingMissingIterable",
    ]


def test_runs_are_retried_and_the_console_says_when(run_script: Run) -> None:
    done = run_script("retries")
    assert done.out.splitlines() == ["3", "gave up: never 3", "Failed 2", "done", "3"]
    flaky = [text for _, text in done.lines if "'flaky-*'" in text]
    failed = "Task run 'flaky-*' - Task run failed with exception: ValueError('attempt {}') - Retry {}/3 will start"
    assert flaky == [
        failed.format(1, 1) + " 0.01 second(s) from now",
        failed.format(2, 2) + " 0.01 second(s) from now",
        f"Task run 'flaky-*' - {COMPLETED}",
    ]
    assert ("ERROR", "Task run 'hopeless-*' - Task run failed with exception: RuntimeError('never') - Retries are exhausted") in done.lines  # fmt: skip
    assert done.lines.count(begin("flow-retries")) == 3
    assert done.lines[-1] == FLOW_COMPLETED


def test_runs_that_take_too_long_are_timed_out(run_script: Run) -> None:
    done = run_script("timeouts")
    assert done.out.splitlines() == [
        "FAILED TimedOut",
        "TimedOut",
        "True",
        "in time",
        "FAILED TimedOut",
        "TimedOut",
    ]
    ended = "Finished in state TimedOut('Task run exceeded timeout of 0.3 second(s)', type=FAILED)"
    assert done.lines.count(("ERROR", f"Task run 'sleepy-*' - {ended}")) == 3
    assert ("ERROR", f"Task run 'asleep-*' - {ended}") in done.lines


def test_results_are_kept_between_processes(run_script: Run) -> None:
    values = "{'x': 5, 'y': 1} {'x': 5, 'y': 1} 10 10 5 105"
    first = run_script("caching", 5)
    assert first.out.splitlines() == [
        "computing slow 5",
        "computing hashed 5",
        "computing fresh 5",
        "computing keyed 5",
        values,
        "Cached",
        "computing slow 5",
        "Completed",
    ]
    second = run_script("caching", 5)
    assert second.out.splitlines() == ["computing fresh 5", values, "Cached", "computing slow 5", "Completed"]
    cached = "Finished in state Cached(type=COMPLETED)"
    assert [text for _, text in second.lines if cached in text] == [
        f"Task run 'slow-*' - {cached}",
        f"Task run 'slow-*' - {cached}",
        f"Task run 'hashed-*' - {cached}",
        f"Task run 'hashed-*' - {cached}",
        f"Task run 'keyed-*' - {cached}",
        f"Task run 'slow-*' - {cached}",
    ]
    assert "computing slow 6" in run_script("caching", 6).out


def test_prints_become_log_lines(run_script: Run) -> None:
    done = run_script("prints")
    assert done.out.splitlines() == ["printed by a task", "printed", "the end"]
    assert done.lines == [
        begin("two words"),
        ("INFO", "Flow run '*' - Hello there!"),
        ("INFO", "Flow run '*' - two"),
        ("INFO", "Flow run '*' -   indented"),
        ("INFO", "Task run 'inherits-*' - from a task / 1"),
        completed("inherits"),
        completed("does_not"),
        ("WARNING", "Flow run '*' - Careful: kept"),
        FLOW_COMPLETED,
        begin("silent"),
        ("INFO", "Flow run '*' - logged"),
        FLOW_COMPLETED,
        ("INFO", "headrace.mine - outside"),
    ]
    assert "| INFO    | " in done.err
    assert re.search(r"- two\nlines\n", done.err)


def test_exceptions_states_and_hooks(run_script: Run) -> None:
    done = run_script("errors")
    assert done.out.splitlines() == [
        "caught: caught",
        "fine",
        "cleaning up",
        "outside: passed on",
        "cleaning up",
        "Failed",
        "Failed True ValueError('kept')",
        "NotReady",
        "fine",
        "finished",
        "all good",
        "Failed not today",
        "task done hooked Completed",
        "flow done hooks Completed",
        "task failed hooked Failed",
        "flow failed hooks Failed",
        "Failed",
    ]
    assert done.lines[:4] == [
        begin("catches"),
        ("ERROR", "Task run 'broken-*' - Task run failed with exception: ValueError('caught')"),
        ("ERROR", "Task run 'broken-*' - Finished in state Failed('Task run encountered an exception ValueError: caught')"),
        completed("fine"),
    ]  # fmt: skip
    assert (
        "ERROR",
        "Flow run '*' - Encountered exception during execution: ValueError('passed on')",
    ) in done.lines


def test_runs_know_about_themselves(run_script: Run) -> None:
    done = run_script("contexts")
    assert done.out.splitlines() == [
        "True run-of-outer-3 ['a', 'b']",
        "run-of-outer-3 {'y': 3} ['a', 'b']",
        "1 None None",
        "True ask-3 {'x': 3}",
        "ask-3 ask ['a', 'b', 'own'] {'x': 3} 1",
        "True run-of-outer-3",
        "True ask-4 {'x': 4}",
        "ask-4 ask ['a', 'b', 'own'] {'x': 4} 1",
        "True run-of-outer-3",
        "True other-9 {'x': 9}",
        "other-9 other ['a', 'b', 'more', 'own'] {'x': 9} 1",
        "True run-of-outer-3",
        "inner {'a': 1} True",
        "True",
        "True None {'x': 1}",
        "None [] None",
        "MissingContextError",
    ]


def test_asynchronous_flows(run_script: Run) -> None:
    done = run_script("asynchronous")
    assert done.out.splitlines() == ["[0, 1, 2, 3, 4]", "2", "5", "[10, 20]", "6", "[1, 2]"]
    assert done.lines.count(("INFO", "Flow run '*' - Beginning subflow run '*' for flow 'sub'")) == 2


def test_cells_of_a_notebook(run_script: Run) -> None:
    assert run_script("notebook").out.splitlines() == ["3", "103", "7", "[7, 7]"]


def test_child_processes(run_script: Run) -> None:
    done = run_script("processes")
    assert done.out.splitlines() == ["[1, 2] True", "True", "True", "2 small", "[2, 3]"]
    assert done.lines.count(completed("where")) == 4
    assert done.lines.count(begin("small")) == 2
