"""Lines that the engine itself logs about runs; the hot path of logging."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from headrace.logging import configuration
from headrace.logging.direct import nobody_else_listens, write_directly
from headrace.logging.lines import FLOW_RUNS, TASK_RUNS, UNKNOWN
from headrace.logging.records import Recorder

if TYPE_CHECKING:
    from headrace.schema.runs import FlowRun, TaskRun

__all__ = ["log_flow_run", "log_task_run", "logs_runs"]

_FLOW_LOGGER = logging.getLogger(FLOW_RUNS)
_TASK_LOGGER = logging.getLogger(TASK_RUNS)


def logs_runs(level: int) -> bool:
    """Whether lines of runs are logged at `level`; sets logging up where no run has yet.

    It takes 0.1 us, so ask before making a message that costs more.
    """
    if configuration.is_pending():
        configuration.setup_logging()
    return _TASK_LOGGER.isEnabledFor(level)


def log_task_run(
    run: TaskRun,
    level: int,
    message: str,
    recorder: Recorder | None,
    *,
    task_name: str = UNKNOWN,
    flow_run_name: str = UNKNOWN,
    flow_name: str = UNKNOWN,
    error: BaseException | None = None,
) -> None:
    """Log a line of a task run.

    Args:
        run: The task run.
        level: The level, as in `logging`.
        message: The whole text.
        recorder: Where the line is recorded; it is only shown when None.
        task_name: The task's name.
        flow_run_name: The name of the flow run that it is part of.
        flow_name: That flow's name.
        error: What to show the traceback of.
    """
    if not logs_runs(level):
        return
    if error is None and nobody_else_listens(_TASK_LOGGER):
        write_directly(TASK_RUNS, level, f"Task run {run.name!r}", message, recorder, run.flow_run_id, run.id)
        return
    extra = {
        "task_run_id": str(run.id),
        "flow_run_id": str(run.flow_run_id) if run.flow_run_id is not None else None,
        "task_run_name": run.name,
        "task_name": task_name,
        "flow_run_name": flow_run_name,
        "flow_name": flow_name,
        "_recorder": recorder,
    }
    _TASK_LOGGER.log(level, "%s", message, extra=extra, exc_info=error)


def log_flow_run(
    run: FlowRun,
    level: int,
    message: str,
    recorder: Recorder | None,
    *,
    flow_name: str = UNKNOWN,
    error: BaseException | None = None,
) -> None:
    """Log a line of a flow run.

    Args:
        run: The flow run.
        level: The level, as in `logging`.
        message: The whole text.
        recorder: Where the line is recorded; it is only shown when None.
        flow_name: The flow's name.
        error: What to show the traceback of.
    """
    if configuration.is_pending():
        configuration.setup_logging()
    if not _FLOW_LOGGER.isEnabledFor(level):
        return
    if error is None and nobody_else_listens(_FLOW_LOGGER):
        write_directly(FLOW_RUNS, level, f"Flow run {run.name!r}", message, recorder, run.id, None)
        return
    extra = {
        "flow_run_id": str(run.id),
        "flow_run_name": run.name,
        "flow_name": flow_name,
        "_recorder": recorder,
    }
    _FLOW_LOGGER.log(level, "%s", message, extra=extra, exc_info=error)
