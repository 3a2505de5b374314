"""Which process this is, and whether another one is still there.

A process id alone does not say: ids are used again. On Linux a process is known by its id, the boot of its machine, the
id namespace (containers on one host have the same host name and ids of their own) and when it started. Elsewhere only
by its id: then a dead process whose id was taken over counts as alive until its lease expires.
"""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Holder(NamedTuple):
    """A process that holds leases.

    Args:
        host: Its machine's name.
        pid: Its id there.
        started: Which process of that id it is; None where the system does not say.
    """

    host: str
    pid: int
    started: str | None

    @property
    def name(self) -> str:
        """The process in one word."""
        return f"{self.host}/{self.pid}" + (f"/{self.started}" if self.started else "")


def this_process() -> Holder:
    """The process that runs this."""
    return _process(os.getpid())


def is_alive(holder: Holder) -> bool | None:
    """Whether the process is there; None when that cannot be told from here."""
    if holder.host != socket.gethostname():
        return None
    if holder.started is None:
        return _has_process(holder.pid)
    boot, namespace, _ = holder.started.split(":")
    here = _linux_machine()
    if here is None:
        return _has_process(holder.pid)
    if here[0] != boot:
        return False
    if here[1] != namespace:
        return None
    return _linux_identity(holder.pid) == holder.started


@cache
def _process(pid: int) -> Holder:
    return Holder(socket.gethostname(), pid, _linux_identity(pid))


def _linux_machine() -> tuple[str, str] | None:
    """The boot and the process namespace of this process; None elsewhere than on Linux."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return None
    return boot, namespace


def _linux_identity(pid: int) -> str | None:
    """`boot:namespace:start` of a process here; None when there is none, or elsewhere than on Linux."""
    machine = _linux_machine()
    if machine is None:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may contain anything; what follows it is regular.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):  # dead, and only not yet waited for
        return None
    return ":".join((*machine, fields[19]))


def _has_process(pid: int) -> bool:
    if sys.platform == "win32":
        return _windows_has_process(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and somebody else's
        return True
    return True


def _windows_has_process(pid: int) -> bool:
    import ctypes

    query_limited_information, still_active = 0x1000, 259
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    try:
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and code.value == still_active
    finally:
        kernel.CloseHandle(handle)
