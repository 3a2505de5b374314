"""Logging that knows which run it is in.

    >>> from headrace.logging import get_run_logger

Lines of runs go to the console and to the run's record. Nothing is set up before the first logger is asked for or the
first run starts, and what a user has configured stays as it is; see `headrace.logging.configuration`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.logging.eavesdropping import LogEavesdropper
    from headrace.logging.loggers import (
        disable_run_logger,
        flow_run_logger,
        get_logger,
        get_run_logger,
        task_run_logger,
    )

__all__ = [
    "LogEavesdropper",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "task_run_logger",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(__all__, "headrace.logging.loggers"),
        "LogEavesdropper": "headrace.logging.eavesdropping",
    },
)
