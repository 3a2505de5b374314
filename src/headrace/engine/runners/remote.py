"""A task run on its way to another process and back.

What travels there: the task, its run as recorded so far, its arguments, and what it must know of the flow run around
it. What travels back: the run as it then is, with its final state. In between the other process records by itself, to
the same place, and has all of it committed before it answers.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from headrace.engine.context import FlowRunContext, flow_run_var, tags_var
from headrace.engine.inline import run_inline
from headrace.engine.lifecycle import Outcome
from headrace.engine.links import ResultLinks
from headrace.engine.outcomes import describe
from headrace.engine.ports import SYNC
from headrace.engine.session import current_session
from headrace.engine.task_run import TaskRunEngine
from headrace.exceptions import SerializationError
from headrace.logging.configuration import ensure_logging_setup
from headrace.results import get_result_store
from headrace.schema.transitions import TaskTransition
from headrace.settings import get_current_settings, temporary_settings


def pack(engine: TaskRunEngine) -> bytes:
    """The run as bytes.

    Raises:
        SerializationError: Something in it cannot be pickled; the message names the argument.
    """
    import cloudpickle

    content = {
        "task": engine.task,
        "run": engine.run,
        "parameters": engine.parameters,
        "flow": _flow_around(engine),
        "tags": tags_var.get(),
        "settings": dict(get_current_settings().given),
    }
    try:
        return cloudpickle.dumps(content)  # type: ignore[no-any-return]
    except Exception as problem:
        raise SerializationError(_culprit(engine, problem)) from problem


def _culprit(engine: TaskRunEngine, problem: Exception) -> str:
    import cloudpickle

    for name, value in engine.parameters.items():
        try:
            cloudpickle.dumps(value)
        except Exception as reason:
            return (
                f"Argument {name!r} of task {engine.task.name!r} is a {type(value).__name__} and cannot be sent to "
                f"another process ({type(reason).__name__}: {reason}). Pass something that can be pickled, or use "
                "ThreadPoolTaskRunner."
            )
    return (
        f"Task {engine.task.name!r} cannot be sent to another process ({type(problem).__name__}: {problem}). Its "
        "function refers to something that cannot be pickled; create that inside the function, or use "
        "ThreadPoolTaskRunner."
    )


def _flow_around(engine: TaskRunEngine) -> dict[str, Any] | None:
    context = engine.flow
    if context is None:
        return None
    flow = context.flow
    return {
        "flow_run": context.flow_run,
        "parameters": {},
        "log_prints": context.log_prints,
        "persist_result": context.persist_result,
        "start_time": context.start_time,
        "flow": {
            "name": flow.name,
            "version": flow.version,
            "persist_result": flow.persist_result,
            "result_storage": flow.result_storage,
            "result_serializer": flow.result_serializer,
            "cache_result_in_memory": flow.cache_result_in_memory,
        },
    }


def pack_initializer(initializer: Callable[..., None], arguments: tuple[Any, ...]) -> bytes:
    """What prepares a process for its first run, as bytes.

    Raises:
        SerializationError: It, or one of its arguments, cannot be pickled.
    """
    import cloudpickle

    try:
        return cloudpickle.dumps((initializer, arguments))  # type: ignore[no-any-return]
    except Exception as problem:
        raise SerializationError(
            f"The initializer of the process runner, with its arguments {arguments!r}, cannot be sent to another process "
            f"({type(problem).__name__}: {problem}). Pass a function and arguments that can be pickled."
        ) from problem


_is_initialized = False
"""Whether this process, which runs what others send, has been prepared for it."""


def _initialize(parcel: bytes | None) -> None:
    global _is_initialized
    if parcel is None or _is_initialized:
        return
    import cloudpickle

    initializer, arguments = cloudpickle.loads(parcel)
    initializer(*arguments)
    _is_initialized = True


def execute(parcel: bytes, initializer: bytes | None = None) -> bytes:
    """In the other process: run what `pack` packed, and return the run as it ended.

    Args:
        parcel: The run.
        initializer: What `pack_initializer` packed, to be called before the first run.
    """
    import cloudpickle

    _initialize(initializer)
    content = cloudpickle.loads(parcel)
    settings = {name: given.value for name, given in content["settings"].items()}
    with temporary_settings(settings):
        ensure_logging_setup()
        tags_var.set(content["tags"])
        session = current_session()
        if content["flow"] is not None:
            flow_run_var.set(_unpacked_context(content["flow"]))
        engine = TravellingTaskRun.resume(content["task"], content["run"], content["parameters"], SYNC)
        # Recorded by the sender already, but what two processes record may arrive in any order.
        session.recorder.append(TaskTransition(engine.run, engine.state, None, 0, None, None, 0.0))
        if engine.task.isasync:
            from headrace.engine.loops import run_awaitable
            from headrace.engine.ports import ASYNC

            engine.port = ASYNC
            run_awaitable(engine.execute())
        else:
            run_inline(engine.execute())
        session.recorder.drain().result()
        session.orchestrator.delivered(hurried=True).result()
    return _packed_run(engine)


def _unpacked_context(packed: dict[str, Any]) -> FlowRunContext:
    from headrace.task_runners import ThreadPoolTaskRunner

    context = FlowRunContext()
    context.flow = SimpleNamespace(**packed["flow"])  # type: ignore[assignment]
    context.around = None
    context.flow_run = packed["flow_run"]
    context.parameters = packed["parameters"]
    context.log_prints = packed["log_prints"]
    context.persist_result = packed["persist_result"]
    context.start_time = packed["start_time"]
    context.recorder = current_session().recorder
    context.links = ResultLinks()
    context.subflow_counts = {}
    context.task_runner = ThreadPoolTaskRunner().__enter__()
    context.result_store = get_result_store().update_for_flow(context.flow)
    return context


class TravellingTaskRun(TaskRunEngine):
    """A task run whose result must be sent back to the process that its flow runs in."""

    __slots__ = ()

    async def attempt(self) -> Outcome:
        import cloudpickle

        outcome = await super().attempt()
        try:
            cloudpickle.dumps(outcome.value)
        except Exception as problem:
            kind = type(outcome.value).__name__
            message = (
                f"The result of task {self.task.name!r}, a {kind}, cannot be sent back from its process "
                f"({type(problem).__name__}: {problem}). Return something that can be pickled, or use "
                "ThreadPoolTaskRunner."
            )
            return Outcome(error=SerializationError(message))
        return outcome


def _packed_run(engine: TaskRunEngine) -> bytes:
    import cloudpickle

    try:
        return cloudpickle.dumps(engine.run)  # type: ignore[no-any-return]
    except Exception as problem:
        error = engine.state.data.result
        engine.state.data.result = SerializationError(
            f"Task {engine.task.name!r} raised {describe(error)} in its process; the exception itself cannot be sent "
            f"back ({type(problem).__name__}: {problem})."
        )
        return cloudpickle.dumps(engine.run)  # type: ignore[no-any-return]
