"""What lines look like on the console."""

from __future__ import annotations

import logging
import re
from uuid import uuid4

import pytest

from headrace.engine.context import FlowRunContext, TaskRunContext
from headrace.logging import get_logger, get_run_logger
from headrace.logging.engine_lines import log_flow_run, log_task_run
from headrace.logging.lines import clock, line
from headrace.schema.runs import FlowRun, TaskRun

CLOCK = r"\d\d:\d\d:\d\d\.\d{3}"


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What is on stderr, without the clock that every line must begin with."""
    text = capsys.readouterr().err
    assert re.match(CLOCK, text), text
    return re.sub(f"(?m)^{CLOCK} ", "", text)


def test_a_line_of_a_flow_run_names_the_run(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("Hello %s", "Ann")
    assert shown(capsys) == "| INFO    | Flow run 'two-words' - Hello Ann\n"


def test_a_line_of_a_task_run_names_the_run(
    way: str, task_context: TaskRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().warning("Careful")
    assert shown(capsys) == "| WARNING | Task run 'add-fe8' - Careful\n"


def test_any_other_line_names_its_logger(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    get_logger("store").error("Disk full")
    get_logger().critical("Stop")
    assert shown(capsys) == "| ERROR   | headrace.store - Disk full\n| CRITICAL | headrace - Stop\n"


def test_a_childs_line_names_the_child(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().getChild("loader").info("Loading")  # type: ignore[attr-defined]
    assert shown(capsys) == "| INFO    | headrace.flow_runs.loader - Loading\n"


def test_a_level_without_a_name_shows_its_number(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().log(25, "Odd")
    assert shown(capsys) == "| Level 25 | Flow run 'two-words' - Odd\n"


def test_further_lines_of_a_message_follow_as_they_are(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("one\n  two\nthree")
    assert shown(capsys) == "| INFO    | Flow run 'two-words' - one\n  two\nthree\n"


def test_a_traceback_follows_its_line(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        raise ValueError("no rows")
    except ValueError:
        get_run_logger().exception("Loading failed")
    text = shown(capsys)
    assert text.startswith(
        "| ERROR   | Flow run 'two-words' - Loading failed\nTraceback (most recent call last):\n"
    )
    assert text.endswith("ValueError: no rows\n")


def test_a_stack_follows_its_line(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("Here", stack_info=True)
    assert "Here\nStack (most recent call last):\n" in shown(capsys)


def test_messages_that_are_no_text_are_shown_as_text(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info({"rows": 3})
    get_run_logger().info("%(rows)d rows", {"rows": 3})
    assert shown(capsys) == (
        "| INFO    | Flow run 'two-words' - {'rows': 3}\n| INFO    | Flow run 'two-words' - 3 rows\n"
    )


def test_percent_signs_without_arguments_are_text(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("100%s of %d")
    assert shown(capsys) == "| INFO    | Flow run 'two-words' - 100%s of %d\n"


def test_arguments_that_do_not_fit_are_shown_with_what_is_wrong_and_where(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("%d of %d rows", 3)
    assert re.fullmatch(
        r"\| INFO    \| Flow run 'two-words' - %d of %d rows \(3,\) \(these arguments cannot be filled into the "
        r"message: TypeError: not enough arguments for format string; logged at .*test_console_lines\.py:\d+\)\n",
        shown(capsys),
    )


def test_an_argument_whose_text_raises_costs_nothing_else(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("not today")

    get_run_logger().info("It is %s", Broken())
    get_run_logger().info(Broken())
    text = shown(capsys)
    assert "It is %s <tuple whose repr raises RuntimeError>" in text
    assert "<Broken whose repr raises RuntimeError>" in text


def test_a_runs_timeout_that_strikes_while_it_logs_is_not_swallowed(
    way: str, flow_context: FlowRunContext
) -> None:
    class Slow:
        def __repr__(self) -> str:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        get_run_logger().info("%r", Slow())


@pytest.mark.usefixtures("way")
def test_the_engines_lines_look_like_those_of_runs(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger()
    flow_run = FlowRun(flow_id=uuid4(), name="two-words")
    log_flow_run(flow_run, logging.INFO, "Beginning flow run 'two-words' for flow 'greet'", None)
    task_run = TaskRun(task_key="add", dynamic_key="0", name="add-fe8")
    log_task_run(task_run, logging.INFO, "Finished in state Completed()", None)
    log_task_run(task_run, logging.DEBUG, "Not shown", None)
    assert shown(capsys) == (
        "| INFO    | Flow run 'two-words' - Beginning flow run 'two-words' for flow 'greet'\n"
        "| INFO    | Task run 'add-fe8' - Finished in state Completed()\n"
    )


@pytest.mark.usefixtures("way")
def test_an_error_of_the_engines_line_is_shown_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    get_logger()
    task_run = TaskRun(task_key="add", dynamic_key="0", name="add-fe8")
    log_task_run(task_run, logging.ERROR, "Failed", None, error=ValueError("no rows"))
    assert shown(capsys) == "| ERROR   | Task run 'add-fe8' - Failed\nValueError: no rows\n"


def test_the_clock_keeps_milliseconds_and_moves_on() -> None:
    assert clock(1_700_000_000.0).endswith(".000")
    assert clock(1_700_000_000.9999).endswith(".999")
    assert clock(1_700_000_001.5)[:8] != clock(1_700_000_000.5)[:8]
    assert line(1_700_000_000.25, "INFO", "x", "y").endswith(".250 | INFO    | x - y")
