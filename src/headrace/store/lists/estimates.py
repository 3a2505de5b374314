"""What is known of runs only at the moment of asking, in SQL; `store.estimates` says the same of one run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Table, case, cast

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.store.connection import micros

__all__ = ["run_seconds", "seconds_late"]

_ENDED = [kind.value for kind in TERMINAL_STATES]


def run_seconds(table: Table, now: datetime) -> ColumnElement[float]:
    """Seconds that runs have been running, those that run now included.

    Args:
        table: `flow_run` or `task_run`.
        now: The time (UTC).
    """
    run = table.c
    running = case((run.state_type == StateType.RUNNING.value, micros(now) - run.state_timestamp), else_=0)
    return run.total_run_time + _seconds(running)


def seconds_late(table: Table, now: datetime) -> ColumnElement[float]:
    """Seconds by which runs started late, or have been late until now. Arguments as of `run_seconds`."""
    run, at = table.c, micros(now)
    waits = run.start_time.is_(None) & run.state_type.not_in(_ENDED)
    late = case(
        (run.start_time > run.expected_start_time, run.start_time - run.expected_start_time),
        (waits & (run.expected_start_time < at), at - run.expected_start_time),
        else_=0,
    )
    return _seconds(late)


def _seconds(microseconds: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(microseconds, Float) / 1_000_000.0
