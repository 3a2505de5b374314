"""Exit codes of the command line."""

from __future__ import annotations

from headrace.core.states import StateType

__all__ = [
    "CANCELLED",
    "CRASHED",
    "INTERRUPTED",
    "PIPE_CLOSED",
    "TERMINATED",
    "UNFINISHED",
    "UNSUCCESSFUL",
    "USAGE",
    "exit_code",
]

UNSUCCESSFUL = 1
"""The flow run failed, or the command cannot do what was asked."""
USAGE = 2
"""The command line is not understood."""
CRASHED = 3
"""The flow run crashed."""
CANCELLED = 4
"""The flow run was cancelled."""
UNFINISHED = 5
"""The flow run is paused, suspended or waits for something: it has not ended."""
INTERRUPTED = 130
"""Ctrl-C."""
PIPE_CLOSED = 141
"""The reader of the output went away."""
TERMINATED = 143
"""SIGTERM."""

_BY_STATE = {
    StateType.COMPLETED: 0,
    StateType.FAILED: UNSUCCESSFUL,
    StateType.CRASHED: CRASHED,
    StateType.CANCELLED: CANCELLED,
    StateType.CANCELLING: CANCELLED,
}


def exit_code(state: StateType) -> int:
    """The exit code of a flow run that was left in `state`."""
    return _BY_STATE.get(state, UNFINISHED)
