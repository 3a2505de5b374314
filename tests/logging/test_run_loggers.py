"""The loggers of runs and what their records carry."""

from __future__ import annotations

import logging
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import cloudpickle
import pytest

from headrace.engine.context import FlowRunContext, TaskRunContext
from headrace.exceptions import MissingContextError
from headrace.logging import flow_run_logger, get_logger, get_run_logger, task_run_logger
from headrace.logging.direct import nobody_else_listens
from headrace.logging.loggers import PrefectLogAdapter
from headrace.schema.runs import TaskRun


def test_loggers_are_named_below_headrace() -> None:
    names = [
        get_logger(name).name
        for name in (None, "a", "a.b", "headrace.a", "prefect.a", "headracer", "headrace")
    ]
    assert names == [
        "headrace",
        "headrace.a",
        "headrace.a.b",
        "headrace.a",
        "headrace.a",
        "headrace.headracer",
        "headrace.headrace",
    ]


def test_outside_runs_there_is_no_run_logger() -> None:
    with pytest.raises(
        MissingContextError, match=r"no active flow or task run context.*or use get_logger\(\)"
    ):
        get_run_logger()


def test_records_of_a_flow_run_carry_its_names_and_id(heard: Any, flow_context: FlowRunContext) -> None:
    logger = get_run_logger()
    assert logger.name == "headrace.flow_runs"
    assert isinstance(logger, PrefectLogAdapter)
    logger.info("x")
    (record,) = heard.records
    assert record.flow_run_id == str(flow_context.flow_run.id)
    assert (record.flow_run_name, record.flow_name) == ("two-words", "greet")


def test_records_of_a_task_run_carry_names_and_ids_of_both_runs(
    heard: Any, task_context: TaskRunContext
) -> None:
    get_run_logger().info("x")
    (record,) = heard.records
    assert record.name == "headrace.task_runs"
    assert record.task_run_id == str(task_context.task_run.id)
    assert record.flow_run_id == str(task_context.task_run.flow_run_id)
    assert (record.task_run_name, record.task_name) == ("add-fe8", "add")
    assert (record.flow_run_name, record.flow_name) == ("two-words", "greet")


def test_a_task_outside_flows_has_no_flow_run(heard: Any) -> None:
    get_logger()
    task_run_logger(TaskRun(task_key="add", dynamic_key="0", name="add-fe8")).info("x")
    (record,) = heard.records
    assert record.flow_run_id is None
    assert (record.flow_run_name, record.flow_name, record.task_name) == (
        "<unknown>",
        "<unknown>",
        "<unknown>",
    )


def test_keywords_become_attributes_of_each_record(heard: Any, flow_context: FlowRunContext) -> None:
    get_run_logger(tenant="acme").info("x", extra={"row": 3})
    (record,) = heard.records
    assert (record.tenant, record.row, record.flow_name) == ("acme", 3, "greet")


def test_the_context_of_another_run_may_be_given(
    flow_context: FlowRunContext, task_context: TaskRunContext
) -> None:
    assert get_run_logger().name == "headrace.task_runs"
    assert get_run_logger(flow_context).name == "headrace.flow_runs"
    assert get_run_logger(task_context).name == "headrace.task_runs"


def test_a_context_that_is_none_is_named(flow_context: FlowRunContext) -> None:
    with pytest.raises(
        TypeError, match="got a context of type 'int'; expected a FlowRunContext or TaskRunContext"
    ):
        get_run_logger(3)  # type: ignore[arg-type]


def test_a_flow_runs_logger_needs_a_flow_run() -> None:
    with pytest.raises(ValueError, match="neither a flow run nor its id"):
        flow_run_logger()


def test_a_records_place_is_the_line_that_logged(heard: Any, flow_context: FlowRunContext) -> None:
    logger = get_run_logger()
    logger.debug("not logged")
    logger.info("x")
    logger.warning("x")
    logger.error("x")
    logger.log(25, "x")
    logger.info("x", extra={"a": 1})
    logger.getChild("child").info("x")  # type: ignore[attr-defined]
    here = test_a_records_place_is_the_line_that_logged
    first = here.__code__.co_firstlineno
    assert {(record.pathname, record.funcName) for record in heard.records} == {(__file__, here.__name__)}
    assert [record.lineno - first for record in heard.records] == [3, 4, 5, 6, 7, 8]


def test_a_stack_level_counts_from_the_caller(heard: Any, flow_context: FlowRunContext) -> None:
    def helper() -> None:
        get_run_logger().info("x", stacklevel=2)

    helper()
    assert heard.records[0].funcName == "test_a_stack_level_counts_from_the_caller"


def test_a_child_keeps_the_run(heard: Any, flow_context: FlowRunContext, recorder: Any) -> None:
    child = get_run_logger().getChild("loader", {"step": 1})  # type: ignore[attr-defined]
    child.info("x")
    (record,) = heard.records
    assert (record.name, record.flow_run_name, record.step) == ("headrace.flow_runs.loader", "two-words", 1)
    assert recorder.line.flow_run_id == flow_context.flow_run.id


def test_a_users_thread_has_no_run_of_its_own(flow_context: FlowRunContext) -> None:
    raised = []

    def work() -> None:
        try:
            get_run_logger()
        except MissingContextError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_a_logger_handed_to_users_threads_records_there(
    way: str, flow_context: FlowRunContext, recorder: Any
) -> None:
    logger = get_run_logger()
    with ThreadPoolExecutor(3) as pool:
        for number in range(30):
            pool.submit(logger.info, "row %s", number)
    assert sorted(recorder.messages) == sorted(f"row {number}" for number in range(30))
    assert {line.flow_run_id for line in recorder.lines} == {flow_context.flow_run.id}


@pytest.mark.parametrize("pickler", [pickle, cloudpickle])
def test_a_logger_can_be_pickled(way: str, flow_context: FlowRunContext, recorder: Any, pickler: Any) -> None:
    logger = pickle.loads(pickler.dumps(get_run_logger()))
    logger.info("x")
    assert (logger.name, logger.extra["flow_run_name"]) == ("headrace.flow_runs", "two-words")
    assert recorder.messages == ["x"]


def test_the_short_way_is_open_only_while_nobody_else_listens(way: str, flow_context: FlowRunContext) -> None:
    get_run_logger()
    assert nobody_else_listens(logging.getLogger("headrace.flow_runs")) == (way == "directly")


@pytest.mark.parametrize("place", ["headrace", "headrace.flow_runs"])
def test_a_handler_anywhere_on_the_way_hears_the_line(
    heard: Any, flow_context: FlowRunContext, place: str
) -> None:
    logging.root.handlers.clear()
    logger = get_run_logger()
    logging.getLogger(place).addHandler(heard)
    logger.info("x")
    assert [record.getMessage() for record in heard.records] == ["x"]


@pytest.mark.parametrize("place", ["headrace", "headrace.flow_runs"])
def test_a_filter_on_the_runs_logger_sees_the_line(
    way: str, flow_context: FlowRunContext, place: str, recorder: Any
) -> None:
    logger = get_run_logger()
    handlers_and_logger = [logging.getLogger("headrace.flow_runs"), *logging.getLogger("headrace").handlers]
    chosen = handlers_and_logger[0] if place == "headrace.flow_runs" else handlers_and_logger[1]

    def deny(record: logging.LogRecord) -> bool:
        return "secret" not in record.getMessage()

    chosen.addFilter(deny)
    try:
        logger.info("a secret")
        logger.info("x")
    finally:
        chosen.removeFilter(deny)
    assert recorder.messages == (["x"] if place == "headrace.flow_runs" else ["a secret", "x"])


def test_a_record_factory_of_the_users_makes_the_record(heard: Any, flow_context: FlowRunContext) -> None:
    logging.root.handlers.clear()
    logger = get_run_logger()
    made = []

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made.append(args)
        return logging.LogRecord(*args, **kwargs)

    logging.setLogRecordFactory(factory)
    try:
        logger.info("x")
    finally:
        logging.setLogRecordFactory(logging.LogRecord)
    assert len(made) == 1


def test_an_id_alone_makes_a_flow_runs_logger(heard: Any) -> None:
    get_logger()
    run_id = uuid4()
    flow_run_logger(flow_run_id=run_id).info("x")
    assert heard.records[0].flow_run_id == str(run_id)
    assert heard.records[0].flow_run_name == "<unknown>"
