"""Excluding all others for a moment: an operating-system lock on a file, which the kernel releases when a process dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["exclusively"]


@contextmanager
def exclusively(path: str | os.PathLike[str]) -> Iterator[None]:
    """Exclude every other thread and process that uses this file in the same way; waits while another one does.

    Args:
        path: The file. It is made when there is none, nothing is written to it, and it stays.

    Raises:
        OSError: It cannot be opened, or its file system has no locks.
    """
    with open(path, "ab") as file:
        _lock_file(file)
        try:
            yield
        finally:
            _unlock_file(file)


# `flock`, not `lockf`: the latter is per process, so threads would not exclude each other, and closing any other file
# of the same name would release it.
if sys.platform == "win32":
    import msvcrt

    def _lock_file(file: Any) -> None:
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return
            except OSError:  # After ten attempts, one a second.
                continue

    def _unlock_file(file: Any) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock_file(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock_file(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
