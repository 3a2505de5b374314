"""Lock managers: one holder per key, whoever waits gets it when it is free. One suite for all of them."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import pytest

from headrace.locking.filesystem import FileSystemLockManager
from headrace.locking.memory import MemoryLockManager
from headrace.locking.protocol import LockManager


@pytest.fixture(params=["memory", "filesystem"])
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> LockManager:
    """Every kind of lock manager."""
    return MemoryLockManager() if request.param == "memory" else FileSystemLockManager(tmp_path / "locks")


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key of the test's own: memory locks are shared by the whole process."""
    return request.node.name


def test_a_lock_has_one_holder(locks, key):
    assert isinstance(locks, LockManager)
    assert not locks.is_locked(key)
    assert locks.acquire_lock(key, "me")
    assert not locks.acquire_lock(key, "you", acquire_timeout=0)
    assert not locks.acquire_lock(key, "you", acquire_timeout=0.01)
    assert locks.is_locked(key)
    assert locks.is_lock_holder(key, "me")
    assert not locks.is_lock_holder(key, "you")


def test_a_released_lock_can_be_acquired(locks, key):
    locks.acquire_lock(key, "me")
    locks.release_lock(key, "me")

    assert not locks.is_locked(key)
    assert locks.acquire_lock(key, "you", acquire_timeout=0)


def test_acquiring_a_lock_that_one_holds_succeeds(locks, key):
    assert locks.acquire_lock(key, "me", acquire_timeout=0)
    assert locks.acquire_lock(key, "me", acquire_timeout=0)
    locks.release_lock(key, "me")

    assert not locks.is_locked(key)


def test_keys_do_not_get_into_each_others_way(locks, key):
    assert locks.acquire_lock(key, "me")
    assert locks.acquire_lock(f"{key}-2", "you", acquire_timeout=0)


@pytest.mark.parametrize("odd", ["a/b/c", "../up", "", "ü" * 200, "x" * 5_000, "nul\0", "con", "A", ".guard"])
def test_any_text_is_a_key(locks, key, odd):
    locks.acquire_lock(key + odd, "me")

    assert locks.is_lock_holder(key + odd, "me")
    assert not locks.acquire_lock(key + odd, "you", acquire_timeout=0)
    locks.release_lock(key + odd, "me")


def test_only_the_holder_can_release(locks, key):
    with pytest.raises(ValueError, match="nobody holds it"):
        locks.release_lock(key, "me")
    locks.acquire_lock(key, "me")
    with pytest.raises(ValueError, match="'me' holds it"):
        locks.release_lock(key, "you")

    assert locks.is_lock_holder(key, "me")


def test_a_hold_that_is_over_frees_the_lock(locks, key):
    locks.acquire_lock(key, "me", hold_timeout=0.01)

    assert locks.acquire_lock(key, "you", acquire_timeout=60)
    assert not locks.is_lock_holder(key, "me")
    with pytest.raises(ValueError, match="'you' holds it"):
        locks.release_lock(key, "me")


def test_acquiring_again_renews_the_hold(locks, key):
    locks.acquire_lock(key, "me", hold_timeout=0.01)
    locks.acquire_lock(key, "me", hold_timeout=None)

    assert not locks.wait_for_lock(key, timeout=0.05)


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_whoever_waits_acquires_the_lock_when_it_is_released(locks, key, colour):
    locks.acquire_lock(key, "me")
    acquired = []

    def acquire() -> None:
        acquired.append(
            locks.acquire_lock(key, "you")
            if colour == "sync"
            else asyncio.run(locks.aacquire_lock(key, "you"))
        )

    waiter = threading.Thread(target=acquire)
    waiter.start()
    locks.release_lock(key, "me")
    waiter.join()

    assert acquired == [True]
    assert locks.is_lock_holder(key, "you")


@pytest.mark.parametrize("colour", ["sync", "async"])
def test_waiting_for_a_lock_does_not_acquire_it(locks, key, colour):
    locks.acquire_lock(key, "me")
    free = []

    def wait() -> None:
        free.append(locks.wait_for_lock(key) if colour == "sync" else asyncio.run(locks.await_for_lock(key)))

    waiter = threading.Thread(target=wait)
    waiter.start()
    locks.release_lock(key, "me")
    waiter.join()

    assert free == [True]
    assert not locks.is_locked(key)


def test_nobody_waits_longer_than_asked(locks, key):
    locks.acquire_lock(key, "me")

    async def main() -> list[bool]:
        return [
            await locks.aacquire_lock(key, "you", acquire_timeout=0.01),
            await locks.await_for_lock(key, timeout=0.01),
            await locks.aacquire_lock(key, "you", acquire_timeout=0),
        ]

    assert asyncio.run(main()) == [False, False, False]
    assert not locks.wait_for_lock(key, timeout=0.01)
    assert locks.wait_for_lock(f"{key}-free", timeout=0)


def test_at_most_one_thread_is_inside(locks, key):
    inside, most = 0, 0

    def enter(number: int) -> None:
        nonlocal inside, most
        for _ in range(10):
            locks.acquire_lock(key, f"thread-{number}")
            inside += 1
            most = max(most, inside)
            inside -= 1
            locks.release_lock(key, f"thread-{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(8)))

    assert (inside, most) == (0, 1)
    assert not locks.is_locked(key)


def test_many_coroutines_wait_on_one_loop_without_a_thread_each(locks, key):
    entered = []

    async def enter(number: int) -> None:
        assert await locks.aacquire_lock(key, f"coroutine-{number}")
        entered.append(number)
        await asyncio.sleep(0)
        locks.release_lock(key, f"coroutine-{number}")

    async def main() -> int:
        before = threading.active_count()
        await asyncio.gather(*map(enter, range(60)))
        return threading.active_count() - before

    assert asyncio.run(main()) == 0
    assert sorted(entered) == list(range(60))


def test_waiters_leave_while_another_thread_releases(locks, key):
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            locks.acquire_lock(key, "me")
            asyncio.run(_release_under_waiters(locks, key))
    finally:
        sys.setswitchinterval(before)


async def _release_under_waiters(locks: LockManager, key: str) -> None:
    waiting = [asyncio.create_task(locks.await_for_lock(key, timeout=30)) for _ in range(200)]
    await asyncio.sleep(0.01)
    await asyncio.to_thread(locks.release_lock, key, "me")
    assert all(await asyncio.gather(*waiting))


def test_a_waiter_that_is_cancelled_leaves_the_lock_alone(locks, key):
    locks.acquire_lock(key, "me")

    async def main() -> None:
        waiting = asyncio.ensure_future(locks.aacquire_lock(key, "you"))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    locks.release_lock(key, "me")

    assert not locks.is_locked(key)


def test_a_lock_manager_can_be_sent_to_another_process(locks):
    assert cloudpickle.loads(cloudpickle.dumps(locks)) == locks


# --- Memory ----------------------------------------------------------------------------------------------------


def test_there_is_one_memory_lock_manager_per_process():
    assert MemoryLockManager() is MemoryLockManager()


# --- Files -----------------------------------------------------------------------------------------------------

HOLDING = """
import sys
from headrace.locking.filesystem import FileSystemLockManager
locks = FileSystemLockManager(sys.argv[1])
locks.acquire_lock("k", "the other", hold_timeout=float(sys.argv[2]) if len(sys.argv) > 2 else None)
print("held", flush=True)
sys.stdin.readline()
locks.release_lock("k", "the other")
"""


def test_processes_exclude_each_other(start, tmp_path):
    holder = start(HOLDING, tmp_path)
    holder.stdout.readline()
    locks = FileSystemLockManager(tmp_path)

    assert locks.is_lock_holder("k", "the other")
    assert not locks.acquire_lock("k", "me", acquire_timeout=0)
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert locks.acquire_lock("k", "me", acquire_timeout=60)


@pytest.mark.parametrize("waited_for", [True, False])
def test_the_lock_of_a_killed_process_is_broken(start, tmp_path, waited_for):
    holder = start(HOLDING, tmp_path)
    holder.stdout.readline()
    locks = FileSystemLockManager(tmp_path)
    assert locks.is_locked("k")

    holder.kill()
    if waited_for:
        holder.wait()

    assert locks.wait_for_lock("k", timeout=60)
    assert locks.acquire_lock("k", "me", acquire_timeout=0)


def test_many_processes_break_a_stale_lock_once(start, tmp_path):
    holder = start(HOLDING, tmp_path / "locks")
    holder.stdout.readline()
    holder.kill()
    holder.wait()
    racing = """
        import sys
        from headrace.locking.filesystem import FileSystemLockManager
        locks = FileSystemLockManager(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        print(locks.acquire_lock("k", sys.argv[2], acquire_timeout=0), flush=True)
        sys.stdin.readline()
        """
    racers = [start(racing, tmp_path / "locks", number, name="racer.py") for number in range(4)]
    for racer in racers:
        racer.stdout.readline()
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()

    assert sorted(racer.stdout.readline().strip() for racer in racers) == ["False", "False", "False", "True"]


def lock_file(folder: Path) -> Path:
    (file,) = folder.glob("*.lock")
    return file


def test_a_lock_file_says_who_holds_it(tmp_path):
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "me", hold_timeout=60)

    said = json.loads(lock_file(tmp_path).read_text())

    assert (said["key"], said["holder"]) == ("k", "me")
    assert {"pid", "machine", "expiration"} <= set(said)


def test_a_lock_of_another_machine_holds_until_it_is_released_or_over(tmp_path):
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "me")
    file = lock_file(tmp_path)
    said = {**json.loads(file.read_text()), "machine": "another", "pid": 1 << 30}
    file.write_text(json.dumps(said))

    assert not locks.acquire_lock("k", "you", acquire_timeout=0)
    file.write_text(json.dumps({**said, "expiration": "2026-01-01T00:00:00Z"}))
    assert locks.acquire_lock("k", "you", acquire_timeout=0)


def test_a_process_that_has_the_id_of_a_dead_holder_is_not_the_holder(tmp_path):
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "me")
    file = lock_file(tmp_path)
    file.write_text(json.dumps({**json.loads(file.read_text()), "start": "1"}))

    assert locks.acquire_lock("k", "you", acquire_timeout=0)


def test_a_damaged_lock_file_is_no_lock(tmp_path):
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "me")
    lock_file(tmp_path).write_text("{damaged")

    assert locks.acquire_lock("k", "you", acquire_timeout=0)


def test_a_lock_directory_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a-file").write_text("in the way")

    with pytest.raises(OSError, match="a-file"):
        FileSystemLockManager(tmp_path / "a-file" / "locks").acquire_lock("k", "me")


def test_no_file_is_left_behind(tmp_path):
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "me")
    locks.release_lock("k", "me")

    assert [file.name for file in tmp_path.iterdir()] == [".guard"]
