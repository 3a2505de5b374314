"""The loggers of runs, found by the context or made for a given run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.engine.context import FlowRunContext, TaskRunContext, flow_run_var, task_run_var
from headrace.exceptions import MissingContextError
from headrace.logging.configuration import ensure_logging_setup
from headrace.logging.lines import FLOW_RUNS, TASK_RUNS, UNKNOWN
from headrace.logging.run_logger import RunLogger
from headrace.logging.silencing import runs_are_silenced

if TYPE_CHECKING:
    from headrace.flows import Flow
    from headrace.schema.runs import FlowRun, TaskRun
    from headrace.tasks import Task

__all__ = ["flow_run_logger", "get_run_logger", "task_run_logger"]

_NULL = logging.Logger("null")
_NULL.disabled = True


def get_run_logger(
    context: FlowRunContext | TaskRunContext | None = None, **kwargs: Any
) -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    """The logger of the run that is executing.

    Args:
        context: The context of another run to log for.
        kwargs: Attributes to add to each record.

    Raises:
        MissingContextError: Called outside runs.
        TypeError: `context` is no context of a run.

    Example:
        >>> @flow
        ... def greet(name: str):
        ...     get_run_logger().info("Hello %s", name)
    """
    if runs_are_silenced():
        return _NULL
    ensure_logging_setup()
    task_context, flow_context = _contexts(context)
    flow_run = flow_context.flow_run if flow_context is not None else None
    flow = flow_context.flow if flow_context is not None else None
    if task_context is not None:
        return task_run_logger(task_context.task_run, task_context.task, flow_run, flow, **kwargs)
    if flow_run is not None:
        return flow_run_logger(flow_run, flow, **kwargs)
    raise MissingContextError(
        "There is no active flow or task run context: get_run_logger() was called outside a run. "
        "Call it in the code of a flow or task, or use get_logger()."
    )


def _contexts(context: Any) -> tuple[TaskRunContext | None, FlowRunContext | None]:
    if context is None:
        return task_run_var.get(), flow_run_var.get()
    if isinstance(context, TaskRunContext):
        return context, flow_run_var.get()
    if isinstance(context, FlowRunContext):
        return None, context
    raise TypeError(
        f"get_run_logger() got a context of type {type(context).__name__!r}; expected a FlowRunContext or "
        "TaskRunContext, as get_run_context() returns it."
    )


def flow_run_logger(
    flow_run: FlowRun | None = None,
    flow: Flow[..., Any] | None = None,
    flow_run_id: UUID | str | None = None,
    **kwargs: Any,
) -> RunLogger:
    """The logger of a flow run.

    Args:
        flow_run: The flow run.
        flow: Its flow.
        flow_run_id: Its id, where that is all that is known.
        kwargs: Attributes to add to each record.

    Raises:
        ValueError: Neither `flow_run` nor `flow_run_id` is given.
    """
    run_id = flow_run.id if flow_run is not None else flow_run_id
    if run_id is None:
        raise ValueError(
            "flow_run_logger() got neither a flow run nor its id: give it `flow_run` or `flow_run_id`."
        )
    return RunLogger(
        logging.getLogger(FLOW_RUNS),
        {
            "flow_run_name": flow_run.name if flow_run is not None else UNKNOWN,
            "flow_run_id": str(run_id),
            "flow_name": flow.name if flow is not None else UNKNOWN,
            **kwargs,
        },
    )


def task_run_logger(
    task_run: TaskRun,
    task: Task[..., Any] | None = None,
    flow_run: FlowRun | None = None,
    flow: Flow[..., Any] | None = None,
    **kwargs: Any,
) -> RunLogger:
    """The logger of a task run.

    Args:
        task_run: The task run.
        task: Its task.
        flow_run: The flow run that it is part of.
        flow: That run's flow.
        kwargs: Attributes to add to each record.
    """
    return RunLogger(
        logging.getLogger(TASK_RUNS),
        {
            "task_run_id": str(task_run.id),
            "flow_run_id": str(task_run.flow_run_id) if task_run.flow_run_id is not None else None,
            "task_run_name": task_run.name,
            "task_name": task.name if task is not None else UNKNOWN,
            "flow_run_name": flow_run.name if flow_run is not None else UNKNOWN,
            "flow_name": flow.name if flow is not None else UNKNOWN,
            **kwargs,
        },
    )
