"""Tracebacks that show the user's own code: without the frames of the engine, of this program and of the importer."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from traceback import FrameSummary, StackSummary, TracebackException

import headrace

__all__ = ["logged_traceback", "user_traceback"]

_PACKAGE = os.path.dirname(os.path.abspath(headrace.__file__)) + os.sep
_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(traceback.__file__)) + os.sep
_INSTALLED = tuple(os.sep + name + os.sep for name in ("site-packages", "dist-packages"))


def user_traceback(exc: BaseException) -> str:
    """The traceback of an exception, of its causes and of its group, as Python prints it but for frames of ours.

    Frames of the standard library go as well where it was not the user's code that called it: an event loop or a
    thread that the engine runs. An exception that the user's code had no part in is its message alone.
    """
    return _report(exc, _of_the_user)


def logged_traceback(exc: BaseException) -> str:
    """The same for a log, where an exception that the user's code had no part in keeps its frames: it may be ours."""
    return _report(exc, lambda stack: _of_the_user(stack) or stack).rstrip("\n")


def _report(exc: BaseException, choose: Callable[[StackSummary], StackSummary]) -> str:
    report = TracebackException.from_exception(exc)
    waiting, seen = [report], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        part.stack = choose(part.stack)
        linked = (part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ()))
        waiting += [other for other in linked if other is not None]
    return "".join(report.format())


def _of_the_user(stack: StackSummary) -> StackSummary:
    """The frames to show; None in place of a stack without frames, so that no empty heading is printed."""
    kept: list[FrameSummary] = []
    called_by_user = False
    for frame in stack:
        if _is_of_standard_library(frame.filename):
            shown = called_by_user
        else:
            shown = called_by_user = not _is_internal(frame.filename)
        if shown:
            kept.append(frame)
    return StackSummary.from_list(kept) if kept else None  # type: ignore[return-value]


def _is_internal(filename: str) -> bool:
    return os.path.abspath(filename).startswith(_PACKAGE)


def _is_of_standard_library(filename: str) -> bool:
    if filename.startswith("<frozen "):
        return True
    path = os.path.abspath(filename)
    return path.startswith(_STANDARD_LIBRARY) and not any(name in path for name in _INSTALLED)
