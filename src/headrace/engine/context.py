"""What code inside a run can know about it: the flow run, the task run and the tags in force.

Contexts live in `contextvars`, so they follow `await` and are copied into runner threads. A thread that a user starts
has no context unless it runs in `contextvars.copy_context()`; a forked child inherits the parent's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.exceptions import MissingContextError

if TYPE_CHECKING:
    from weakref import WeakSet

    from headrace.engine.flow_run import FlowRunEngine
    from headrace.engine.links import ResultLinks
    from headrace.engine.recorder import Recorder
    from headrace.engine.task_run import TaskRunEngine
    from headrace.flows import Flow
    from headrace.results import ResultStore
    from headrace.schema.runs import FlowRun, TaskRun
    from headrace.task_runners import TaskRunner
    from headrace.tasks import Task

flow_run_var: ContextVar[FlowRunContext | None] = ContextVar("headrace_flow_run", default=None)
task_run_var: ContextVar[TaskRunContext | None] = ContextVar("headrace_task_run", default=None)
tags_var: ContextVar[frozenset[str]] = ContextVar("headrace_tags", default=frozenset())


class FlowRunContext:
    """The flow run that is executing."""

    __slots__ = (
        "around",
        "ended",
        "engine",
        "flow",
        "flow_run",
        "links",
        "log_prints",
        "parameters",
        "persist_result",
        "recorder",
        "result_store",
        "start_time",
        "streams",
        "subflow_counts",
        "tags",
        "task_runner",
        "unfinished",
    )

    flow: Flow[..., Any]
    flow_run: FlowRun
    parameters: dict[str, Any]
    task_runner: TaskRunner[Any]
    recorder: Recorder
    result_store: ResultStore
    around: TaskRunContext | None
    engine: FlowRunEngine
    links: ResultLinks
    streams: WeakSet[Any]
    subflow_counts: dict[str, int]
    start_time: datetime
    log_prints: bool
    persist_result: bool

    def __init__(self) -> None:
        self.ended = False
        self.unfinished: dict[int, TaskRunEngine] = {}

    @classmethod
    def get(cls) -> FlowRunContext | None:
        """The context of the flow run that is executing, or None."""
        return flow_run_var.get()


class TaskRunContext:
    """The task run that is executing."""

    __slots__ = (
        "engine",
        "log_prints",
        "parameters",
        "persist_result",
        "result_store",
        "start_time",
        "task",
        "task_run",
    )

    engine: TaskRunEngine
    task: Task[..., Any]
    task_run: TaskRun
    parameters: dict[str, Any]
    result_store: ResultStore
    start_time: datetime
    log_prints: bool
    persist_result: bool

    @classmethod
    def get(cls) -> TaskRunContext | None:
        """The context of the task run that is executing, or that called the flow that is; None outside tasks."""
        context = task_run_var.get()
        if context is None and (flow := flow_run_var.get()) is not None:
            return flow.around
        return context


EngineContext = FlowRunContext


def flow_run_around(callee: Flow[..., Any] | Task[..., Any]) -> FlowRunContext | None:
    """The flow run in which `callee` is called, or None.

    Raises:
        MissingContextError: That flow run has ended; its code lives on in a thread or an asyncio task that it started.
    """
    context = flow_run_var.get()
    if context is not None and context.ended:
        raise MissingContextError(
            f"{callee.name!r} was called in flow run {context.flow_run.name!r}, which has ended: nothing can start in it "
            "any more. Wait for the threads and asyncio tasks that the flow starts before it returns, or call this "
            "outside the flow's context."
        )
    return context


class TagsContext:
    """The tags that `tags(...)` put in force here."""

    __slots__ = ("current_tags",)

    def __init__(self, current_tags: frozenset[str] | set[str] = frozenset()) -> None:
        self.current_tags = set(current_tags)

    @classmethod
    def get(cls) -> TagsContext:
        """The tags in force; empty outside any `tags(...)` block."""
        return cls(tags_var.get())


@contextmanager
def tags(*new_tags: str) -> Iterator[set[str]]:
    """Add tags to every flow and task run that is started in this block.

    Args:
        new_tags: Tags to add to those that are in force.

    Returns:
        The tags that are in force inside the block.
    """
    current = tags_var.get() | frozenset(new_tags)
    token = tags_var.set(current)
    try:
        yield set(current)
    finally:
        tags_var.reset(token)


def get_run_context() -> FlowRunContext | TaskRunContext:
    """The context of the innermost run that is executing.

    Raises:
        MissingContextError: Called outside any run.
    """
    context = task_run_var.get() or flow_run_var.get()
    if context is None:
        raise MissingContextError(
            "There is no run here: get_run_context() was called outside a flow or task. Call it in their code."
        )
    return context


def current_recorder() -> Recorder | None:
    """Where logs of the run that is executing are recorded, or None outside runs."""
    task_context = task_run_var.get()
    if task_context is not None:
        return task_context.engine.recorder
    flow_context = flow_run_var.get()
    return flow_context.recorder if flow_context is not None else None
