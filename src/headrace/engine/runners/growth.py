"""How many threads a runner has: as many as it has runs that block, not as many as it has runs.

To wake a thread while another one has the interpreter costs more than a short run does: one stops, the other begins,
and it goes back the same way. So runs are given to threads of their own at once only while few are running. The
others wait for the next worker that is free, and one thread, the grower, looks after them: it naps, and sees how much
processor time the process has used meanwhile. If it woke in time and that was little, the workers are blocked (in a
sleep, a request, a lock), and it lets as many more run as are running: a thousand runs that sleep are all asleep after
ten naps. If not, it lets one more run only if none began during the nap: all workers may be at something long, or wait
for what another run is to do. Workers that the recorder holds back do not count as blocked: more of them would only
wait with them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from time import monotonic, process_time, sleep

__all__ = ["PROMPT", "Grower"]

PROMPT = max(4, os.cpu_count() or 1)
"""How many runs are given to threads of their own at once, whatever the load."""

NAP_SECONDS = 0.001

LATE_SECONDS = 0.003
"""A longer nap tells nothing of the workers: another thread had the interpreter, or another process the machine."""

LITTLE = 0.5
"""Seconds of processor time in a second: a process that uses less waits most of the time."""


class Grower:
    """The thread that looks after runs that wait for a worker; it starts when there are any for the first time.

    Args:
        lock: The runner's lock.
        grow: Called after each nap with the lock held, with the time when the nap began (on the monotonic clock), and
            with whether the workers are blocked: lets more runs begin, and says whether some still wait.
    """

    def __init__(self, lock: threading.Lock, grow: Callable[[float, bool], bool]) -> None:
        self._lock, self._grow = lock, grow
        self._given = threading.Lock()
        self._given.acquire()
        self._awake = self._started = self._closed = False

    def wake(self) -> None:
        """Runs wait for a worker; the lock is held."""
        if self._awake:
            return
        if self._started:
            self._given.release()
        else:
            threading.Thread(target=self._work, name="headrace-grower", daemon=True).start()
            self._started = True
        self._awake = True

    def close(self) -> None:
        """End the thread; the lock is held."""
        self._closed = True
        if self._started and not self._awake:
            self._given.release()

    def _work(self) -> None:
        while True:
            began, used = monotonic(), process_time()
            sleep(NAP_SECONDS)
            took = monotonic() - began
            blocked = took < LATE_SECONDS and process_time() - used < LITTLE * took
            with self._lock:
                if self._closed:
                    return
                self._awake = self._grow(began, blocked)
            if not self._awake:
                self._given.acquire()
