"""What code inside a run can know about it, and tags for the runs that it starts."""

from headrace.engine.context import (
    EngineContext,
    FlowRunContext,
    TagsContext,
    TaskRunContext,
    get_run_context,
    tags,
)

__all__ = ["EngineContext", "FlowRunContext", "TagsContext", "TaskRunContext", "get_run_context", "tags"]
