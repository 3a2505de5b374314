"""The result store of the run that executes, and whether its results are kept."""

from __future__ import annotations

from typing import Any

from headrace.engine.context import FlowRunContext, TaskRunContext
from headrace.results.defaults import get_default_persist_setting
from headrace.results.store import ResultStore

__all__ = ["get_result_store", "should_persist_result"]


def get_result_store() -> ResultStore:
    """The result store of the run that executes; outside runs, one that does what the settings say.

    >>> get_result_store().write({"rows": 3}, key="my-key")  # doctest: +SKIP
    """
    task_context, flow_context = TaskRunContext.get(), FlowRunContext.get()
    if task_context is not None:
        return _known(task_context) or _flow_store(flow_context).update_for_task(task_context.task)
    return _flow_store(flow_context)


def should_persist_result() -> bool:
    """Whether the results of the run that executes are kept; outside runs, `results.persist_by_default`."""
    for context in (TaskRunContext.get(), FlowRunContext.get()):
        persist: bool | None = getattr(context, "persist_result", None)
        if persist is not None:
            return persist
    return get_default_persist_setting()


def _flow_store(context: FlowRunContext | None) -> ResultStore:
    if context is None:
        return ResultStore()
    store = _known(context)
    if store is None:
        store = context.result_store = ResultStore().update_for_flow(context.flow)
    return store


def _known(context: Any) -> ResultStore | None:
    """The store that a context was given; contexts of runs that keep nothing are given none."""
    return getattr(context, "result_store", None)
