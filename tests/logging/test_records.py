"""What is recorded of what runs log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from headrace.engine.context import FlowRunContext, TaskRunContext
from headrace.exceptions import StoreError
from headrace.logging import flow_run_logger, get_logger, get_run_logger, task_run_logger
from headrace.logging.engine_lines import log_flow_run, log_task_run, logs_runs
from headrace.schema.base import encode
from headrace.schema.runs import FlowRun, TaskRun


def test_a_line_of_a_flow_run_is_recorded_with_it(
    way: str, flow_context: FlowRunContext, recorder: Any
) -> None:
    before = datetime.now(UTC)
    get_run_logger().warning("Only %s rows", 3)
    line = recorder.line
    assert (line.name, line.level, line.message) == ("headrace.flow_runs", 30, "Only 3 rows")
    assert (line.flow_run_id, line.task_run_id) == (flow_context.flow_run.id, None)
    assert abs((line.timestamp - before).total_seconds()) < 60
    assert line.timestamp.tzinfo is UTC


def test_a_line_of_a_task_run_is_recorded_with_both_runs(
    way: str, task_context: TaskRunContext, recorder: Any
) -> None:
    get_run_logger().info("Hello")
    line = recorder.line
    assert (line.name, line.level, line.message) == ("headrace.task_runs", 20, "Hello")
    assert (line.flow_run_id, line.task_run_id) == (
        task_context.task_run.flow_run_id,
        task_context.task_run.id,
    )


def test_lines_are_recorded_in_their_order(way: str, flow_context: FlowRunContext, recorder: Any) -> None:
    logger = get_run_logger()
    for number in range(50):
        logger.info("%s", number)
    assert recorder.messages == [str(number) for number in range(50)]
    assert len({line.id for line in recorder.lines}) == 50


def test_a_line_below_the_level_is_not_recorded(
    way: str, flow_context: FlowRunContext, recorder: Any
) -> None:
    get_run_logger().debug("No")
    assert not logs_runs(logging.DEBUG)
    assert recorder.lines == []


def test_a_traceback_is_recorded_with_its_line(way: str, flow_context: FlowRunContext, recorder: Any) -> None:
    try:
        raise ValueError("no rows")
    except ValueError:
        get_run_logger().exception("Failed", stack_info=True)
    message = recorder.line.message
    assert message.startswith("Failed\nTraceback (most recent call last):\n")
    assert "\nValueError: no rows\nStack (most recent call last):\n" in message


def test_a_line_that_says_so_is_not_recorded(
    way: str, flow_context: FlowRunContext, recorder: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("Only shown", extra={"send_to_api": False})
    get_run_logger().info("Both", extra={"send_to_api": True})
    assert recorder.messages == ["Both"]
    assert "Only shown" in capsys.readouterr().err


def test_nothing_is_recorded_when_recording_is_switched_off(
    way: str, flow_context: FlowRunContext, recorder: Any, configure: Callable[..., None]
) -> None:
    configure(PREFECT_LOGGING_TO_API_ENABLED="false")
    get_run_logger().info("Only shown")
    log_flow_run(flow_context.flow_run, logging.INFO, "Only shown", recorder)
    assert recorder.lines == []


def test_lines_outside_runs_are_not_recorded(way: str, capsys: pytest.CaptureFixture[str]) -> None:
    get_logger("x").info("Only shown")
    logging.getLogger("headrace.flow_runs").info("Only shown")
    assert capsys.readouterr().err.count("Only shown") == 2


def test_a_library_may_name_the_run_itself(flow_context: FlowRunContext, recorder: Any) -> None:
    get_logger()
    other = uuid4()
    logging.getLogger("headrace.flow_runs").info("Hello", extra={"flow_run_id": other})
    logging.getLogger("headrace.flow_runs").info("Hello", extra={"flow_run_id": str(other)})
    assert [line.flow_run_id for line in recorder.lines] == [other, other]


def test_an_id_that_is_none_gives_way_to_the_current_run(flow_context: FlowRunContext, recorder: Any) -> None:
    get_logger()
    logging.getLogger("headrace.flow_runs").info(
        "Hello", extra={"flow_run_id": "<unknown>", "task_run_id": 3}
    )
    assert recorder.line.flow_run_id == flow_context.flow_run.id
    assert recorder.line.task_run_id is None


# --- Sizes and characters --------------------------------------------------------------------------------------


def test_a_long_line_is_cut_and_says_how_much(
    way: str, flow_context: FlowRunContext, recorder: Any, configure: Callable[..., None]
) -> None:
    configure(HEADRACE_LOGGING_TO_API_MAX_LOG_SIZE="100")
    get_run_logger().info("ä" * 60)
    assert recorder.line.message == "ä" * 50 + "... [20 of 120 bytes cut: logging.to_api.max_log_size is 100]"


def test_a_line_of_just_the_size_is_whole(
    way: str, flow_context: FlowRunContext, recorder: Any, configure: Callable[..., None]
) -> None:
    configure(HEADRACE_LOGGING_TO_API_MAX_LOG_SIZE="100")
    get_run_logger().info("ä" * 50)
    assert recorder.line.message == "ä" * 50


def test_a_character_is_not_cut_in_half(
    way: str, flow_context: FlowRunContext, recorder: Any, configure: Callable[..., None]
) -> None:
    configure(HEADRACE_LOGGING_TO_API_MAX_LOG_SIZE="101")
    get_run_logger().info("ä" * 60)
    assert recorder.line.message.startswith("ä" * 50 + "... [")


@pytest.mark.usefixtures("capsys")
def test_ten_megabytes_are_cut_to_the_size(way: str, flow_context: FlowRunContext, recorder: Any) -> None:
    get_run_logger().info("x" * 10_000_000)
    message = recorder.line.message
    assert len(message) < 1_000_100
    assert message.endswith("... [9000000 of 10000000 bytes cut: logging.to_api.max_log_size is 1000000]")


def test_a_recorded_line_can_always_be_encoded(way: str, flow_context: FlowRunContext, recorder: Any) -> None:
    get_run_logger().info("caf\udce9 \x00 \U0001f600")
    line = recorder.line
    assert line.message == "caf\\udce9 \x00 \U0001f600"
    assert msgspec.json.decode(encode(line))["message"] == line.message


# --- Recorders -------------------------------------------------------------------------------------------------


class Failing:
    """A recorder whose store fails."""

    def append(self, item: Any) -> None:
        raise StoreError("The disk is full.")


def test_a_store_that_fails_does_not_reach_the_code_that_logs(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    flow_context.recorder = Failing()  # type: ignore[assignment]
    get_run_logger().info("Shown")
    log_flow_run(flow_context.flow_run, logging.INFO, "Shown too", Failing())
    assert capsys.readouterr().err.count("Shown") == 2


def test_the_engine_says_where_its_lines_are_recorded(way: str, recorder: Any) -> None:
    get_logger()
    flow_run, task_run = FlowRun(flow_id=uuid4()), TaskRun(task_key="t", dynamic_key="0", flow_run_id=uuid4())
    log_flow_run(flow_run, logging.INFO, "flow", recorder)
    log_task_run(task_run, logging.INFO, "task", recorder)
    log_task_run(task_run, logging.ERROR, "error", recorder, error=ValueError("x"))
    assert [(line.message, line.flow_run_id, line.task_run_id) for line in recorder.lines] == [
        ("flow", flow_run.id, None),
        ("task", task_run.flow_run_id, task_run.id),
        ("error\nValueError: x", task_run.flow_run_id, task_run.id),
    ]


def test_a_message_of_the_engine_is_text_whatever_it_holds(way: str, recorder: Any) -> None:
    get_logger()
    log_flow_run(FlowRun(flow_id=uuid4()), logging.INFO, "100% %s", recorder)
    assert recorder.messages == ["100% %s"]


def test_loggers_made_outside_runs_record_where_they_are_told(way: str, recorder: Any) -> None:
    get_logger()
    flow_run, task_run = FlowRun(flow_id=uuid4(), name="two-words"), TaskRun(task_key="t", dynamic_key="0")
    for logger in (
        flow_run_logger(flow_run),
        flow_run_logger(flow_run_id=flow_run.id),
        task_run_logger(task_run),
    ):
        logger.recorder = recorder
        logger.info("Hook called")
    assert [(line.flow_run_id, line.task_run_id) for line in recorder.lines] == [
        (flow_run.id, None),
        (flow_run.id, None),
        (None, task_run.id),
    ]


# --- Credentials -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HEADRACE_API_KEY", "PREFECT_API_AUTH_STRING"])
def test_credentials_of_the_api_are_masked_everywhere(
    way: str,
    flow_context: FlowRunContext,
    recorder: Any,
    configure: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    variable: str,
) -> None:
    configure(**{variable: "pnu_SECRET123"})
    try:
        raise ValueError("pnu_SECRET123 refused")
    except ValueError:
        get_run_logger().exception("Key %s", "pnu_SECRET123")
    shown = capsys.readouterr().err
    for text in (shown, recorder.line.message):
        assert "SECRET123" not in text
        assert "Key **********" in text
        assert "ValueError: ********** refused" in text


def test_a_short_key_does_not_spoil_lines(
    way: str, flow_context: FlowRunContext, recorder: Any, configure: Callable[..., None]
) -> None:
    configure(HEADRACE_API_KEY="a")
    get_run_logger().info("banana")
    assert recorder.messages == ["banana"]
