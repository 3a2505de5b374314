"""From a call of a flow or task to its run: choose the port and the shape, run, deliver.

A definition's colour decides: a function returns, a coroutine function gives a coroutine, a generator function gives
a generator that streams. Everything else is the same, and in `lifecycle`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.engine.context import flow_run_var, task_run_var
from headrace.engine.flow_run import FlowRunEngine
from headrace.engine.inline import run_inline
from headrace.engine.ports import ASYNC, SYNC
from headrace.engine.task_run import TaskRunEngine
from headrace.engine.termination import terminable

if TYPE_CHECKING:
    from headrace.flows import Flow
    from headrace.tasks import Task

S = TypeVar("S", Generator[Any, Any, Any], AsyncGenerator[Any, Any])


def call_flow(flow: Flow[..., Any], parameters: dict[str, Any], return_state: bool, wait_for: Any) -> Any:
    """Run a flow as its colour wants it; see `Flow.__call__`."""
    if flow.isasync:
        return _call_async(FlowRunEngine, flow, parameters, wait_for, return_state)
    if flow.isgenerator:
        return _open(_stream(FlowRunEngine, flow, parameters, wait_for))
    with terminable():
        engine = FlowRunEngine(flow, parameters, SYNC, wait_for)
        run_inline(engine.execute())
        return engine.deliver(return_state)


def call_task(task: Task[..., Any], parameters: dict[str, Any], return_state: bool, wait_for: Any) -> Any:
    """Run a task as its colour wants it; see `Task.__call__`."""
    if task.isasync:
        return _call_async(TaskRunEngine, task, parameters, wait_for, return_state)
    if task.isgenerator:
        return _open(_stream(TaskRunEngine, task, parameters, wait_for))
    engine = TaskRunEngine(task, parameters, SYNC, wait_for)
    run_inline(engine.execute())
    return engine.deliver(return_state)


def _call_async(
    engine_type: Any, definition: Any, parameters: dict[str, Any], wait_for: Any, return_state: bool
) -> Any:
    """An async generator or a coroutine; in a synchronous run, where nobody could await that, its result."""
    if definition.isgenerator:
        return _open(_astream(engine_type, definition, parameters, wait_for))
    coroutine = _arun(engine_type, definition, parameters, wait_for, return_state)
    caller = task_run_var.get() or flow_run_var.get()
    if caller is None or caller.engine.port.isasync:
        return coroutine
    from headrace.engine.loops import run_awaitable

    return run_awaitable(coroutine)


async def _arun(
    engine_type: Any, definition: Any, parameters: dict[str, Any], wait_for: Any, return_state: bool
) -> Any:
    with terminable():
        engine = engine_type(definition, parameters, ASYNC, wait_for)
        await engine.execute()
        return engine.deliver(return_state)


def _open(stream: S) -> S:
    """Note a stream with the flow it belongs to, which closes it at its end."""
    flow = flow_run_var.get()
    if flow is not None:
        flow.streams.add(stream)
    return stream


def _stream(
    engine_type: Any, definition: Any, parameters: dict[str, Any], wait_for: Any
) -> Generator[Any, Any, Any]:
    engine = engine_type(definition, parameters, SYNC, wait_for)
    try:
        yield from engine.stream()
    except GeneratorExit:
        raise
    except BaseException as problem:
        run_inline(engine.abandon(problem))
        raise
    return engine.deliver(False)


async def _astream(
    engine_type: Any, definition: Any, parameters: dict[str, Any], wait_for: Any
) -> AsyncGenerator[Any, Any]:
    engine = engine_type(definition, parameters, ASYNC, wait_for)
    stream = engine.astream()
    resume, argument = stream.asend, None
    try:
        while True:
            value = await resume(argument)
            try:
                resume, argument = stream.asend, (yield value)
            except GeneratorExit:
                raise
            except BaseException as thrown:
                resume, argument = stream.athrow, thrown
    except StopAsyncIteration:
        engine.deliver(False)
    except GeneratorExit:
        await stream.aclose()
        raise
    except BaseException as problem:
        await engine.abandon(problem)
        raise
