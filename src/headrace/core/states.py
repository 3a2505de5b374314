"""The vocabulary of states: nine types, and the names that refine them.

A state has a *type*, which decides what may happen next (`core.machine`), and a *name*, which tells people why:
`AwaitingRetry` is a `SCHEDULED` state, `Cached` a `COMPLETED` one. Types are closed; any name is allowed.
"""

from __future__ import annotations

from enum import StrEnum


class StateType(StrEnum):
    """What a run is doing, as far as orchestration is concerned."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    CRASHED = "CRASHED"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"


TERMINAL_STATES = frozenset({StateType.COMPLETED, StateType.CANCELLED, StateType.FAILED, StateType.CRASHED})

DEFAULT_NAMES = {kind: kind.value.capitalize() for kind in StateType}
"""The name a state gets when none is given: `COMPLETED` becomes `Completed`."""

NAMED_STATES: dict[str, StateType] = {
    **{name: kind for kind, name in DEFAULT_NAMES.items()},
    "Late": StateType.SCHEDULED,
    "AwaitingRetry": StateType.SCHEDULED,
    "AwaitingConcurrencySlot": StateType.SCHEDULED,
    "Resuming": StateType.SCHEDULED,
    "Submitting": StateType.PENDING,
    "InfrastructurePending": StateType.PENDING,
    "NotReady": StateType.PENDING,
    "Retrying": StateType.RUNNING,
    "Cached": StateType.COMPLETED,
    "RolledBack": StateType.COMPLETED,
    "TimedOut": StateType.FAILED,
    "Suspended": StateType.PAUSED,
}
"""Every name that Headrace itself gives to a state, with its type."""
