"""What is known of a run's times only at the moment of asking."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, TypeVar

from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.runs import FlowRun, TaskRun

R = TypeVar("R", bound=FlowRun | TaskRun)


class Timing(NamedTuple):
    """What the estimates of a run follow from.

    Args:
        total_run_time: Seconds in Running states that are over.
        running_since: When the present Running state was entered (UTC); None of a run that is not running.
        expected: When the run should start (UTC).
        started: When it started (UTC).
        has_ended: Whether its state is final.
    """

    total_run_time: float
    running_since: datetime | None
    expected: datetime | None
    started: datetime | None
    has_ended: bool

    def at(self, now: datetime | None) -> tuple[float, float]:
        """The estimated run time and how late the run has started or is, both in seconds.

        Args:
            now: The time (UTC); None to count only what is over.
        """
        run_time = self.total_run_time
        if now is not None and self.running_since is not None:
            run_time += (now - self.running_since).total_seconds()
        if self.expected is None:
            return run_time, 0.0
        if self.started is not None:
            return run_time, max(0.0, (self.started - self.expected).total_seconds())
        if now is not None and now > self.expected and not self.has_ended:
            return run_time, (now - self.expected).total_seconds()
        return run_time, 0.0


def timing_of(run: FlowRun | TaskRun) -> Timing:
    """What the estimates of `run` follow from."""
    is_running = run.state is not None and run.state.type is StateType.RUNNING
    return Timing(
        run.total_run_time,
        run.state.timestamp if run.state is not None and is_running else None,
        run.expected_start_time,
        run.start_time,
        run.state_type in TERMINAL_STATES,
    )


def with_estimates(run: R, now: datetime | None) -> R:
    """Set the estimated fields of `run`, and return it.

    Args:
        run: A run as it is stored.
        now: The time (UTC); None to count only what is over.
    """
    run.estimated_run_time, run.estimated_start_time_delta = timing_of(run).at(now)
    return run
