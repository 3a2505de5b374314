"""Locks among the threads and event loops of one process.

Whoever waits leaves a function to call when the lock changes: a blocked thread sets its event, a coroutine its
future. So ten thousand coroutines can wait for one key without a thread each, and a thread's release wakes both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock

__all__ = ["MemoryLockManager"]


class _Held:
    """A lock that somebody holds, and who waits for it."""

    __slots__ = ("expires", "holder", "waiters")

    def __init__(self, holder: str, hold_timeout: float | None) -> None:
        self.holder = holder
        self.waiters: dict[int, Callable[[], None]] = {}
        self.renew(hold_timeout)

    def renew(self, hold_timeout: float | None) -> None:
        self.expires = None if hold_timeout is None else time.monotonic() + hold_timeout

    def remaining(self) -> float | None:
        """Seconds until it is released by itself; None if never."""
        return None if self.expires is None else self.expires - time.monotonic()


class MemoryLockManager:
    """Locks among the threads and event loops of one process; see `LockManager` for its methods.

    There is one per process: every call of the class gives the same object.
    """

    _instance: MemoryLockManager | None = None
    _creation = Lock()

    def __new__(cls) -> MemoryLockManager:
        with cls._creation:
            if cls._instance is None:
                cls._instance = super().__new__(cls)
                cls._instance._held = {}
                cls._instance._mutex = Lock()
            return cls._instance

    _held: dict[str, _Held]
    _mutex: Lock

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Acquire the lock of `key`, waiting for it at most `acquire_timeout` seconds."""
        deadline = _deadline(acquire_timeout)
        while not self._try(key, holder, hold_timeout):
            if not self._block(key, deadline):
                return self._try(key, holder, hold_timeout)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """See `acquire_lock`; does not block the event loop."""
        deadline = _deadline(acquire_timeout)
        while not self._try(key, holder, hold_timeout):
            if not await self._suspend(key, deadline):
                return self._try(key, holder, hold_timeout)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        """Release the lock of `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        with self._mutex:
            held = self._current(key)
            if held is None or held.holder != holder:
                by = f"{held.holder!r} holds it" if held is not None else "nobody holds it"
                raise ValueError(f"{holder!r} cannot release the lock of {key!r}: {by}.")
            self._free(key)

    def is_locked(self, key: str) -> bool:
        """Whether somebody holds the lock of `key`."""
        with self._mutex:
            return self._current(key) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether `holder` holds the lock of `key`."""
        with self._mutex:
            held = self._current(key)
            return held is not None and held.holder == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Block until nobody holds the lock of `key`, at most `timeout` seconds; whether it is free."""
        deadline = _deadline(timeout)
        while self.is_locked(key):
            if not self._block(key, deadline):
                return not self.is_locked(key)
        return True

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """See `wait_for_lock`; does not block the event loop."""
        deadline = _deadline(timeout)
        while self.is_locked(key):
            if not await self._suspend(key, deadline):
                return not self.is_locked(key)
        return True

    def __deepcopy__(self, memo: object) -> MemoryLockManager:
        return self

    def __reduce__(self) -> tuple[type[MemoryLockManager], tuple[()]]:
        return MemoryLockManager, ()

    def _current(self, key: str) -> _Held | None:
        """Who holds the lock of `key`; the mutex must be held."""
        held = self._held.get(key)
        if held is None:
            return None
        remaining = held.remaining()
        if remaining is None or remaining > 0:
            return held
        self._free(key)
        return None

    def _free(self, key: str) -> None:
        """Nobody holds the lock of `key` any more: wake who waits; the mutex must be held, for waiters go as well."""
        for wake in self._held.pop(key).waiters.values():
            wake()

    def _try(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        with self._mutex:
            held = self._current(key)
            if held is None:
                self._held[key] = _Held(holder, hold_timeout)
                return True
            if held.holder == holder:
                held.renew(hold_timeout)
                return True
            return False

    def _block(self, key: str, deadline: float | None) -> bool:
        """Block until the lock may have become free; False once the deadline has passed."""
        changed = Event()
        with self._mutex:
            held = self._current(key)
            if held is None:
                return True
            wait, final = _wait(held, deadline)
            held.waiters[id(changed)] = changed.set
        woken = changed.wait(wait)
        with self._mutex:
            held.waiters.pop(id(changed), None)
        return woken or not final

    async def _suspend(self, key: str, deadline: float | None) -> bool:
        """See `_block`."""
        import asyncio

        loop = asyncio.get_running_loop()
        changed = asyncio.Event()

        def wake() -> None:
            # A waiter's loop may have been closed since.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(changed.set)

        with self._mutex:
            held = self._current(key)
            if held is None:
                return True
            wait, final = _wait(held, deadline)
            held.waiters[id(changed)] = wake
        try:
            await asyncio.wait_for(changed.wait(), wait)
        except TimeoutError:
            return not final
        finally:
            with self._mutex:
                held.waiters.pop(id(changed), None)
        return True


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _wait(held: _Held, deadline: float | None) -> tuple[float | None, bool]:
    """How long to wait for a change, and whether the deadline has passed after that."""
    expiry = held.remaining()
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if expiry is not None and (left is None or expiry < left):
        return max(0.0, expiry), False
    return left, left is not None
