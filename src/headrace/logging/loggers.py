"""Every logger and what is done with loggers, under the names that scripts import."""

from __future__ import annotations

import logging

from headrace.logging.configuration import ensure_logging_setup
from headrace.logging.eavesdropping import LogEavesdropper
from headrace.logging.prints import patch_print, print_as_log
from headrace.logging.run_logger import RunLogger
from headrace.logging.run_loggers import flow_run_logger, get_run_logger, task_run_logger
from headrace.logging.silencing import disable_logger, disable_run_logger

__all__ = [
    "LogEavesdropper",
    "PrefectLogAdapter",
    "RunLogger",
    "disable_logger",
    "disable_run_logger",
    "flow_run_logger",
    "get_logger",
    "get_run_logger",
    "patch_print",
    "print_as_log",
    "task_run_logger",
]

PrefectLogAdapter = RunLogger

_ROOTS = ("headrace", "prefect")


def get_logger(name: str | None = None) -> logging.Logger:
    """A logger below `headrace`, for code that is not tied to a run.

    Args:
        name: The rest of the logger's name; the logger `headrace` itself when left out.
    """
    ensure_logging_setup()
    if name is None:
        return logging.getLogger("headrace")
    root, _, rest = name.partition(".")
    return logging.getLogger(f"headrace.{rest if rest and root in _ROOTS else name}")
