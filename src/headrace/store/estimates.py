"""What is known of a run's times only at the moment of asking."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.runs import FlowRun, TaskRun

R = TypeVar("R", bound=FlowRun | TaskRun)


def with_estimates(run: R, now: datetime | None) -> R:
    """Set the estimated fields of `run`, and return it.

    Args:
        run: A run as it is stored.
        now: The time (UTC); None to count only what is over.
    """
    run.estimated_run_time = run.total_run_time
    if now is not None and run.state is not None and run.state.type is StateType.RUNNING:
        run.estimated_run_time += (now - run.state.timestamp).total_seconds()
    expected, started = run.expected_start_time, run.start_time
    if expected is not None and started is not None:
        run.estimated_start_time_delta = (started - expected).total_seconds()
    elif (
        expected is not None and now is not None and now > expected and run.state_type not in TERMINAL_STATES
    ):
        run.estimated_start_time_delta = (now - expected).total_seconds()
    return run
