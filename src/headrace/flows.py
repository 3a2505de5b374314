"""`@flow`: make a workflow of a function.

    >>> from headrace import flow
    >>> @flow
    ... def greet(name: str = "world") -> str:
    ...     return f"Hello, {name}!"
    >>> greet()
    'Hello, world!'

Calling a flow runs its function here and now, and records the run, the runs of its tasks, their states and their logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload

from headrace.core.annotations import NotSet
from headrace.core.states import StateType
from headrace.engine.definitions import (
    BANNED_CHARACTERS,
    Definition,
    checked_retries,
    code_key,
    either,
    run_name,
    run_name_template,
)
from headrace.engine.validation import Validator
from headrace.results.persistence import check_result_options
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.task_runners import TaskRunner

__all__ = ["BANNED_CHARACTERS", "Flow", "FlowStateHook", "flow", "load_flow_from_entrypoint"]

P = ParamSpec("P")
R = TypeVar("R")

FlowStateHook = Callable[..., Any]
"""Called with (flow, flow_run, state) when a flow run enters a state; sync or async."""


class Flow(Definition[P, R]):
    """A workflow: a function whose calls are orchestrated and recorded.

    Made by `flow`, which documents the arguments.
    """

    on_completion_hooks: list[FlowStateHook]
    on_failure_hooks: list[FlowStateHook]
    on_cancellation_hooks: list[FlowStateHook]
    on_crashed_hooks: list[FlowStateHook]
    on_running_hooks: list[FlowStateHook]

    def __init__(
        self,
        fn: Callable[P, R] | classmethod[Any, P, R] | staticmethod[P, R],
        name: str | None = None,
        version: str | None = None,
        flow_run_name: Callable[..., str] | str | None = None,
        retries: int | None = None,
        retry_delay_seconds: int | float | None = None,
        task_runner: type[TaskRunner[Any]] | TaskRunner[Any] | None = None,
        description: str | None = None,
        timeout_seconds: int | float | None = None,
        validate_parameters: bool = True,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        cache_result_in_memory: bool = True,
        log_prints: bool | None = None,
        on_completion: list[FlowStateHook] | None = None,
        on_failure: list[FlowStateHook] | None = None,
        on_cancellation: list[FlowStateHook] | None = None,
        on_crashed: list[FlowStateHook] | None = None,
        on_running: list[FlowStateHook] | None = None,
    ) -> None:
        hooks = {
            "on_completion": on_completion,
            "on_failure": on_failure,
            "on_cancellation": on_cancellation,
            "on_crashed": on_crashed,
            "on_running": on_running,
        }
        super().__init__(fn, "flow", name, description, timeout_seconds, log_prints, hooks)
        settings = get_current_settings()
        self._version = version
        self.flow_run_name = flow_run_name
        self._run_name = run_name_template(flow_run_name, "flow_run_name")
        self.retries = checked_retries(retries, settings.flows.default_retries)
        if retry_delay_seconds is None:
            retry_delay_seconds = cast(float, settings.flows.default_retry_delay_seconds)
        self.retry_delay_seconds = _checked_delay(retry_delay_seconds)
        self.should_validate_parameters = validate_parameters
        self.persist_result = persist_result
        if persist_result is None and (result_storage is not None or result_serializer is not None):
            self.persist_result = True
        self.result_storage = result_storage
        self.result_serializer = result_serializer
        self.cache_result_in_memory = cache_result_in_memory
        check_result_options(result_storage, result_serializer)
        self._task_runner = _checked_task_runner(task_runner)
        self._validator = Validator(self.fn, skip_first=False)
        self._bound_validator = Validator(self.fn, skip_first=True)

    @property
    def version(self) -> str | None:
        """The version that was given, else a checksum of the file that defines the flow."""
        if self._version is None:
            from headrace.engine.sources import file_version

            self._version = file_version(self.fn)
        return self._version

    @property
    def task_runner(self) -> TaskRunner[Any]:
        """What runs the tasks that the flow submits; threads when none was given."""
        if self._task_runner is None:
            from headrace.engine.runners.thread import ThreadPoolTaskRunner

            self._task_runner = ThreadPoolTaskRunner()
        return self._task_runner

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of the flow's parameters."""
        from headrace.engine.parameter_schema import parameter_schema

        return parameter_schema(self.fn)

    @property
    def flow_key(self) -> str:
        """Identifies the flow's code among the task runs of a parent flow."""
        return code_key(self.fn)

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(
        self, /, *args: Any, return_state: bool = ..., wait_for: Any = ..., **kwargs: Any
    ) -> Any: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the flow.

        Args:
            args: Positional arguments of the function.
            return_state: Return the final state instead of the result.
            wait_for: Futures and states of runs that must complete first.
            kwargs: Keyword arguments of the function.

        Returns:
            What the function returns, with the results of any futures in it; a coroutine of that for an async flow.

        Raises:
            ParameterBindError: The arguments do not fit the function.
            ParameterTypeError: A value does not fit its parameter's annotation.
            Exception: Whatever ended the run, unless `return_state`.
        """
        from headrace.engine.calls import call_flow

        return_state, wait_for = kwargs.pop("return_state", False), kwargs.pop("wait_for", None)
        return call_flow(self, self.binder.bind(args, kwargs), return_state, wait_for)

    def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Check and coerce parameters by the annotations of the function.

        Args:
            parameters: Values by name.

        Returns:
            The values as the function will get them.

        Raises:
            ParameterTypeError: A value does not fit; the message names the parameter.
        """
        if not self.should_validate_parameters:
            return parameters
        return (self._bound_validator if self.ismethod or self.isclassmethod else self._validator).validate(
            parameters
        )

    def serialize_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters as they are recorded: JSON, whatever they hold."""
        from headrace.engine.recordable import recordable

        return recordable(parameters)

    def name_of_run(self, parameters: dict[str, Any]) -> str:
        """The name that `flow_run_name` gives a run with these parameters."""
        return run_name(self.flow_run_name, self._run_name, parameters, "flow_run_name")

    def persists_result(self, context: Any) -> bool:
        """Whether a run's result is persisted: the flow's option, else that of the run around it, else the setting."""
        if self.persist_result is not None:
            return self.persist_result
        return (
            bool(context.persist_result)
            if context is not None
            else get_current_settings().results.persist_by_default
        )

    def hooks_of(self, kind: StateType) -> list[FlowStateHook]:
        """The hooks to call when a run enters a state of this type."""
        return {
            StateType.COMPLETED: self.on_completion_hooks,
            StateType.FAILED: self.on_failure_hooks,
            StateType.CRASHED: self.on_crashed_hooks,
            StateType.CANCELLING: self.on_cancellation_hooks,
            StateType.CANCELLED: self.on_cancellation_hooks,
        }.get(kind, [])

    def on_completion(self, fn: FlowStateHook) -> FlowStateHook:
        """Add a hook that is called when a run completes; a decorator."""
        return self._add_hook("on_completion", fn)

    def on_failure(self, fn: FlowStateHook) -> FlowStateHook:
        """Add a hook that is called when a run fails; a decorator."""
        return self._add_hook("on_failure", fn)

    def on_cancellation(self, fn: FlowStateHook) -> FlowStateHook:
        """Add a hook that is called when a run is cancelled; a decorator."""
        return self._add_hook("on_cancellation", fn)

    def on_crashed(self, fn: FlowStateHook) -> FlowStateHook:
        """Add a hook that is called when a run crashes; a decorator."""
        return self._add_hook("on_crashed", fn)

    def on_running(self, fn: FlowStateHook) -> FlowStateHook:
        """Add a hook that is called when a run starts; a decorator."""
        return self._add_hook("on_running", fn)

    def with_options(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
        retries: int | None = None,
        retry_delay_seconds: int | float | None = None,
        description: str | None = None,
        flow_run_name: Callable[..., str] | str | None = None,
        task_runner: type[TaskRunner[Any]] | TaskRunner[Any] | None = None,
        timeout_seconds: int | float | None = None,
        validate_parameters: bool | None = None,
        persist_result: Any = NotSet,
        result_storage: Any = NotSet,
        result_serializer: Any = NotSet,
        cache_result_in_memory: bool | None = None,
        log_prints: Any = NotSet,
        on_completion: list[FlowStateHook] | None = None,
        on_failure: list[FlowStateHook] | None = None,
        on_cancellation: list[FlowStateHook] | None = None,
        on_crashed: list[FlowStateHook] | None = None,
        on_running: list[FlowStateHook] | None = None,
    ) -> Flow[P, R]:
        """A copy of this flow with other options; those not given stay.

        The arguments are those of `flow`. `persist_result`, `result_storage`, `result_serializer` and `log_prints`
        can be set back to None, which inherits.

        Returns:
            The new flow; this one is unchanged.
        """
        return Flow(
            self._declared(),
            name=either(name, self.name),
            version=either(version, self._version),
            retries=either(retries, self.retries),
            retry_delay_seconds=either(retry_delay_seconds, self.retry_delay_seconds),
            description=either(description, self.description),
            flow_run_name=either(flow_run_name, self.flow_run_name),
            task_runner=either(task_runner, self._task_runner),
            timeout_seconds=either(timeout_seconds, self.timeout_seconds),
            validate_parameters=either(validate_parameters, self.should_validate_parameters),
            persist_result=self.persist_result if persist_result is NotSet else persist_result,
            result_storage=self.result_storage if result_storage is NotSet else result_storage,
            result_serializer=self.result_serializer if result_serializer is NotSet else result_serializer,
            cache_result_in_memory=either(cache_result_in_memory, self.cache_result_in_memory),
            log_prints=self.log_prints if log_prints is NotSet else log_prints,
            on_completion=on_completion or self.on_completion_hooks,
            on_failure=on_failure or self.on_failure_hooks,
            on_cancellation=on_cancellation or self.on_cancellation_hooks,
            on_crashed=on_crashed or self.on_crashed_hooks,
            on_running=on_running or self.on_running_hooks,
        )

    def __repr__(self) -> str:
        return f"<headrace.Flow {self.name!r}>"


def _checked_delay(seconds: Any) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(
            f"retry_delay_seconds must be a number of seconds; got {type(seconds).__name__}: {seconds!r}."
        )
    if seconds < 0:
        raise ValueError(f"retry_delay_seconds must not be below 0; got {seconds!r}.")
    return seconds


def _checked_task_runner(runner: Any) -> TaskRunner[Any] | None:
    if runner is None:
        return None
    from headrace.task_runners import TaskRunner

    made = runner() if isinstance(runner, type) else runner
    if not isinstance(made, TaskRunner):
        raise TypeError(
            f"task_runner must be a TaskRunner, such as ThreadPoolTaskRunner(max_workers=4); got {runner!r}."
        )
    return made


@overload
def flow(__fn: Callable[P, R], /) -> Flow[P, R]: ...


@overload
def flow(
    __fn: None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    flow_run_name: Callable[..., str] | str | None = None,
    retries: int | None = None,
    retry_delay_seconds: int | float | None = None,
    task_runner: type[TaskRunner[Any]] | TaskRunner[Any] | None = None,
    description: str | None = None,
    timeout_seconds: int | float | None = None,
    validate_parameters: bool = True,
    persist_result: bool | None = None,
    result_storage: Any = None,
    result_serializer: Any = None,
    cache_result_in_memory: bool = True,
    log_prints: bool | None = None,
    on_completion: list[FlowStateHook] | None = None,
    on_failure: list[FlowStateHook] | None = None,
    on_cancellation: list[FlowStateHook] | None = None,
    on_crashed: list[FlowStateHook] | None = None,
    on_running: list[FlowStateHook] | None = None,
) -> Callable[[Callable[P, R]], Flow[P, R]]: ...


def flow(__fn: Any = None, /, **options: Any) -> Any:
    """Make a flow of a function: its calls are orchestrated and recorded.

    Used bare (`@flow`) or with options (`@flow(retries=2)`).

    Args:
        name: The flow's name; the function's when left out. Must not contain `/ % & > <`.
        version: A version to record with each run; a checksum of the source file when left out.
        flow_run_name: Names the runs: a template over the parameters (`"load-{day}"`), or a function that returns a
            name. Two random words when left out.
        retries: How often a failed run is tried again.
        retry_delay_seconds: Seconds between two tries.
        task_runner: What runs the tasks that the flow submits; threads when left out.
        description: What the flow is for; the function's docstring when left out.
        timeout_seconds: Seconds after which a run is interrupted and ends TimedOut.
        validate_parameters: Check and coerce arguments by their annotations.
        persist_result: Keep the result in result storage; None inherits from the parent flow, then from the settings.
        result_storage: Where to keep results: a file system object, a path, or an address such as `s3://bucket/path`.
        result_serializer: How to encode results: `"pickle"`, `"json"`, `"compressed/pickle"`, ... or a serializer.
        cache_result_in_memory: Keep the result in memory with the state.
        log_prints: Turn `print` into log lines of the run; None inherits.
        on_completion: Functions to call with (flow, flow_run, state) when a run completes.
        on_failure: The same when a run fails.
        on_cancellation: The same when a run is cancelled.
        on_crashed: The same when a run crashes.
        on_running: The same when a run starts.

    Returns:
        A `Flow`, to be called as the function was.

    Raises:
        TypeError: The function or an option is of the wrong type.
        InvalidNameError: The name has characters that names must not have.
        ReservedArgumentError: The function has a parameter named `return_state` or `wait_for`.
    """
    if __fn is None:
        return lambda fn: Flow(fn, **options)
    return Flow(__fn, **options)


def load_flow_from_entrypoint(entrypoint: str, use_placeholder_flow: bool = True) -> Flow[..., Any]:
    """Load a flow from `path/to/file.py:flow_name` or `package.module:flow_name`.

    Args:
        entrypoint: Where the flow is.
        use_placeholder_flow: Accepted for compatibility; a flow that cannot be loaded is always an error here.

    Raises:
        MissingFlowError: The file has no such flow.
        ScriptError: The file raised while it was loaded.
    """
    from headrace.engine.sources import load_flow

    return load_flow(entrypoint)
