"""Locks of keys, as a result store offers them: those of its lock manager, with this thread as the holder."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from headrace.exceptions import ConfigurationError
from headrace.transactions import IsolationLevel

if TYPE_CHECKING:
    from headrace.locking.protocol import LockManager

__all__ = ["KeyLocks"]


class KeyLocks:
    """Locks of keys. Holders are this thread unless another one is named; times are in seconds."""

    lock_manager: LockManager | None

    @staticmethod
    def generate_default_holder() -> str:
        """A name for this thread as the holder of locks."""
        thread = threading.current_thread()
        return f"{os.getpid()}:{thread.ident}:{thread.name}"

    def supports_isolation_level(self, level: IsolationLevel | str) -> bool:
        """Whether runs can be kept apart in that way: SERIALIZABLE needs a lock manager."""
        return IsolationLevel(level) is IsolationLevel.READ_COMMITTED or self.lock_manager is not None

    def acquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """Lock a key; blocks while somebody else has locked it.

        Args:
            key: The key.
            holder: Who locks it.
            timeout: How long to wait for it; None waits as long as it takes.

        Returns:
            Whether it is locked now.

        Raises:
            ConfigurationError: There is no lock manager.
        """
        return self._locks().acquire_lock(key, holder or self.generate_default_holder(), timeout)

    async def aacquire_lock(self, key: str, holder: str | None = None, timeout: float | None = None) -> bool:
        """See `acquire_lock`; does not block the event loop."""
        return await self._locks().aacquire_lock(key, holder or self.generate_default_holder(), timeout)

    def release_lock(self, key: str, holder: str | None = None) -> None:
        """Release the lock of a key.

        Raises:
            ValueError: `holder` has not locked it.
            ConfigurationError: There is no lock manager.
        """
        self._locks().release_lock(key, holder or self.generate_default_holder())

    def is_locked(self, key: str) -> bool:
        """Whether somebody has locked the key."""
        return self._locks().is_locked(key)

    def is_lock_holder(self, key: str, holder: str | None = None) -> bool:
        """Whether `holder` has locked the key."""
        return self._locks().is_lock_holder(key, holder or self.generate_default_holder())

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Block until nobody has locked the key, at most `timeout` seconds; whether it is free."""
        return self._locks().wait_for_lock(key, timeout)

    async def await_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """See `wait_for_lock`; does not block the event loop."""
        return await self._locks().await_for_lock(key, timeout)

    def _locks(self) -> LockManager:
        if self.lock_manager is None:
            raise ConfigurationError(
                "The result store has no lock manager, so nothing can be locked. Give it one: "
                "ResultStore(lock_manager=...), or cache_policy=....configure(lock_manager=...)."
            )
        return self.lock_manager
