"""Task runs that race for a cache key: under SERIALIZABLE one computes, the others wait for its result."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from headrace.cache_policies import CachePolicy
from headrace.engine import cache
from headrace.engine.inline import run_inline
from headrace.engine.ports import ASYNC, SYNC
from headrace.locking.filesystem import FileSystemLockManager
from headrace.locking.memory import MemoryLockManager
from headrace.transactions import IsolationLevel


@pytest.fixture(params=["memory", "filesystem"])
def isolated(request: pytest.FixtureRequest, tmp_path: Path) -> CachePolicy:
    """A policy under which runs that race for one key compute once."""
    locks = MemoryLockManager() if request.param == "memory" else FileSystemLockManager(tmp_path / "locks")
    by_test = CachePolicy.from_cache_key_fn(lambda context, parameters: f"{tmp_path.name}-{parameters['x']}")
    return by_test.configure(isolation_level=IsolationLevel.SERIALIZABLE, lock_manager=locks)


def test_whoever_computes_holds_the_lock_until_it_is_released(runner, isolated, made_task, opened):
    entry = opened(made_task(isolated))
    assert runner.lookup(entry) == "compute"
    assert entry.store.is_lock_holder(entry.key, entry.holder)

    runner.keep(entry, "flour")
    runner.release(entry)
    runner.release(entry)

    assert not entry.store.is_locked(entry.key)


def test_whoever_finds_a_result_holds_nothing(runner, isolated, made_task, opened):
    first = opened(made_task(isolated))
    runner.lookup(first)
    runner.keep(first, "flour")
    runner.release(first)

    second = opened(made_task(isolated))

    assert runner.lookup(second) == "flour"
    assert not second.held
    assert not second.store.is_locked(second.key)


def test_threads_that_race_compute_once(isolated, made_task, opened, logger):
    computed = []

    def run(number: int) -> Any:
        entry = opened(made_task(isolated))
        try:
            record = run_inline(cache.lookup(entry, SYNC, logger))
            if record is not None:
                return record.result
            computed.append(number)
            run_inline(cache.keep(entry, SYNC, "flour", logger))
            return "flour"
        finally:
            run_inline(cache.release(entry, SYNC))

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(run, range(24)))

    assert results == ["flour"] * 24
    assert len(computed) == 1


def test_more_coroutines_than_threads_race_and_compute_once(isolated, made_task, opened, logger):
    computed = []

    async def run(number: int) -> Any:
        entry = opened(made_task(isolated))
        try:
            record = await cache.lookup(entry, ASYNC, logger)
            if record is not None:
                return record.result
            computed.append(number)
            await asyncio.sleep(0)
            await cache.keep(entry, ASYNC, "flour", logger)
            return "flour"
        finally:
            await cache.release(entry, ASYNC)

    async def main() -> list[Any]:
        return await asyncio.gather(*map(run, range(100)))

    assert asyncio.run(main()) == ["flour"] * 100
    assert len(computed) == 1


def test_when_the_first_fails_the_next_computes(runner, isolated, made_task, opened):
    failing, waiting = opened(made_task(isolated)), opened(made_task(isolated))
    assert runner.lookup(failing) == "compute"
    found = []
    waiter = threading.Thread(target=lambda: found.append(runner.lookup(waiting)))
    waiter.start()

    runner.release(failing)
    waiter.join()

    assert found == ["compute"]
    assert waiting.held
    runner.release(waiting)


def test_refreshing_runs_follow_each_other(runner, isolated, made_task, opened):
    task = made_task(isolated, refresh_cache=True)
    for value in ("old flour", "new flour"):
        entry = opened(task)
        assert runner.lookup(entry) == "compute"
        assert entry.held
        runner.keep(entry, value)
        runner.release(entry)

    assert runner.lookup(opened(made_task(isolated))) == "new flour"


def test_a_run_that_is_cancelled_while_it_waits_holds_nothing(isolated, made_task, opened, logger):
    async def main() -> None:
        first, second = opened(made_task(isolated)), opened(made_task(isolated))
        await cache.lookup(first, ASYNC, logger)
        waiting = asyncio.ensure_future(cache.lookup(second, ASYNC, logger))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await cache.release(second, ASYNC)
        await cache.release(first, ASYNC)
        assert not first.store.is_locked(first.key)

    asyncio.run(main())


def test_releasing_a_lock_that_was_taken_over_leaves_it_to_its_new_holder(
    runner, isolated, made_task, opened
):
    entry = opened(made_task(isolated))
    runner.lookup(entry)
    entry.store.release_lock(entry.key, entry.holder)
    entry.store.acquire_lock(entry.key, "another")

    runner.release(entry)

    assert entry.store.is_lock_holder(entry.key, "another")
    entry.store.release_lock(entry.key, "another")
