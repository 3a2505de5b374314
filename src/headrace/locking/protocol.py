"""What a lock manager does; anything with these methods can be one."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["LockManager"]


@runtime_checkable
class LockManager(Protocol):
    """Locks by key. A lock has a holder, named by whoever acquires it; all times are in seconds."""

    def acquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """Acquire the lock of `key`; blocks while somebody else holds it.

        Args:
            key: What is locked.
            holder: Who locks it; acquiring a lock again that one holds succeeds at once.
            acquire_timeout: How long to wait for it; None waits as long as it takes, 0 does not wait.
            hold_timeout: After how long it is released by itself; None never.

        Returns:
            Whether it was acquired.
        """
        ...

    async def aacquire_lock(
        self, key: str, holder: str, acquire_timeout: float | None = None, hold_timeout: float | None = None
    ) -> bool:
        """See `acquire_lock`; does not block the event loop."""
        ...

    def release_lock(self, key: str, holder: str) -> None:
        """Release the lock of `key`.

        Raises:
            ValueError: `holder` does not hold it.
        """
        ...

    def is_locked(self, key: str) -> bool:
        """Whether somebody holds the lock of `key`."""
        ...

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Whether `holder` holds the lock of `key`."""
        ...

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Block until nobody holds the lock of `key`, without acquiring it.

        Args:
            key: What is locked.
            timeout: How long to wait; None waits as long as it takes.

        Returns:
            Whether it is free.
        """
        ...

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """See `wait_for_lock`; does not block the event loop."""
        ...
