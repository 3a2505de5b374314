"""`ResultStore`: writes results to storage under keys, and reads them again.

Making one costs a microsecond and touches nothing: storage and serializer are looked up when the first result is
written or read, since most runs keep none.

A key's metadata is kept in one of three ways, by `metadata_storage`: in the result's own file (None), in another
storage under the same key (a file system; then the result's file is bare), or not at all (`NullFileSystem`; bare
too). Flow results are bare, as their metadata is in the flow run's state.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.exceptions import SerializationError
from headrace.filesystems import (
    NullFileSystem,
    RemoteFileSystem,
    WritableFileSystem,
    finished,
    resolve_filesystem,
)
from headrace.results.defaults import (
    DEFAULT_STORAGE_KEY_FN,
    get_default_result_serializer,
    get_default_result_storage,
    resolve_result_storage,
)
from headrace.results.locks import KeyLocks
from headrace.results.payloads import PayloadCache
from headrace.results.records import ResultRecord, ResultRecordMetadata, envelope, open_envelope, own_version
from headrace.schema.base import now
from headrace.serializers import Serializer, resolve_serializer
from headrace.transactions import IsolationLevel

if TYPE_CHECKING:
    from headrace.locking.protocol import LockManager

__all__ = ["ResultStore"]


class ResultStore(KeyLocks):
    """Writes results to storage under keys, and reads them again.

    Args:
        result_storage: Where results are kept: a file system, a directory, or `scheme://folder`; by default what the
            settings say.
        metadata_storage: Where what is known about them is kept: None for in their own files.
        lock_manager: What keeps those apart who work on one key.
        cache_result_in_memory: Whether states of runs hold their results, not just where to find them.
        serializer: What results are written with, or its type; by default what the settings say.
        storage_key_fn: Makes the key of a result for which none is given.
        isolation_level: How runs that race for one key are kept apart.
        persist_result: Whether runs with this store keep their results; None when nobody said.
    """

    def __init__(
        self,
        result_storage: Any = None,
        metadata_storage: Any = None,
        lock_manager: LockManager | None = None,
        cache_result_in_memory: bool = True,
        serializer: Serializer[Any] | str | None = None,
        storage_key_fn: Callable[[], str] = DEFAULT_STORAGE_KEY_FN,
        isolation_level: IsolationLevel | str | None = None,
        persist_result: bool | None = None,
    ) -> None:
        self._storage = result_storage
        self._serializer = serializer
        self._metadata_storage = metadata_storage
        self.lock_manager = lock_manager
        self.cache_result_in_memory = cache_result_in_memory
        self.storage_key_fn = storage_key_fn
        self.isolation_level = None if isolation_level is None else IsolationLevel(isolation_level)
        self.persist_result = persist_result
        self.cache = PayloadCache()

    @property
    def result_storage(self) -> WritableFileSystem:
        """Where results are kept.

        Raises:
            TypeError, ValueError: What was given for it is no storage.
        """
        storage = self._storage
        if not isinstance(storage, WritableFileSystem):
            storage = get_default_result_storage() if storage is None else resolve_result_storage(storage)
            self._storage = storage
        return storage

    @property
    def metadata_storage(self) -> WritableFileSystem | None:
        """Where metadata is kept; None for in the results' own files.

        Raises:
            TypeError, ValueError: What was given for it is no storage.
        """
        storage = self._metadata_storage
        if storage is None or isinstance(storage, WritableFileSystem):
            return storage
        resolved = self._metadata_storage = resolve_filesystem(storage, "key_storage")
        return resolved

    @property
    def serializer(self) -> Serializer[Any]:
        """What results are written with.

        Raises:
            TypeError, ValueError: What was given for it is no serializer.
        """
        serializer = self._serializer
        if not isinstance(serializer, Serializer):
            serializer = (
                get_default_result_serializer() if serializer is None else resolve_serializer(serializer)
            )
            self._serializer = serializer
        return serializer

    @property
    def result_storage_block_id(self) -> None:
        """The storage block that results are kept in; none."""
        return None

    # --- Stores of runs --------------------------------------------------------------------------------------------

    def with_options(self, **changes: Any) -> ResultStore:
        """A copy with other options; the arguments are those of the class."""
        private = {
            "result_storage": "_storage",
            "serializer": "_serializer",
            "metadata_storage": "_metadata_storage",
        }
        changed = copy.copy(self)
        for name, value in changes.items():
            attribute = private.get(name, name)
            if attribute not in vars(self):
                raise TypeError(f"A ResultStore has no option {name!r}.")
            setattr(changed, attribute, value)
        return changed

    def model_copy(self, *, update: dict[str, Any] | None = None) -> ResultStore:
        """See `with_options`; the name under which scripts written for Prefect know it."""
        return self.with_options(**(update or {}))

    def update_for_flow(self, flow: Any) -> ResultStore:
        """The store of a flow's runs: this one, with the flow's options."""
        changed = self._with_run_options(flow)
        changed._metadata_storage = NullFileSystem()
        return changed

    async def aupdate_for_flow(self, flow: Any) -> ResultStore:
        """See `update_for_flow`."""
        return self.update_for_flow(flow)

    def update_for_task(self, task: Any) -> ResultStore:
        """The store of a task's runs: this one, with the options of the task and of its cache policy."""
        changed = self._with_run_options(task)
        policy = task.cache_policy
        changed._metadata_storage = None if policy is None else policy.key_storage
        if policy is not None and policy.lock_manager is not None:
            changed.lock_manager = policy.lock_manager
        if policy is not None and policy.isolation_level is not None:
            changed.isolation_level = IsolationLevel(policy.isolation_level)
        return changed

    async def aupdate_for_task(self, task: Any) -> ResultStore:
        """See `update_for_task`."""
        return self.update_for_task(task)

    def _with_run_options(self, run_of: Any) -> ResultStore:
        changed = copy.copy(self)
        if run_of.result_storage is not None:
            changed._storage = run_of.result_storage
        if run_of.result_serializer is not None:
            changed._serializer = run_of.result_serializer
        if run_of.persist_result is not None:
            changed.persist_result = run_of.persist_result
        changed.cache_result_in_memory = run_of.cache_result_in_memory
        return changed

    # --- Results ---------------------------------------------------------------------------------------------------

    def exists(self, key: str) -> bool:
        """Whether there is a result under `key` that has not expired; a damaged one counts as none."""
        try:
            return self.find(key) is not None
        except SerializationError:
            return False

    async def aexists(self, key: str) -> bool:
        """See `exists`; does not block the event loop."""
        return await _in_thread(self.exists, key)  # type: ignore[no-any-return]

    def find(self, key: str) -> ResultRecord[Any] | None:
        """The result under `key`, or None if it is missing or has expired. Does not wait for locks.

        Raises:
            SerializationError: It is damaged.
            OSError: Storage cannot be read.
        """
        try:
            metadata, payload = self._read_parts(key)
        except (FileNotFoundError, ValueError, KeyError):
            return None
        if metadata.expired(now()):
            return None
        return ResultRecord(metadata.serializer.loads(payload), metadata)

    def read(self, key: str, holder: str | None = None) -> ResultRecord[Any]:
        """The result under `key`, also an expired one.

        Args:
            key: The key, or the full path of the file.
            holder: Who reads; waits while somebody else has locked the key.

        Raises:
            ValueError: There is none.
            SerializationError: It is damaged.
        """
        if self.lock_manager is not None and not self.is_lock_holder(key, holder):
            self.wait_for_lock(key)
        metadata, payload = self._read_parts(key)
        return ResultRecord(metadata.serializer.loads(payload), metadata)

    async def aread(self, key: str, holder: str | None = None) -> ResultRecord[Any]:
        """See `read`; does not block the event loop."""
        if self.lock_manager is not None and not self.is_lock_holder(key, holder):
            await self.await_for_lock(key)
        return await _in_thread(self.with_options(lock_manager=None).read, key)  # type: ignore[no-any-return]

    def create_result_record(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None
    ) -> ResultRecord[Any]:
        """A record of `obj` that is not written yet.

        Args:
            obj: The result.
            key: The key to write it under; a new one if None.
            expiration: When it ceases to be valid (UTC); None for never.

        Raises:
            ValueError: The key leads out of result storage.
        """
        return ResultRecord(
            obj, self._new_metadata(key if key is not None else self.storage_key_fn(), expiration)
        )

    def write(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None, holder: str | None = None
    ) -> None:
        """Write a result.

        Args:
            obj: The result.
            key: The key to write it under; a new one if None.
            expiration: When it ceases to be valid (UTC); None for never.
            holder: Who writes.

        Raises:
            SerializationError: It cannot be serialized; the message names the part that cannot.
            RuntimeError: Somebody else has locked the key.
            OSError: Storage cannot be written; the message names the file and says why.
            ValueError: The key leads out of result storage.
        """
        self.persist_result_record(self.create_result_record(obj, key, expiration), holder)

    async def awrite(
        self, obj: Any, key: str | None = None, expiration: datetime | None = None, holder: str | None = None
    ) -> None:
        """See `write`; does not block the event loop."""
        await _in_thread(self.write, obj, key, expiration, holder or self.generate_default_holder())

    def persist_result_record(self, result_record: ResultRecord[Any], holder: str | None = None) -> None:
        """Write a record; see `write`."""
        metadata = result_record.metadata
        if metadata is None or metadata.storage_key is None:
            raise SerializationError(
                "The record has no key to write it under. Make it with `create_result_record`."
            )
        key = self._key_of(metadata.storage_key)
        if self.lock_manager is not None and self.is_locked(key) and not self.is_lock_holder(key, holder):
            raise RuntimeError(
                f"The result {key!r} cannot be written: somebody else than {holder!r} has locked it."
            )
        payload = metadata.serializer.dumps(result_record.result)
        if self.metadata_storage is None:
            self._write_file(metadata.storage_key, envelope(metadata, payload))
            return
        self._write_file(metadata.storage_key, payload)
        # After the result: whoever sees the metadata finds the result that it speaks of.
        finished(self.metadata_storage.write_path(key, metadata.dump_bytes()))

    async def apersist_result_record(
        self, result_record: ResultRecord[Any], holder: str | None = None
    ) -> None:
        """See `persist_result_record`; does not block the event loop."""
        await _in_thread(self.persist_result_record, result_record, holder or self.generate_default_holder())

    # --- Files -----------------------------------------------------------------------------------------------------

    def full_path(self, key: str) -> str:
        """The full path of a key's file.

        Raises:
            ValueError: The key leads out of result storage.
        """
        resolve = getattr(self.result_storage, "resolve_path", None)
        return resolve(key) if resolve is not None else key

    def _key_of(self, storage_key: str) -> str:
        """The key of a file in this storage, by its full path."""
        return storage_key.removeprefix(self.full_path("-").removesuffix("-"))

    def _new_metadata(self, key: str, expiration: datetime | None) -> ResultRecordMetadata:
        return ResultRecordMetadata(self.full_path(key), expiration, self.serializer, own_version())

    def _read_parts(self, key: str) -> tuple[ResultRecordMetadata, bytes]:
        storage = self.metadata_storage
        if storage is None:
            return open_envelope(self._read_file(key))
        if isinstance(storage, NullFileSystem):
            return self._new_metadata(key, None), self._read_file(key)
        metadata = ResultRecordMetadata.load_bytes(finished(storage.read_path(key)))
        return metadata, self._read_file(metadata.storage_key or key)

    def _read_file(self, key: str) -> bytes:
        storage = self.result_storage
        if not isinstance(storage, RemoteFileSystem) or not self.cache_result_in_memory:
            return finished(storage.read_path(key))
        path = self.full_path(key)
        content = self.cache.get(path)
        if content is None:
            content = storage.read_path(path)
            self.cache.put(path, content)
        return content

    def _write_file(self, key: str, content: bytes) -> None:
        finished(self.result_storage.write_path(key, content))
        self.cache.forget(key)

    def __repr__(self) -> str:
        return (
            f"ResultStore(result_storage={self._storage!r}, serializer={self._serializer!r}, "
            f"metadata_storage={self._metadata_storage!r}, lock_manager={self.lock_manager!r})"
        )


async def _in_thread(fn: Callable[..., Any], *args: Any) -> Any:
    import asyncio

    return await asyncio.to_thread(fn, *args)
