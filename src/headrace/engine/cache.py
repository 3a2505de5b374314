"""A task run's place in the cache: its key, whether there is a result under it, and keeping the run's own.

    open_entry -> lookup -> (the run) -> keep | keep_uncached -> release

`lookup` reads first and locks second: under SERIALIZABLE, a run that finds no result tries for the key's lock. Who gets
it looks again, since the former holder may have written in between, and computes; who does not waits until the lock is
free, without taking it, and starts over. So of many that wait, one computes and the others only read.

Nothing here makes a run fail once its function has been called: a result that cannot be kept is a warning.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from headrace.engine.context import FlowRunContext
from headrace.exceptions import ConfigurationError, HashError, SerializationError
from headrace.results.records import ResultRecord, ResultRecordMetadata
from headrace.schema.base import now
from headrace.settings import get_current_settings
from headrace.transactions import IsolationLevel

if TYPE_CHECKING:
    from headrace.engine.context import TaskRunContext
    from headrace.engine.ports import Port
    from headrace.results.store import ResultStore
    from headrace.tasks import Task

__all__ = [
    "CacheEntry",
    "compute_cache_key",
    "keep",
    "keep_flow_result",
    "keep_uncached",
    "lookup",
    "open_entry",
    "release",
]


class CacheEntry:
    """A task run's place in the cache.

    Args:
        key: The cache key; None for a run that is not cached, whose result is kept under a key of its own.
        store: Where results are kept.
        holder: Who holds the key's lock while the run computes.
        expires_after: How long its result is valid; None for ever.
        refresh: Compute whatever is there, and replace it.
    """

    __slots__ = ("expires_after", "held", "holder", "key", "refresh", "store")

    def __init__(
        self, key: str | None, store: ResultStore, holder: str, expires_after: timedelta | None, refresh: bool
    ) -> None:
        self.key = key
        self.store = store
        self.holder = holder
        self.expires_after = expires_after
        self.refresh = refresh
        self.held = False


def open_entry(task: Task[..., Any], context: TaskRunContext, store: ResultStore, logger: Any) -> CacheEntry:
    """Find a run's place in the cache; computes its key, reads and writes nothing.

    Args:
        task: The task.
        context: The run's context, which is entered: key functions and templates look at it.
        store: The task's result store.
        logger: The run's logger; is told why a run cannot be cached.

    Raises:
        ConfigurationError: The store cannot isolate runs as it should, or the storage key's template is wrong.
        TypeError: A key function returned something else than text or None.
        ValueError: The storage, the serializer or the key cannot be used.
    """
    refresh = (
        task.refresh_cache if task.refresh_cache is not None else get_current_settings().tasks.refresh_cache
    )
    if task.result_storage_key is not None:
        key: str | None = _storage_key(task.result_storage_key, context.parameters)
        # NO_CACHE besides a storage key: the result goes there, but is never taken from there.
        refresh = refresh or task.cache_policy is not None
    else:
        key = compute_cache_key(task, context, context.parameters, logger=logger)
    _check_store(store, key)
    return CacheEntry(key, store, str(context.task_run.id), task.cache_expiration, refresh)


def compute_cache_key(
    task: Task[..., Any],
    context: TaskRunContext,
    parameters: dict[str, Any],
    flow_parameters: dict[str, Any] | None = None,
    logger: Any = None,
) -> str | None:
    """The cache key of a run, by its task's policy.

    Args:
        task: The task.
        context: The run's context.
        parameters: Its arguments by name.
        flow_parameters: Those of the flow run around it; looked up if None.
        logger: Is told why there is no key.

    Returns:
        The key; None if the policy makes none, or cannot.

    Raises:
        TypeError: The policy returned something else than text or None.
    """
    policy = task.cache_policy
    if policy is None:
        return None
    if flow_parameters is None:
        flow = FlowRunContext.get()
        flow_parameters = (flow.parameters if flow is not None else None) or {}
    try:
        key: Any = policy.compute_key(task_ctx=context, inputs=parameters, flow_parameters=flow_parameters)
    except HashError as problem:
        if logger is not None:
            logger.warning(
                "This run is not cached: %s Leave it out (cache_policy=INPUTS - 'name'), pass a cache_key_fn, or turn "
                "caching off (cache_policy=NO_CACHE).",
                problem,
            )
        return None
    except Exception as problem:
        if logger is not None:
            logger.error(
                "Error encountered when computing cache key - this run is not cached: %s raised %s: %s",
                _maker_of(policy),
                type(problem).__name__,
                problem,
                exc_info=True,
            )
        return None
    if key is not None and not isinstance(key, str):
        raise TypeError(
            f"A cache key must be text, or None to not cache the run; {_maker_of(policy)} of task {task.name!r} returned "
            f"{key!r}, of type {type(key).__name__!r}."
        )
    return key


async def lookup(entry: CacheEntry, port: Port, logger: Any) -> ResultRecord[Any] | None:
    """The valid result under the entry's key; None when the run is to compute it.

    Under SERIALIZABLE the entry holds the key's lock after None, and `release` must be called.
    """
    if entry.key is None:
        return None
    store = entry.store
    if store.isolation_level is not IsolationLevel.SERIALIZABLE:
        return await _find(entry, port, logger)
    while True:
        record = await _find(entry, port, logger)
        if record is not None:
            return record
        entry.held = await _try_lock(entry, port)
        if entry.held:
            record = await _find(entry, port, logger)
            if record is not None:
                await release(entry, port)
            return record
        await _wait_for_lock(entry, port)


async def keep(
    entry: CacheEntry, port: Port, value: Any, logger: Any
) -> ResultRecord[Any] | ResultRecordMetadata:
    """Keep the result of a completed run.

    Returns:
        What its state is to carry: the record, or only its metadata where results do not stay in memory.
    """
    expires_after = entry.expires_after
    expiration = now() + expires_after if expires_after is not None else None
    return await _write(entry.store, port, value, logger, entry.key, expiration, entry.holder)


async def keep_uncached(
    entry: CacheEntry, port: Port, value: Any, logger: Any
) -> ResultRecord[Any] | ResultRecordMetadata:
    """Keep what a run came to that did not complete: under a key of its own, since failures are not cached."""
    return await _write(entry.store, port, value, logger)


async def keep_flow_result(
    store: ResultStore, port: Port, value: Any, logger: Any
) -> ResultRecord[Any] | ResultRecordMetadata:
    """Keep the result of a flow run, or its exception; see `keep`."""
    return await _write(store, port, value, logger)


async def release(entry: CacheEntry, port: Port) -> None:
    """Release the entry's lock, if it holds it."""
    if not entry.held:
        return
    entry.held = False
    assert entry.key is not None
    await port.call_blocking(_release_lock, entry.store, entry.key, entry.holder)


async def _try_lock(entry: CacheEntry, port: Port) -> bool:
    assert entry.key is not None
    if port.isasync:
        # Not in a thread: were this run cancelled meanwhile, the thread would acquire a lock that nobody releases.
        return await entry.store.aacquire_lock(entry.key, entry.holder, 0)
    return entry.store.acquire_lock(entry.key, entry.holder, 0)


async def _wait_for_lock(entry: CacheEntry, port: Port) -> None:
    assert entry.key is not None
    if port.isasync:
        # Not in a thread: enough waiting runs would take all threads, and the holder needs one to go on.
        await entry.store.await_for_lock(entry.key)
    else:
        entry.store.wait_for_lock(entry.key)


async def _find(entry: CacheEntry, port: Port, logger: Any) -> ResultRecord[Any] | None:
    if entry.refresh or entry.key is None:
        return None
    try:
        return await port.call_blocking(entry.store.find, entry.key)
    except Exception as problem:
        logger.warning("The cached result %r cannot be used and is computed anew: %s", entry.key, problem)
        return None


async def _write(
    store: ResultStore,
    port: Port,
    value: Any,
    logger: Any,
    key: str | None = None,
    expiration: Any = None,
    holder: str | None = None,
) -> ResultRecord[Any] | ResultRecordMetadata:
    try:
        record = store.create_result_record(value, key, expiration)
        await port.call_blocking(store.persist_result_record, record, holder)
    except SerializationError as problem:
        logger.warning("The result is not kept: %s", problem)
    except Exception as problem:
        logger.warning("The result is not kept: %s", problem, exc_info=not isinstance(problem, OSError))
    else:
        return record if store.cache_result_in_memory else record.metadata  # type: ignore[return-value]
    return ResultRecord(value)


def _release_lock(store: ResultStore, key: str, holder: str) -> None:
    # The lock may have been broken, or its hold may have ended, and somebody else may hold it by now.
    if store.is_lock_holder(key, holder):
        store.release_lock(key, holder)


def _check_store(store: ResultStore, key: str | None) -> None:
    """See to it that what is wrong with the store is said before the function is called, not after."""
    level = store.isolation_level
    if level is not None and not store.supports_isolation_level(level):
        raise ConfigurationError(
            f"Isolation level {level} is not supported by provided configuration: it needs a lock manager. Use "
            "cache_policy=....configure(lock_manager=...) with a MemoryLockManager() for threads or a "
            "FileSystemLockManager(directory) for processes."
        )
    store.full_path(key if key is not None else "-")
    _ = store.serializer, store.metadata_storage


def _storage_key(template: str, parameters: dict[str, Any]) -> str:
    if "{" not in template and "}" not in template:
        return template
    from headrace.core.templates import RunNameTemplate
    from headrace.runtime import deployment, flow_run, task_run

    names = {"parameters": parameters, "flow_run": flow_run, "task_run": task_run, "deployment": deployment}
    return RunNameTemplate(template, "result_storage_key").render(names)


def _maker_of(policy: Any) -> str:
    function = getattr(policy, "cache_key_fn", None)
    if function is None:
        return f"the cache policy {type(policy).__name__}"
    return f"the cache_key_fn {getattr(function, '__qualname__', function)!r}"
