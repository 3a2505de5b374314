"""`print` in runs with `log_prints`: what they print becomes log lines of theirs.

`print` is replaced in the whole process while such a run executes, and decides by the context that it is called in:
other runs, and threads without a context, print as ever.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO
from threading import Lock
from typing import Any

from headrace.engine.context import flow_run_var, task_run_var
from headrace.logging.run_loggers import get_run_logger
from headrace.logging.silencing import runs_are_silenced

__all__ = ["capture_prints", "patch_print", "print_as_log", "release_prints"]

_print = builtins.print
_lock = Lock()
_captures = 0

_asked_for: ContextVar[bool] = ContextVar("headrace_prints_asked_for", default=False)
_is_logging: ContextVar[bool] = ContextVar("headrace_print_is_logging", default=False)


def capture_prints() -> None:
    """Let runs whose context says `log_prints` log what they print, until as many `release_prints` calls."""
    global _captures
    with _lock:
        _captures += 1
        if _captures == 1:
            _replace_print()


def release_prints() -> None:
    """Undo one `capture_prints`."""
    global _captures
    with _lock:
        _captures -= 1
        if _captures == 0 and builtins.print is print_as_log:
            builtins.print = _print


def _replace_print() -> None:
    global _print
    if builtins.print is not print_as_log:
        _print = builtins.print
        builtins.print = print_as_log


def _renew_lock() -> None:
    """In a forked child: a thread that held the lock does not exist here."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def patch_print() -> Iterator[None]:
    """Log what is printed in this `with` block by the run that is executing; outside runs it is printed as ever."""
    capture_prints()
    token = _asked_for.set(True)
    try:
        yield
    finally:
        _asked_for.reset(token)
        release_prints()


def print_as_log(*args: Any, **kwargs: Any) -> None:
    """Print, or log at INFO what would be printed, when the run that is executing logs its prints.

    Args:
        args: As for `print`.
        kwargs: As for `print`. What is printed to a `file` other than stdout and stderr is printed there.
    """
    if not _logs_prints() or kwargs.get("file") not in (None, sys.stdout, sys.stderr):
        _print(*args, **kwargs)
        return
    text = StringIO()
    _print(*args, **{**kwargs, "file": text, "flush": False})
    token = _is_logging.set(True)
    try:
        get_run_logger().info(text.getvalue().rstrip(), stacklevel=2)
    finally:
        _is_logging.reset(token)


def _logs_prints() -> bool:
    context = task_run_var.get() or flow_run_var.get()
    if context is None or runs_are_silenced() or _is_logging.get():
        # The last: a handler that prints while it logs a print must not log that again.
        return False
    return context.log_prints or _asked_for.get()
