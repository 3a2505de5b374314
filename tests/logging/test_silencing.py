"""Silencing and overhearing loggers."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from headrace.engine.context import FlowRunContext
from headrace.logging import LogEavesdropper, disable_run_logger, get_run_logger
from headrace.logging.engine_lines import log_flow_run
from headrace.logging.loggers import disable_logger


def test_code_of_runs_can_be_called_outside_them() -> None:
    with disable_run_logger():
        logger = get_run_logger()
        logger.error("not shown")
        assert not logger.isEnabledFor(logging.CRITICAL)


def test_silenced_runs_log_nothing(
    way: str, flow_context: FlowRunContext, recorder: Any, capsys: Any
) -> None:
    logger = get_run_logger()
    with disable_run_logger():
        logger.error("not shown")
        log_flow_run(flow_context.flow_run, logging.ERROR, "not shown", recorder)
    logger.error("shown")
    assert recorder.messages == ["shown"]
    assert "not shown" not in capsys.readouterr().err


def test_silence_lasts_until_the_outermost_block_ends(flow_context: FlowRunContext, recorder: Any) -> None:
    logger = get_run_logger()
    with disable_run_logger():
        with disable_run_logger():
            logger.error("not shown")
        logger.error("not shown")
    logger.error("shown")
    assert recorder.messages == ["shown"]


def test_silence_ends_with_an_exception(flow_context: FlowRunContext, recorder: Any) -> None:
    with pytest.raises(ValueError), disable_run_logger():
        raise ValueError
    get_run_logger().error("shown")
    assert recorder.messages == ["shown"]


def test_a_logger_can_be_silenced_by_name(heard: Any) -> None:
    logger = logging.getLogger("noisylib")
    with disable_logger("noisylib"):
        logger.error("not heard")
    logger.error("heard")
    logger.disabled = True
    with disable_logger("noisylib"):
        logger.error("not heard")
    assert logger.disabled
    logger.disabled = False
    assert [record.getMessage() for record in heard.records] == ["heard"]


def test_an_eavesdropper_hears_a_logger() -> None:
    logger = logging.getLogger("chattylib")
    logger.setLevel(logging.WARNING)
    with LogEavesdropper("chattylib", level=logging.INFO) as heard:
        logger.info("Hello %s", "Ann")
        logger.debug("not asked for")
        logging.getLogger("chattylib.deep").error("Hm")
        assert heard.text() == "[INFO]: Hello Ann\n[ERROR]: Hm"
    logger.warning("not heard any more")
    assert heard.text() == "[INFO]: Hello Ann\n[ERROR]: Hm"
    assert (logger.level, logger.handlers) == (logging.WARNING, [])


def test_an_eavesdropper_does_not_make_a_logger_quieter() -> None:
    logger = logging.getLogger("chattylib")
    logger.setLevel(logging.DEBUG)
    with LogEavesdropper("chattylib", level=logging.INFO) as heard:
        assert logger.level == logging.DEBUG
        logger.debug("not asked for")
    assert heard.text() == ""
    logger.setLevel(logging.NOTSET)


def test_an_eavesdropper_hears_runs(flow_context: FlowRunContext) -> None:
    with LogEavesdropper("headrace.flow_runs") as heard:
        get_run_logger().warning("Hello")
    assert heard.text() == "[WARNING]: Hello"
