"""`ResultStore`: the stores of flows and tasks, remote storage, and locks."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from headrace.cache_policies import INPUTS
from headrace.exceptions import ConfigurationError
from headrace.filesystems import LocalFileSystem, NullFileSystem, RemoteFileSystem
from headrace.locking.memory import MemoryLockManager
from headrace.results import (
    ResultStore,
    get_result_store,
    should_persist_result,
)
from headrace.serializers import JSONSerializer, PickleSerializer
from headrace.settings import temporary_settings
from headrace.transactions import IsolationLevel


def options(**given: object) -> SimpleNamespace:
    """The options of a flow or a task."""
    defaults = {
        "result_storage": None,
        "result_serializer": None,
        "persist_result": None,
        "cache_result_in_memory": True,
        "cache_policy": None,
    }
    return SimpleNamespace(**{**defaults, **given})


def test_the_default_storage_and_serializer_are_those_of_the_settings(home):
    assert ResultStore().result_storage == LocalFileSystem(home / "storage")
    assert ResultStore().serializer == PickleSerializer()
    with temporary_settings(
        {"results.default_serializer": "json", "results.local_storage_path": home / "elsewhere"}
    ):
        assert ResultStore().serializer == JSONSerializer()
        assert ResultStore().result_storage == LocalFileSystem(home / "elsewhere")


def test_a_default_block_that_is_an_address_is_storage():
    with temporary_settings({"results.default_storage_block": "memory://results"}):
        assert ResultStore().result_storage == RemoteFileSystem("memory://results")


def test_a_store_touches_nothing_before_it_is_used(home):
    ResultStore().update_for_flow(options()).update_for_task(options())

    assert not home.exists()


def test_a_flows_store_has_the_flows_options_and_bare_files(tmp_path):
    store = ResultStore().update_for_flow(options(result_storage=tmp_path, result_serializer="json"))

    assert store.result_storage == LocalFileSystem(tmp_path)
    assert store.serializer == JSONSerializer()
    assert isinstance(store.metadata_storage, NullFileSystem)


def test_a_tasks_store_inherits_from_its_flows(tmp_path):
    flow_store = ResultStore().update_for_flow(options(result_storage=tmp_path, result_serializer="json"))

    task_store = flow_store.update_for_task(options(result_serializer="pickle"))

    assert task_store.result_storage == LocalFileSystem(tmp_path)
    assert task_store.serializer == PickleSerializer()
    assert task_store.metadata_storage is None


def test_a_tasks_store_has_the_options_of_its_cache_policy(tmp_path):
    locks = MemoryLockManager()
    policy = INPUTS.configure(
        key_storage=tmp_path / "keys", lock_manager=locks, isolation_level="SERIALIZABLE"
    )

    store = ResultStore().update_for_task(options(cache_policy=policy))

    assert store.metadata_storage == LocalFileSystem(tmp_path / "keys")
    assert store.lock_manager is locks
    assert store.isolation_level is IsolationLevel.SERIALIZABLE


def test_a_copy_with_other_options_leaves_the_original(store):
    changed = store.model_copy(update={"serializer": JSONSerializer(), "cache_result_in_memory": False})

    assert (changed.serializer, changed.cache_result_in_memory) == (JSONSerializer(), False)
    assert (store.serializer, store.cache_result_in_memory) == (PickleSerializer(), True)
    with pytest.raises(TypeError, match="nonsense"):
        store.with_options(nonsense=1)


def test_outside_runs_there_is_a_default_store_and_nothing_is_kept(home):
    get_result_store().write("value", key="k")

    assert (home / "storage" / "k").exists()
    assert not should_persist_result()
    with temporary_settings({"results.persist_by_default": True}):
        assert should_persist_result()


# --- Remote storage --------------------------------------------------------------------------------------------


def test_a_remote_file_is_fetched_once(tmp_path):
    storage = RemoteFileSystem(f"memory://{tmp_path.name}")
    store = ResultStore(result_storage=storage)
    store.write("value", key="k")
    first = store.read("k").result
    storage.filesystem.rm_file(storage.resolve_path("k"))

    assert (first, store.read("k").result) == ("value", "value")
    assert not ResultStore(result_storage=storage).exists("k")


def test_writing_a_remote_file_replaces_what_was_fetched(tmp_path):
    store = ResultStore(result_storage=f"memory://{tmp_path.name}")
    store.write("former", key="k")
    store.read("k")

    store.write("new", key="k")

    assert store.read("k").result == "new"


def test_a_store_that_keeps_nothing_in_memory_fetches_each_time(tmp_path):
    storage = RemoteFileSystem(f"memory://{tmp_path.name}")
    store = ResultStore(result_storage=storage, cache_result_in_memory=False)
    store.write("value", key="k")
    store.read("k")
    storage.filesystem.rm_file(storage.resolve_path("k"))

    assert not store.exists("k")


def test_fetched_files_take_no_more_memory_than_allowed():
    from headrace.results.payloads import PayloadCache

    cache = PayloadCache(max_bytes=10)
    for name in "abc":
        cache.put(name, b"1234")
    cache.put("too large", bytes(11))

    assert [cache.get(name) for name in ("a", "b", "c", "too large")] == [None, b"1234", b"1234", None]
    cache.put("b", b"12")
    cache.put("d", b"1234")
    assert [cache.get(name) for name in "bcd"] == [b"12", b"1234", b"1234"]


# --- Locks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def locking(store: ResultStore, tmp_path: Path) -> ResultStore:
    """A store that can lock its keys."""
    return store.with_options(lock_manager=MemoryLockManager())


def test_without_a_lock_manager_nothing_can_be_locked(store):
    for act in (store.acquire_lock, store.release_lock, store.is_locked, store.wait_for_lock):
        with pytest.raises(ConfigurationError, match="lock manager"):
            act("k")
    assert store.supports_isolation_level(IsolationLevel.READ_COMMITTED)
    assert not store.supports_isolation_level(IsolationLevel.SERIALIZABLE)


def test_a_key_is_locked_by_its_holder(locking, tmp_path):
    key = f"{tmp_path}-k"

    assert locking.acquire_lock(key, holder="me")
    assert locking.is_locked(key)
    assert locking.is_lock_holder(key, holder="me")
    assert not locking.acquire_lock(key, holder="you", timeout=0)
    locking.release_lock(key, holder="me")
    assert locking.wait_for_lock(key, timeout=0)
    assert locking.supports_isolation_level(IsolationLevel.SERIALIZABLE)


def test_this_thread_is_the_holder_unless_another_is_named(locking, tmp_path):
    key = f"{tmp_path}-thread"
    locking.acquire_lock(key)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(locking.is_lock_holder(key)))
    thread.start()
    thread.join()

    assert locking.is_lock_holder(key)
    assert seen == [False]
    locking.release_lock(key)


def test_writing_what_somebody_else_has_locked_is_refused(locking):
    locking.acquire_lock("locked", holder="me")
    try:
        with pytest.raises(RuntimeError, match="locked"):
            locking.write(1, key="locked", holder="you")
        locking.write(2, key="locked", holder="me")
    finally:
        locking.release_lock("locked", holder="me")

    assert locking.read("locked").result == 2


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_reading_waits_for_whoever_has_locked_the_key(locking, colour):
    locking.acquire_lock("busy", holder="writer")
    found = []

    def read() -> None:
        found.append(locking.read("busy") if colour == "sync" else asyncio.run(locking.aread("busy")))

    reader = threading.Thread(target=read)
    reader.start()
    locking.write("written meanwhile", key="busy", holder="writer")
    locking.release_lock("busy", holder="writer")
    reader.join()

    assert found[0].result == "written meanwhile"


def test_both_colours_lock_the_same(locking):
    async def main() -> list[bool]:
        return [
            await locking.aacquire_lock("both", holder="me"),
            await locking.aacquire_lock("both", holder="you", timeout=0),
            await locking.await_for_lock("both", timeout=0),
        ]

    assert asyncio.run(main()) == [True, False, False]
    locking.release_lock("both", holder="me")
