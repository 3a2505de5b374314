"""`@task`: make a step of a workflow of a function.

    >>> from headrace import flow, task
    >>> @task(retries=2)
    ... def add(x: int, y: int) -> int:
    ...     return x + y
    >>> @flow
    ... def total() -> int:
    ...     return add(add.submit(1, 2), 3)
    >>> total()
    6

A task is called like its function, submitted to run concurrently (`submit`), or mapped over inputs (`map`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from headrace.cache_policies import task_input_hash
from headrace.core.annotations import NotSet
from headrace.core.backoff import exponential_backoff, resolve_delays, validate_jitter
from headrace.engine.definitions import (
    Definition,
    checked_retries,
    code_key,
    either,
    run_name,
    run_name_template,
)
from headrace.engine.runners.base import current_runner
from headrace.exceptions import ConfigurationError
from headrace.results.persistence import resolve_persistence
from headrace.schema.runs import TaskRunPolicy
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.cache_policies import CachePolicy
    from headrace.engine.futures import Future, FutureList

__all__ = ["Task", "exponential_backoff", "task", "task_input_hash"]

P = ParamSpec("P")
R = TypeVar("R")

TaskStateHook = Callable[..., Any]
"""Called with (task, task_run, state) when a task run enters a state; sync or async."""

RetryDelay = float | int | list[float] | Callable[[int], list[float]] | None


class Task(Definition[P, R]):
    """A step of a workflow: a function whose calls are recorded, retried, cached and timed out as its options say.

    Made by `task`, which documents the arguments.
    """

    on_completion_hooks: list[TaskStateHook]
    on_failure_hooks: list[TaskStateHook]
    on_running_hooks: list[TaskStateHook]
    on_commit_hooks: list[TaskStateHook]
    on_rollback_hooks: list[TaskStateHook]

    def __init__(
        self,
        fn: Callable[P, R] | classmethod[Any, P, R] | staticmethod[P, R],
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        version: str | None = None,
        cache_policy: CachePolicy | Any = NotSet,
        cache_key_fn: Callable[..., str | None] | None = None,
        cache_expiration: timedelta | None = None,
        task_run_name: Callable[..., str] | str | None = None,
        retries: int | None = None,
        retry_delay_seconds: RetryDelay = None,
        retry_jitter_factor: float | None = None,
        persist_result: bool | None = None,
        result_storage: Any = None,
        result_serializer: Any = None,
        result_storage_key: str | None = None,
        cache_result_in_memory: bool = True,
        timeout_seconds: int | float | None = None,
        log_prints: bool | None = None,
        refresh_cache: bool | None = None,
        on_completion: list[TaskStateHook] | None = None,
        on_failure: list[TaskStateHook] | None = None,
        on_running: list[TaskStateHook] | None = None,
        on_rollback: list[TaskStateHook] | None = None,
        on_commit: list[TaskStateHook] | None = None,
        retry_condition_fn: Callable[..., Any] | None = None,
        viz_return_value: Any = None,
        asset_deps: list[Any] | None = None,
        cache_expiration_seconds: int | float | None = None,
    ) -> None:
        hooks = {
            "on_completion": on_completion,
            "on_failure": on_failure,
            "on_running": on_running,
            "on_rollback": on_rollback,
            "on_commit": on_commit,
        }
        super().__init__(fn, "task", name, description, timeout_seconds, log_prints, hooks)
        settings = get_current_settings().tasks
        self.version = version
        self.tags = set(_checked_tags(tags))
        self.sorted_tags = sorted(self.tags)
        self.task_key = code_key(self.fn)
        self.task_run_name = task_run_name
        self._run_name = run_name_template(task_run_name, "task_run_name")
        self._set_retries(settings, retries, retry_delay_seconds, retry_jitter_factor, retry_condition_fn)
        self._given_cache_policy, self._given_persist_result = cache_policy, persist_result
        persistence = resolve_persistence(
            self.name,
            persist_result,
            cache_policy,
            cache_key_fn,
            result_storage,
            result_serializer,
            result_storage_key,
        )
        self.persist_result, self.cache_policy = persistence.persist_result, persistence.cache_policy
        self.cache_key_fn = cache_key_fn
        self.cache_expiration = _checked_expiration(cache_expiration, cache_expiration_seconds)
        self.refresh_cache = refresh_cache
        self.result_storage = result_storage
        self.result_serializer = result_serializer
        self.result_storage_key = result_storage_key
        self.cache_result_in_memory = cache_result_in_memory
        self.viz_return_value = viz_return_value
        self.asset_deps = asset_deps or []

    def _set_retries(self, settings: Any, retries: Any, delay: Any, jitter: Any, condition: Any) -> None:
        self.retries = checked_retries(retries, settings.default_retries)
        if delay is None:
            delay = settings.default_retry_delay_seconds
        self._given_delay = delay
        self.retry_delay_seconds = delay(self.retries) if callable(delay) else delay
        self.retry_delays = resolve_delays(self.retry_delay_seconds, self.retries)
        validate_jitter(jitter)
        self.retry_jitter_factor = jitter
        if condition is not None and not callable(condition):
            raise TypeError(
                f"Expected `retry_condition_fn` to be callable, got {type(condition).__name__} instead."
            )
        self.retry_condition_fn = condition
        self.policy = TaskRunPolicy(
            retries=self.retries, retry_delay=self.retry_delay_seconds, retry_jitter_factor=jitter
        )

    @property
    def source_code(self) -> str | None:
        """The text of the function, or None where it cannot be found."""
        from headrace.engine.sources import source_of

        return source_of(self.fn)

    @overload
    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R: ...

    @overload
    def __call__(
        self, /, *args: Any, return_state: bool = ..., wait_for: Any = ..., **kwargs: Any
    ) -> Any: ...

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the task here and now.

        Args:
            args: Positional arguments of the function. Futures are waited for and replaced by their results.
            return_state: Return the final state instead of the result.
            wait_for: Futures and states of runs that must complete first.
            kwargs: Keyword arguments of the function.

        Returns:
            What the function returns; a coroutine of that for an async task.

        Raises:
            ParameterBindError: The arguments do not fit the function.
            UpstreamTaskError: A run that it depends on did not complete.
            Exception: Whatever ended the run, unless `return_state`.
        """
        from headrace.engine.calls import call_task

        return_state, wait_for = kwargs.pop("return_state", False), kwargs.pop("wait_for", None)
        return call_task(self, self.binder.bind(args, kwargs), return_state, wait_for)

    def submit(self, *args: Any, return_state: bool = False, wait_for: Any = None, **kwargs: Any) -> Any:
        """Run the task concurrently, on the task runner of the flow.

        The run starts when all futures among its arguments and in `wait_for` have completed; no thread waits for that.

        Args:
            args: Positional arguments of the function.
            return_state: Wait, and return the final state instead of a future.
            wait_for: Futures and states of runs that must complete first.
            kwargs: Keyword arguments of the function.

        Returns:
            A `Future` of the run, also for an async task.

        Raises:
            ParameterBindError: The arguments do not fit the function.
            MissingContextError: Called outside a flow.
        """
        future: Future[Any] = current_runner(self).submit(self, self.binder.bind(args, kwargs), wait_for)
        if not return_state:
            return future
        future.wait()
        return future.state

    def map(
        self,
        *args: Any,
        return_state: bool = False,
        wait_for: Any = None,
        deferred: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Submit a run for each element of the arguments.

        Iterable arguments are taken apart and must have the same length; wrap one in `unmapped` to pass it whole.

        Args:
            args: Positional arguments of the function, or iterables of them.
            return_state: Wait, and return the final states instead of futures.
            wait_for: Futures and states of runs that must complete before any of these.
            deferred: Run the tasks in the background, on a task worker; needs a server.
            kwargs: Keyword arguments of the function, or iterables of them.

        Returns:
            A `FutureList`, in the order of the elements.

        Raises:
            MappingLengthMismatch: The iterables differ in length.
            MappingMissingIterable: No argument can be iterated over.
            MissingContextError: Called outside a flow.
        """
        if deferred:
            raise ConfigurationError(
                "map(deferred=True) needs a server that task workers connect to; leave it out."
            )
        futures: FutureList[Any] = current_runner(self).map(
            self, self.binder.bind_given(args, kwargs), wait_for
        )
        if not return_state:
            return futures
        futures.wait()
        return [future.state for future in futures]

    def name_of_run(self, parameters: dict[str, Any]) -> str:
        """The name that `task_run_name` gives a run with these parameters."""
        return run_name(self.task_run_name, self._run_name, parameters, "task_run_name")

    def on_completion(self, fn: TaskStateHook) -> TaskStateHook:
        """Add a hook that is called when a run completes; a decorator."""
        return self._add_hook("on_completion", fn)

    def on_failure(self, fn: TaskStateHook) -> TaskStateHook:
        """Add a hook that is called when a run fails; a decorator."""
        return self._add_hook("on_failure", fn)

    def on_running(self, fn: TaskStateHook) -> TaskStateHook:
        """Add a hook that is called when a run starts; a decorator."""
        return self._add_hook("on_running", fn)

    def on_commit(self, fn: TaskStateHook) -> TaskStateHook:
        """Add a hook that is called when a run's transaction commits; a decorator."""
        return self._add_hook("on_commit", fn)

    def on_rollback(self, fn: TaskStateHook) -> TaskStateHook:
        """Add a hook that is called when a run's transaction is rolled back; a decorator."""
        return self._add_hook("on_rollback", fn)

    def with_options(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        cache_policy: CachePolicy | Any = NotSet,
        cache_key_fn: Callable[..., str | None] | None = None,
        task_run_name: Callable[..., str] | str | None = NotSet,  # type: ignore[assignment]
        cache_expiration: timedelta | None = None,
        retries: int | None = NotSet,  # type: ignore[assignment]
        retry_delay_seconds: RetryDelay = NotSet,  # type: ignore[assignment]
        retry_jitter_factor: float | None = NotSet,  # type: ignore[assignment]
        persist_result: bool | None = NotSet,  # type: ignore[assignment]
        result_storage: Any = NotSet,
        result_serializer: Any = NotSet,
        result_storage_key: str | None = NotSet,  # type: ignore[assignment]
        cache_result_in_memory: bool | None = None,
        timeout_seconds: int | float | None = None,
        log_prints: bool | None = NotSet,  # type: ignore[assignment]
        refresh_cache: bool | None = NotSet,  # type: ignore[assignment]
        on_completion: list[TaskStateHook] | None = None,
        on_failure: list[TaskStateHook] | None = None,
        on_running: list[TaskStateHook] | None = None,
        retry_condition_fn: Callable[..., Any] | None = None,
        viz_return_value: Any = None,
        asset_deps: list[Any] | None = None,
        cache_expiration_seconds: int | float | None = None,
    ) -> Task[P, R]:
        """A copy of this task with other options; those not given stay.

        The arguments are those of `task`.

        Returns:
            The new task; this one is unchanged.
        """

        def given(new: Any, old: Any) -> Any:
            return old if new is NotSet else new

        return Task(
            self._declared(),
            name=either(name, self.name),
            description=either(description, self.description),
            tags=tags or self.tags,
            version=self.version,
            cache_policy=given(either(cache_policy, NotSet), self._given_cache_policy),
            cache_key_fn=either(cache_key_fn, self.cache_key_fn),
            cache_expiration=either(
                cache_expiration, None if cache_expiration_seconds else self.cache_expiration
            ),
            cache_expiration_seconds=cache_expiration_seconds,
            task_run_name=given(task_run_name, self.task_run_name),
            retries=given(either(retries, 0), self.retries),
            retry_delay_seconds=given(either(retry_delay_seconds, 0), self._given_delay),
            retry_jitter_factor=given(retry_jitter_factor, self.retry_jitter_factor),
            persist_result=given(persist_result, self._given_persist_result),
            result_storage=given(result_storage, self.result_storage),
            result_serializer=given(result_serializer, self.result_serializer),
            result_storage_key=given(result_storage_key, self.result_storage_key),
            cache_result_in_memory=either(cache_result_in_memory, self.cache_result_in_memory),
            timeout_seconds=either(timeout_seconds, self.timeout_seconds),
            log_prints=given(log_prints, self.log_prints),
            refresh_cache=given(refresh_cache, self.refresh_cache),
            on_completion=on_completion or self.on_completion_hooks,
            on_failure=on_failure or self.on_failure_hooks,
            on_running=on_running or self.on_running_hooks,
            on_commit=self.on_commit_hooks,
            on_rollback=self.on_rollback_hooks,
            retry_condition_fn=either(retry_condition_fn, self.retry_condition_fn),
            viz_return_value=either(viz_return_value, self.viz_return_value),
            asset_deps=either(asset_deps, self.asset_deps),
        )

    def __repr__(self) -> str:
        return f"<headrace.Task {self.name!r}>"


def _checked_tags(tags: Any) -> frozenset[str]:
    if tags is None:
        return frozenset()
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise TypeError(f"tags must be a list of strings; got {type(tags).__name__}: {tags!r}.")
    checked = frozenset(tags)
    for tag in checked:
        if not isinstance(tag, str):
            raise TypeError(f"tags must be strings; got {type(tag).__name__}: {tag!r}.")
    return checked


def _checked_expiration(expiration: Any, seconds: Any) -> timedelta | None:
    if expiration is not None and seconds is not None:
        raise ValueError("Give either cache_expiration or cache_expiration_seconds, not both.")
    if seconds is not None:
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise TypeError(f"cache_expiration_seconds must be a number of seconds; got {seconds!r}.")
        return timedelta(seconds=seconds)
    if expiration is not None and not isinstance(expiration, timedelta):
        raise TypeError(
            f"cache_expiration must be a timedelta; got {type(expiration).__name__}: {expiration!r}."
        )
    return expiration


@overload
def task(__fn: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(
    __fn: None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | None = None,
    version: str | None = None,
    cache_policy: CachePolicy | Any = NotSet,
    cache_key_fn: Callable[..., str | None] | None = None,
    cache_expiration: timedelta | None = None,
    cache_expiration_seconds: int | float | None = None,
    task_run_name: Callable[..., str] | str | None = None,
    retries: int | None = None,
    retry_delay_seconds: RetryDelay = None,
    retry_jitter_factor: float | None = None,
    persist_result: bool | None = None,
    result_storage: Any = None,
    result_storage_key: str | None = None,
    result_serializer: Any = None,
    cache_result_in_memory: bool = True,
    timeout_seconds: int | float | None = None,
    log_prints: bool | None = None,
    refresh_cache: bool | None = None,
    on_completion: list[TaskStateHook] | None = None,
    on_failure: list[TaskStateHook] | None = None,
    on_running: list[TaskStateHook] | None = None,
    retry_condition_fn: Callable[..., Any] | None = None,
    viz_return_value: Any = None,
    asset_deps: list[Any] | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(__fn: Any = None, /, **options: Any) -> Any:
    """Make a task of a function: its calls are recorded, and retried, cached and timed out as the options say.

    Used bare (`@task`) or with options (`@task(retries=2)`).

    Args:
        name: The task's name; the function's when left out.
        description: What the task is for; the function's docstring when left out.
        tags: Tags of its runs.
        version: A version to record with each run.
        cache_policy: What identifies a result: `INPUTS`, `TASK_SOURCE + RUN_ID`, ...; see `headrace.cache_policies`.
        cache_key_fn: Computes the cache key from (context, parameters); None from it means no caching.
        cache_expiration: How long a cached result is used; for ever when left out.
        cache_expiration_seconds: The same in seconds.
        task_run_name: Names the runs: a template over the parameters, or a function that returns a name.
        retries: How often a failed run is tried again.
        retry_delay_seconds: Seconds between two tries: a number, one number per try, or a function of `retries` that
            returns such a list (`exponential_backoff`).
        retry_jitter_factor: Varies the delays at random, up to this multiple of each.
        persist_result: Keep the result in result storage; None inherits from the flow, then from the settings.
        result_storage: Where to keep results: a file system object, a path, or an address such as `s3://bucket/path`.
        result_storage_key: The name of the result's file: a template over `parameters`, `flow_run` and `task_run`.
        result_serializer: How to encode results: `"pickle"`, `"json"`, `"compressed/pickle"`, ... or a serializer.
        cache_result_in_memory: Keep the result in memory with the state.
        timeout_seconds: Seconds after which a run is interrupted and ends TimedOut.
        log_prints: Turn `print` into log lines of the run; None inherits from the flow.
        refresh_cache: Compute anew and replace what is cached.
        on_completion: Functions to call with (task, task_run, state) when a run completes.
        on_failure: The same when a run fails.
        on_running: The same when a run starts.
        retry_condition_fn: Decides with (task, task_run, state) whether a failed run is tried again.
        viz_return_value: What the task returns while its flow is drawn.
        asset_deps: Assets that the task reads.

    Returns:
        A `Task`, to be called as the function was.

    Raises:
        TypeError: The function or an option is of the wrong type.
        ValueError: An option has a value that cannot be used.
        ReservedArgumentError: The function has a parameter named `return_state` or `wait_for`.
    """
    if __fn is None:
        return lambda fn: Task(fn, **options)
    return Task(__fn, **options)
