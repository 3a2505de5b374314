"""The text of console lines: `16:08:59.356 | INFO    | Task run 'add-fe8' - Finished in state Completed()`."""

from __future__ import annotations

import logging
import time

__all__ = ["FLOW_RUNS", "TASK_RUNS", "UNKNOWN", "clock", "line", "message_of", "subject_of"]

FLOW_RUNS = "headrace.flow_runs"
"""The logger of lines that belong to a flow run."""

TASK_RUNS = "headrace.task_runs"
"""The logger of lines that belong to a task run."""

UNKNOWN = "<unknown>"
"""The name of the flow and flow run of a task that runs outside flows."""

_second: tuple[int, str] = (-1, "")


def clock(timestamp: float) -> str:
    """The local time of day of `timestamp` (seconds since 1970) as HH:MM:SS.mmm."""
    # One strftime a second: it costs as much as the rest of the line.
    global _second
    whole = int(timestamp)
    second, text = _second
    if second != whole:
        text = time.strftime("%H:%M:%S", time.localtime(whole))
        _second = whole, text
    return f"{text}.{int((timestamp - whole) * 1000):03d}"


def line(timestamp: float, level_name: str, subject: str, message: str) -> str:
    """One console line, without its end."""
    return f"{clock(timestamp)} | {level_name:<7} | {subject} - {message}"


def subject_of(record: logging.LogRecord) -> str:
    """What the line is about: the run that logged it, or else the logger's name."""
    values = record.__dict__
    if record.name == TASK_RUNS and "task_run_name" in values:
        return f"Task run {values['task_run_name']!r}"
    if record.name == FLOW_RUNS and "flow_run_name" in values:
        return f"Flow run {values['flow_run_name']!r}"
    return record.name


def message_of(record: logging.LogRecord) -> str:
    """The record's message with its arguments filled in; says what is wrong where they do not fit."""
    try:
        return record.getMessage()
    except TimeoutError:
        # The timeout of a run may strike here, in its own code; it is not ours to catch.
        raise
    except Exception as problem:
        return (
            f"{_shown(record.msg)} {_shown(record.args)} (these arguments cannot be filled into the message: "
            f"{type(problem).__name__}: {problem}; logged at {record.pathname}:{record.lineno})"
        )


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return repr(value)
    except Exception as problem:
        return f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
