"""Failpoints: named places in the code where a test makes the process die or an error appear.

Armed by the environment variable HEADRACE_FAILPOINTS when the process starts, a comma-separated list of
`name=action`:

    ledger.before_commit=kill           the process kills itself (SIGKILL) when it gets there
    ledger.before_commit=raise          `FailpointError` is raised there, every time
    ledger.before_commit=nth:3:kill     the third time only

Code guards each point with the module's constant, so that a point costs one test of a global when nothing is armed:

    if failpoint.ARMED:
        failpoint.reach("ledger.before_commit")

HEADRACE_FAILPOINTS_FIRED may name a file to which every point that fired appends its name: a process that killed
itself cannot say so otherwise, and a test whose point never fired has tested nothing.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter

__all__ = ["ARMED", "FailpointError", "arm", "disarm", "fired", "reach"]


class FailpointError(OSError):
    """What an armed failpoint raises: an `OSError`, as from a disk or a network that fails."""


class _Point:
    """One armed point: the action, and the only passage on which it happens (0: on all)."""

    def __init__(self, name: str, spec: str) -> None:
        nth, action = "0", spec
        if spec.startswith("nth:"):
            _, nth, action = spec.split(":", 2)
        if action not in ("kill", "raise") or not nth.isdigit():
            raise ValueError(
                f"Failpoint {name!r} has the action {spec!r}; expected kill, raise, nth:<number>:kill or nth:<number>:raise."
            )
        self.nth = int(nth)
        self.action = action


def _parse(spec: str) -> dict[str, _Point]:
    points = {}
    for item in filter(None, (part.strip() for part in spec.split(","))):
        name, _, action = item.partition("=")
        points[name] = _Point(name, action)
    return points


_points: dict[str, _Point] = _parse(os.environ.get("HEADRACE_FAILPOINTS", ""))
_fired_file = os.environ.get("HEADRACE_FAILPOINTS_FIRED")
_passed: Counter[str] = Counter()
_fired: Counter[str] = Counter()
_lock = threading.Lock()

ARMED = bool(_points)
"""Whether any point is armed in this process."""


def arm(spec: str) -> None:
    """Arm points in this process, in addition to those armed already; counting starts anew.

    Args:
        spec: As in HEADRACE_FAILPOINTS.
    """
    global ARMED
    with _lock:
        _points.update(_parse(spec))
        _passed.clear()
        _fired.clear()
        ARMED = bool(_points)


def disarm() -> None:
    """Disarm every point; what has fired is still known."""
    global ARMED
    with _lock:
        _points.clear()
        ARMED = False


def fired(name: str) -> int:
    """How many times the point has fired in this process since points were armed."""
    return _fired[name]


def reach(name: str) -> None:
    """Do what the point is armed for, if it is.

    Raises:
        FailpointError: The point is armed with `raise`.
    """
    with _lock:
        point = _points.get(name)
        if point is None:
            return
        _passed[name] += 1
        if point.nth not in (0, _passed[name]):
            return
        _fired[name] += 1
        _tell(name)
    if point.action == "kill":
        _die()
    raise FailpointError(f"Failpoint {name} fired.")


def _tell(name: str) -> None:
    if _fired_file is None:
        return
    descriptor = os.open(_fired_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, name.encode() + b"\n")
    finally:
        os.close(descriptor)


def _die() -> None:
    if hasattr(signal, "SIGKILL"):
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(137)
