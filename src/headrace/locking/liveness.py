"""Whether the process that holds a lock is still there.

A process is known by its machine, its id, and when it started: ids are used again. Containers that share a directory
may share a host name, but not their process-id namespace, so that counts as part of the machine's name.
"""

from __future__ import annotations

import os
import sys

__all__ = ["is_alive", "machine_name", "process_start"]


def machine_name() -> str:
    """The name of this machine, and of the process-id namespace where there are several."""
    if sys.platform == "win32":
        return os.environ.get("COMPUTERNAME", "localhost")
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return os.uname().nodename + namespace


def process_start(pid: int) -> str | None:
    """Something that differs between two processes with one id; None where the system does not tell."""
    fields = _stat(pid)
    return fields[_STARTED].decode() if fields is not None else None


def is_alive(pid: int, start: str | None) -> bool:
    """Whether a process of this machine is running; one that has ended but that nobody waited for is not.

    Args:
        pid: Its id.
        start: What `process_start` gave for it when it was running.
    """
    if not _exists(pid):
        return False
    fields = _stat(pid)
    if fields is None:
        return True
    return fields[_STATE] not in _ENDED and (start is None or fields[_STARTED].decode() == start)


# Positions after the program's name in /proc/PID/stat; see proc(5).
_STATE, _STARTED = 0, 19
_ENDED = (b"Z", b"X", b"x")


def _stat(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name stands in parentheses, and may itself contain any character.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields if len(fields) > _STARTED else None


if sys.platform == "win32":

    def _exists(pid: int) -> bool:
        import ctypes

        STILL_ACTIVE, QUERY_LIMITED_INFORMATION = 259, 0x1000
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(QUERY_LIMITED_INFORMATION, False, pid)
        if not handle:
            return False
        try:
            code = ctypes.c_ulong()
            return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == STILL_ACTIVE
        finally:
            kernel.CloseHandle(handle)

else:

    def _exists(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
