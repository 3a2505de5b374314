"""Whether a task's results are kept and cached, from its options and the settings.

Options that make no sense without keeping results turn it on: a cache policy, a cache key function, a storage key,
result storage, a serializer. `persist_result=False` wins over all of them, with a warning where it undoes caching.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from headrace.cache_policies import DEFAULT, NO_CACHE, CacheKeyFnPolicy, CachePolicy
from headrace.core.annotations import NotSet
from headrace.settings import get_current_settings

__all__ = ["Persistence", "check_result_options", "persists_task", "resolve_persistence"]


class Persistence(NamedTuple):
    """What a task's options come to."""

    persist_result: bool | None
    """Whether results are kept; None leaves it to the run around it and the settings (`persists_task`)."""

    cache_policy: CachePolicy | None
    """What makes cache keys; None where the storage key is the cache key, or nothing is cached."""


def resolve_persistence(
    task_name: str,
    persist_result: bool | None = None,
    cache_policy: Any = NotSet,
    cache_key_fn: Callable[..., str | None] | None = None,
    result_storage: Any = None,
    result_serializer: Any = None,
    result_storage_key: str | None = None,
) -> Persistence:
    """What a task's options come to; called once, when the task is made.

    Args:
        task_name: For messages.
        persist_result: The option of that name; so are the following.
        cache_policy: A cache policy, None, or `NotSet` when the option was not given.
        cache_key_fn: A function of the run's context and its arguments.
        result_storage: A file system, a directory, or `scheme://folder`.
        result_serializer: A serializer, or its type.
        result_storage_key: A template of the key that results are kept under.

    Raises:
        TypeError: An option is of the wrong type.
        ValueError: There is no such serializer or storage.
    """
    _check_options(cache_policy, result_storage, result_serializer, result_storage_key)
    policy = _policy(task_name, persist_result, cache_policy, cache_key_fn, result_storage_key)
    if persist_result is None:
        caching = cache_policy is not NotSet and cache_policy is not None and not _is_none(cache_policy)
        options = (cache_key_fn, result_storage, result_serializer, result_storage_key)
        if caching or any(option is not None for option in options):
            persist_result = True
    return Persistence(persist_result, policy)


def persists_task(task: Any, context: Any) -> bool:
    """Whether a run of `task` keeps its result.

    Args:
        task: The task.
        context: The context of the run around it, flow or task; None outside runs.

    Returns:
        What the task says, else the setting `tasks.default_persist_result`, else what the run around it does, else the
        setting `results.persist_by_default`.
    """
    if task.persist_result is not None:
        return bool(task.persist_result)
    settings = get_current_settings()
    if settings.tasks.default_persist_result is not None:
        return settings.tasks.default_persist_result
    return settings.results.persist_by_default if context is None else bool(context.persist_result)


def _policy(
    task_name: str,
    persist_result: bool | None,
    cache_policy: Any,
    cache_key_fn: Callable[..., str | None] | None,
    result_storage_key: str | None,
) -> CachePolicy | None:
    tasks = get_current_settings().tasks
    policy = cache_policy
    if cache_key_fn is not None:
        policy = CacheKeyFnPolicy(cache_key_fn=cache_key_fn)
        if cache_policy is not NotSet and cache_policy is not None:
            _warn(
                "Both `cache_policy` and `cache_key_fn` are set on task %r. `cache_key_fn` will be used.",
                task_name,
            )
    if tasks.disable_caching:
        return NO_CACHE
    if persist_result is False:
        if policy is not NotSet and policy is not None and not _is_none(policy):
            _warn("Ignoring `cache_policy` of task %r because `persist_result` is False", task_name)
        return NO_CACHE
    if result_storage_key is not None:
        return NO_CACHE if _is_none(policy) else None
    if policy is NotSet:
        return NO_CACHE if tasks.default_no_cache else DEFAULT
    return policy  # type: ignore[no-any-return]


def _is_none(policy: Any) -> bool:
    return type(policy) is type(NO_CACHE)


def _warn(message: str, task_name: str) -> None:
    from headrace.logging import get_logger

    get_logger("tasks").warning(message, task_name)


def _check_options(
    cache_policy: Any, result_storage: Any, result_serializer: Any, result_storage_key: Any
) -> None:
    if cache_policy is not NotSet and cache_policy is not None and not isinstance(cache_policy, CachePolicy):
        raise TypeError(
            "`cache_policy` must be a cache policy, such as INPUTS of headrace.cache_policies, or None; "
            f"got {cache_policy!r}, of type {type(cache_policy).__name__!r}."
        )
    if result_storage_key is not None and not isinstance(result_storage_key, str):
        raise TypeError(
            "`result_storage_key` must be text, such as 'rows-{parameters[day]}'; "
            f"got {result_storage_key!r}, of type {type(result_storage_key).__name__!r}."
        )
    check_result_options(result_storage, result_serializer)


def check_result_options(result_storage: Any, result_serializer: Any) -> None:
    """Refuse options of flows and tasks that cannot be used.

    Args:
        result_storage: The option of that name; so is the next.
        result_serializer: A serializer, or its type.

    Raises:
        TypeError: An option is of the wrong type.
        ValueError: There is no such serializer or storage.
    """
    if result_storage is not None:
        from headrace.filesystems import resolve_filesystem

        resolve_filesystem(result_storage)
    if result_serializer is not None:
        from headrace.serializers import resolve_serializer

        resolve_serializer(result_serializer)
