"""Silence loggers for the duration of a `with` block, in the whole process."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from headrace.logging.lines import FLOW_RUNS, TASK_RUNS

__all__ = ["disable_logger", "disable_run_logger", "runs_are_silenced"]


@contextmanager
def disable_logger(name: str) -> Iterator[None]:
    """Silence a logger for the duration of a `with` block, in the whole process.

    Args:
        name: The logger's full name.
    """
    logger = logging.getLogger(name)
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


_depth = 0
_lock = Lock()


def runs_are_silenced() -> bool:
    """Whether a `disable_run_logger` block is open."""
    return _depth > 0


def _change_depth(step: int) -> None:
    """Open or close a block; blocks of several threads may overlap."""
    global _depth
    with _lock:
        _depth += step
        for name in (FLOW_RUNS, TASK_RUNS):
            logging.getLogger(name).disabled = _depth > 0


@contextmanager
def disable_run_logger() -> Iterator[None]:
    """Silence the loggers of runs, in the whole process, so that their code can be called outside runs.

    Example:
        >>> with disable_run_logger():
        ...     assert my_flow.fn(3) == 4
    """
    _change_depth(1)
    try:
        yield
    finally:
        _change_depth(-1)
