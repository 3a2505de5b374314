"""What makes two runs of a task the same, so that the second takes the first one's result.

A policy makes a cache key of a run; runs with equal keys share a result. Policies combine: `INPUTS + TASK_SOURCE` is a
key of both, `INPUTS - "debug"` leaves an argument out, and `.configure` says where keys are kept and how runs that race
for one are kept apart.

    @task(cache_policy=INPUTS - "verbose", cache_expiration=timedelta(hours=1))
    def load(path, verbose=False): ...

`DEFAULT`, which tasks have unless told otherwise, is `INPUTS + TASK_SOURCE + RUN_ID`: it caches within one flow run, and
only where results are persisted. A policy of your own subclasses `CachePolicy`, or is made of a function of the run's
context and arguments with `CachePolicy.from_cache_key_fn`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from headrace.engine.context import TaskRunContext
    from headrace.filesystems import WritableFileSystem
    from headrace.locking.protocol import LockManager
    from headrace.transactions import IsolationLevel

__all__ = [
    "DEFAULT",
    "FLOW_PARAMETERS",
    "INPUTS",
    "NONE",
    "NO_CACHE",
    "RUN_ID",
    "TASK_SOURCE",
    "CacheKeyFnPolicy",
    "CachePolicy",
    "CompoundCachePolicy",
    "FlowParameters",
    "Inputs",
    "RunId",
    "TaskSource",
    "task_input_hash",
]

Policy = TypeVar("Policy", bound="CachePolicy")
CacheKeyFn = Callable[["TaskRunContext", dict[str, Any]], str | None]

OPTIONS = ("key_storage", "isolation_level", "lock_manager")


class CachePolicy:
    """Makes cache keys of task runs.

    Args:
        key_storage: Where to keep what is known of each key (a directory, `scheme://folder`, or a file system), apart
            from the results; None keeps both in one file in result storage.
        isolation_level: `"SERIALIZABLE"` makes runs that race for one key compute once; needs a lock manager.
        lock_manager: What keeps them apart: `MemoryLockManager()` for threads, `FileSystemLockManager(directory)` for
            processes.
    """

    key_storage: WritableFileSystem | str | Path | None = None
    isolation_level: IsolationLevel | str | None = None
    lock_manager: LockManager | None = None

    def __init__(
        self,
        key_storage: WritableFileSystem | str | Path | None = None,
        isolation_level: IsolationLevel | str | None = None,
        lock_manager: LockManager | None = None,
    ) -> None:
        self.key_storage = key_storage
        self.isolation_level = _checked_level(isolation_level)
        self.lock_manager = lock_manager

    @classmethod
    def from_cache_key_fn(cls, cache_key_fn: CacheKeyFn) -> CacheKeyFnPolicy:
        """A policy whose key is what a function returns.

        Args:
            cache_key_fn: Called with the run's context and its arguments by name; returns a text, or None to not cache.

        Raises:
            TypeError: It cannot be called.
        """
        return CacheKeyFnPolicy(cache_key_fn=cache_key_fn)

    def configure(
        self: Policy,
        key_storage: WritableFileSystem | str | Path | None = None,
        lock_manager: LockManager | None = None,
        isolation_level: IsolationLevel | str | None = None,
    ) -> Policy:
        """A copy with other options; those that are left out stay. The arguments are those of the class."""
        changed = copy.copy(self)
        if key_storage is not None:
            changed.key_storage = key_storage
        if lock_manager is not None:
            changed.lock_manager = lock_manager
        if isolation_level is not None:
            changed.isolation_level = _checked_level(isolation_level)
        return changed

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        """The cache key of a run.

        Args:
            task_ctx: The run's context: its `task`, its `task_run`.
            inputs: Its arguments by name.
            flow_parameters: The parameters of the flow run around it; empty outside one.
            kwargs: What later versions may add.

        Returns:
            The key, or None to not cache the run.

        Raises:
            HashError: The run has something that no key can be made of; the message names it.
        """
        raise NotImplementedError(f"The cache policy {type(self).__name__} does not define `compute_key`.")

    def __sub__(self: Policy, other: str) -> Policy | CompoundCachePolicy:
        """A policy that leaves the argument of that name out of its key, if arguments are part of it at all."""
        if not isinstance(other, str):
            raise TypeError(
                f"Only the name of an argument can be subtracted from a cache policy, as in INPUTS - 'debug'; got {other!r}."
            )
        return self

    def __add__(self, other: CachePolicy) -> CachePolicy:
        """A policy whose key is made of both keys.

        Raises:
            ValueError: The two keep keys in different places, or differ in isolation or locks.
            TypeError: The other is no policy.
        """
        if isinstance(_checked_policy(other), _None):
            return self
        return CompoundCachePolicy(policies=[self, other], **_common_options(self, other))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        given = {**dict.fromkeys(OPTIONS), **vars(self)}
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in given.items())})"


class CacheKeyFnPolicy(CachePolicy):
    """The key is what a function returns.

    Args:
        cache_key_fn: Called with the run's context and its arguments by name.
        key_storage: See `CachePolicy`, also for the others.
    """

    def __init__(
        self,
        key_storage: WritableFileSystem | str | Path | None = None,
        isolation_level: IsolationLevel | str | None = None,
        lock_manager: LockManager | None = None,
        cache_key_fn: CacheKeyFn | None = None,
    ) -> None:
        super().__init__(key_storage, isolation_level, lock_manager)
        if cache_key_fn is not None and not callable(cache_key_fn):
            raise TypeError(
                "`cache_key_fn` must be a function of the run's context and its arguments by name; "
                f"got {cache_key_fn!r}, of type {type(cache_key_fn).__name__!r}."
            )
        self.cache_key_fn = cache_key_fn

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        return self.cache_key_fn(task_ctx, inputs) if self.cache_key_fn is not None else None


class CompoundCachePolicy(CachePolicy):
    """The key is made of several policies' keys; the order of the policies does not matter.

    Args:
        policies: The policies; those that make no key for a run are left out of its key.
        key_storage: See `CachePolicy`, also for the others.
    """

    def __init__(
        self,
        key_storage: WritableFileSystem | str | Path | None = None,
        isolation_level: IsolationLevel | str | None = None,
        lock_manager: LockManager | None = None,
        policies: list[CachePolicy] | None = None,
    ) -> None:
        super().__init__(key_storage, isolation_level, lock_manager)
        self.policies: list[CachePolicy] = []
        for policy in policies or []:
            parts = policy.policies if isinstance(policy, CompoundCachePolicy) else [policy]
            self.policies.extend(part for part in parts if part not in self.policies)
        self.policies.sort(key=lambda policy: type(policy).__name__)

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        keys = [policy.compute_key(task_ctx, inputs, flow_parameters, **kwargs) for policy in self.policies]
        present = [
            [type(policy).__name__, key]
            for policy, key in zip(self.policies, keys, strict=True)
            if key is not None
        ]
        return _hash(present) if present else None

    def __sub__(self, other: str) -> CompoundCachePolicy:
        super().__sub__(other)
        reduced = copy.copy(self)
        reduced.policies = [policy - other for policy in self.policies]
        return reduced


class _None(CachePolicy):
    """No key: nothing is cached. Added to another policy, it changes nothing."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> None:
        return None

    def __add__(self, other: CachePolicy) -> CachePolicy:
        return _checked_policy(other)


class TaskSource(CachePolicy):
    """The key is the source code of the task's function, or its byte code where there is no source."""

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any] | None,
        flow_parameters: dict[str, Any] | None,
        **kwargs: Any,
    ) -> str | None:
        return _source_hash(task_ctx.task)


class FlowParameters(CachePolicy):
    """The key is the parameters of the flow run around the task run; none outside flows and in flows without."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        return _hash_named(flow_parameters, "parameter of the flow") if flow_parameters else None


class RunId(CachePolicy):
    """The key is the flow run, or the task run outside flows: results are shared within one run only."""

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        run = task_ctx.task_run
        return str(run.flow_run_id or run.id)


class Inputs(CachePolicy):
    """The key is the run's arguments.

    Args:
        exclude: Names of arguments to leave out.
        key_storage: See `CachePolicy`, also for the others.
    """

    def __init__(
        self,
        key_storage: WritableFileSystem | str | Path | None = None,
        isolation_level: IsolationLevel | str | None = None,
        lock_manager: LockManager | None = None,
        exclude: list[str] | None = None,
    ) -> None:
        super().__init__(key_storage, isolation_level, lock_manager)
        self.exclude = list(exclude or [])

    def compute_key(
        self, task_ctx: TaskRunContext, inputs: dict[str, Any], flow_parameters: dict[str, Any], **kwargs: Any
    ) -> str | None:
        if self.exclude:
            inputs = {name: value for name, value in inputs.items() if name not in self.exclude}
        return _hash_named(inputs, "argument") if inputs else None

    def __sub__(self, other: str) -> Inputs:
        super().__sub__(other)
        reduced = copy.copy(self)
        reduced.exclude = [*self.exclude, other]
        return reduced


def task_input_hash(context: TaskRunContext, arguments: dict[str, Any]) -> str | None:
    """A cache key function: the same task, with the same code and the same arguments.

    Args:
        context: The run's context.
        arguments: Its arguments by name.

    Raises:
        HashError: An argument cannot be hashed; the message names it.

    >>> @task(cache_key_fn=task_input_hash)                  # doctest: +SKIP
    ... def load(path): ...
    """
    return _hash([context.task.task_key, _source_hash(context.task), _hash_named(arguments, "argument")])


def _hash(value: Any) -> str:
    from headrace.utilities.hashing import hash_objects

    return hash_objects(value, raise_on_failure=True)  # type: ignore[return-value]


def _hash_named(values: dict[str, Any], what: str) -> str:
    from headrace.utilities.hashing import hash_named

    return hash_named(values, what)


_sources: WeakKeyDictionary[Callable[..., Any], str] = WeakKeyDictionary()
_sources_lock = Lock()


def _source_hash(task: Any) -> str:
    """The hash of a task's source. Kept by function: finding the source costs more than all else in a cache hit."""
    fn = task.fn
    if not isinstance(fn, FunctionType):
        return _hash(_source(task))
    with _sources_lock:
        known = _sources.get(fn)
    if known is None:
        known = _hash(_source(task))
        with _sources_lock:
            _sources[fn] = known
    return known


def _source(task: Any) -> Any:
    import inspect

    source = getattr(task, "source_code", None)
    if source:
        return source
    try:
        return inspect.getsource(task.fn)
    except (OSError, TypeError):
        return task.fn


def _checked_policy(other: Any) -> CachePolicy:
    if not isinstance(other, CachePolicy):
        raise TypeError(
            f"Only a cache policy can be added to a cache policy; got {other!r}. Make one of a function with "
            "CachePolicy.from_cache_key_fn(function)."
        )
    return other


def _checked_level(level: IsolationLevel | str | None) -> IsolationLevel | None:
    if level is None:
        return None
    from headrace.transactions import IsolationLevel

    try:
        return IsolationLevel(level)
    except ValueError as problem:
        known = " or ".join(repr(each.value) for each in IsolationLevel)
        raise ValueError(f"`isolation_level` must be {known}; got {level!r}.") from problem


def _common_options(first: CachePolicy, second: CachePolicy) -> dict[str, Any]:
    """The options of two policies that are to be one."""
    options = {}
    for name in OPTIONS:
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours is not None and theirs is not None and ours != theirs:
            raise ValueError(
                f"Cache policies with different {name.replace('_', ' ')}s cannot be added: {ours!r} and {theirs!r}. "
                "Configure the sum instead: (A + B).configure(...)."
            )
        options[name] = ours if ours is not None else theirs
    return options


INPUTS = Inputs()
TASK_SOURCE = TaskSource()
RUN_ID = RunId()
FLOW_PARAMETERS = FlowParameters()
NONE = NO_CACHE = _None()
DEFAULT = INPUTS + TASK_SOURCE + RUN_ID
