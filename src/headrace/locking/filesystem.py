"""Locks among processes that share a directory.

A lock is a file that says who holds it: the holder's name, machine, process, and when the hold ends. Files are only
looked at and changed under the directory's guard, an operating-system lock that the kernel releases when a process
dies, so there is no moment at which two processes can both find a stale lock and both take it. The guard is held for
microseconds; waiting for a lock is polling.

A lock whose process no longer exists on this machine is broken by the next one who asks for it. One held on another
machine ends only when it is released or its hold ends: give `hold_timeout` where machines may vanish.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from headrace.locking.exclusive import exclusively
from headrace.locking.liveness import is_alive, machine_name, process_start
from headrace.schema.base import now

__all__ = ["FileSystemLockManager"]

POLL_SECONDS = (0.001, 0.05)
"""The first wait between two looks at a lock, and the longest; each is twice the one before."""


class _Held(msgspec.Struct):
    """What a lock file says."""

    key: str
    holder: str
    expiration: datetime | None
    machine: str
    pid: int
    start: str | None

    def is_over(self) -> bool:
        """Whether the hold has ended, or its process has."""
        if self.expiration is not None and self.expiration <= now():
            return True
        return self.machine == machine_name() and not is_alive(self.pid, self.start)


class FileSystemLockManager:
    """Locks among processes that share a directory; see `LockManager` for its methods.

    Args:
        lock_files_directory: The directory, made when the first lock is acquired. On network storage it must support
            file locks.
    """

    def __init__(self, lock_files_directory: Path | str) -> None:
        self.lock_files_directory = Path(lock_files_directory).expanduser().absolute()

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Acquire the lock of `key`, waiting for it at most `acquire_timeout` seconds."""
        waits = _waits(acquire_timeout)
        while not self._try(key, holder, hold_timeout):
            wait = next(waits, None)
            if wait is None:
                return False
            time.sleep(wait)
        return True

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """See `acquire_lock`; does not block the event loop while it waits."""
        import asyncio

        waits = _waits(acquire_timeout)
        while not self._try(key, holder, hold_timeout):
            wait = next(waits, None)
            if wait is None:
                return False
            await asyncio.sleep(wait)
        return True

    def release_lock(self, key: str, holder: str) -> None:
        """Release the lock of `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        with self._guard():
            held = self._read(key)
            if held is None or held.holder != holder:
                by = f"{held.holder!r} holds it" if held is not None else "nobody holds it"
                raise ValueError(f"{holder!r} cannot release the lock of {key!r}: {by}.")
            os.unlink(self._path(key))

    def is_locked(self, key: str, use_cache: bool = False) -> bool:
        """Whether somebody holds the lock of `key`; `use_cache` is accepted for Prefect's sake and changes nothing."""
        return self._current(key) is not None

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether `holder` holds the lock of `key`."""
        held = self._current(key)
        return held is not None and held.holder == holder

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Block until nobody holds the lock of `key`, at most `timeout` seconds; whether it is free."""
        waits = _waits(timeout)
        while self.is_locked(key):
            wait = next(waits, None)
            if wait is None:
                return False
            time.sleep(wait)
        return True

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """See `wait_for_lock`; does not block the event loop while it waits."""
        import asyncio

        waits = _waits(timeout)
        while self.is_locked(key):
            wait = next(waits, None)
            if wait is None:
                return False
            await asyncio.sleep(wait)
        return True

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FileSystemLockManager)
            and other.lock_files_directory == self.lock_files_directory
        )

    def __hash__(self) -> int:
        return hash(self.lock_files_directory)

    def __repr__(self) -> str:
        return f"FileSystemLockManager(lock_files_directory={str(self.lock_files_directory)!r})"

    def _path(self, key: str) -> str:
        plain = key.replace("-", "").replace("_", "").isalnum() and key.isascii() and len(key) <= 100
        if not plain:
            from headrace.utilities.hashing import stable_hash

            key = stable_hash(key)
        return os.path.join(self.lock_files_directory, f"{key}.lock")

    def _current(self, key: str) -> _Held | None:
        held = self._read(key)
        return None if held is None or held.is_over() else held

    def _read(self, key: str) -> _Held | None:
        """What the lock's file says. Files are replaced as a whole, so one that cannot be read was left by a crash."""
        try:
            with open(self._path(key), "rb") as file:
                return msgspec.json.decode(file.read(), type=_Held)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _try(self, key: str, holder: str, hold_timeout: float | None) -> bool:
        # Looking first, without the guard, keeps those who poll from slowing down the holder.
        held = self._current(key)
        if held is not None and held.holder != holder:
            return False
        with self._guard():
            held = self._current(key)
            if held is not None and held.holder != holder:
                return False
            self._write(key, holder, hold_timeout)
            return True

    def _write(self, key: str, holder: str, hold_timeout: float | None) -> None:
        pid = os.getpid()
        expiration = None if hold_timeout is None else now() + timedelta(seconds=hold_timeout)
        held = _Held(key, holder, expiration, machine_name(), pid, process_start(pid))
        temporary = os.path.join(self.lock_files_directory, f".{secrets.token_hex(8)}.tmp")
        with open(temporary, "xb") as file:
            file.write(msgspec.json.encode(held))
        os.replace(temporary, self._path(key))

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Exclude every other thread and process from the directory."""
        os.makedirs(self.lock_files_directory, exist_ok=True)
        with exclusively(os.path.join(self.lock_files_directory, ".guard")):
            yield


def _waits(timeout: float | None) -> Iterator[float]:
    """Growing waits that add up to `timeout` seconds; without end for None."""
    deadline = None if timeout is None else time.monotonic() + timeout
    wait, longest = POLL_SECONDS
    while deadline is None or deadline > time.monotonic():
        yield wait if deadline is None else max(0.0, min(wait, deadline - time.monotonic()))
        wait = min(2 * wait, longest)
