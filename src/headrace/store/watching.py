"""Threads that notice what other processes have committed."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

from headrace.exceptions import HeadraceException

__all__ = ["Poll", "Watch"]

_log = logging.getLogger("headrace.store")


class Watch:
    """A thread that tells of changes until it is stopped. Subclasses say in `run` how it learns of them.

    Args:
        changed: Called after a change; something quick.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self._changed = changed
        self._stopping = threading.Event()
        self._alarm, self._alarm_heard = socket.socketpair()
        self._thread = threading.Thread(target=self.run, name="headrace-watch", daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Watch until it is `stopped`."""
        raise NotImplementedError

    @property
    def stopped(self) -> bool:
        """Whether the thread is to end."""
        return self._stopping.is_set()

    def tell(self) -> None:
        """Say that something has changed."""
        try:
            self._changed()
        except Exception:
            _log.exception("Something that follows the commits of other processes failed.")

    def wait(self, descriptor: int) -> bool:
        """Wait until there is something to read from `descriptor`. Returns False when stopped meanwhile."""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            selector.register(self._alarm_heard, selectors.EVENT_READ)
            selector.select()
        return not self.stopped

    def pause(self, seconds: float) -> bool:
        """Wait. Returns False when stopped meanwhile."""
        return not self._stopping.wait(seconds)

    def stop(self) -> None:
        """End the thread, and wait for that. May be called again."""
        if not self.stopped:
            self._stopping.set()
            self._alarm.send(b"!")
            self._thread.join()
            self._alarm.close()
            self._alarm_heard.close()


class Poll(Watch):
    """Looks at something at intervals, and tells when it is another than before.

    Args:
        look: What to look at.
        seconds: The interval.
        changed: Called after a change.
    """

    def __init__(self, look: Callable[[], Any], seconds: float, changed: Callable[[], object]) -> None:
        self._look = look
        self._seconds = seconds
        super().__init__(changed)

    def run(self) -> None:
        """Look until `stop`."""
        seen: Any = None
        while True:
            try:
                found = self._look()
            except HeadraceException as error:
                _log.warning("What other processes commit cannot be looked at: %s", error)
                found = seen
            if found != seen:
                seen = found
                self.tell()
            if not self.pause(self._seconds):
                return
