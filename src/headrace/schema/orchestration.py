"""`OrchestrationResult`: what became of a proposed state."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from headrace.schema.base import Schema
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State

__all__ = ["OrchestrationResult", "OrchestrationStatus"]


class OrchestrationStatus(StrEnum):
    """The four answers to a proposed state."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    WAIT = "WAIT"
    ABORT = "ABORT"


class OrchestrationResult(Schema, kw_only=True):
    """What became of a proposed state.

    Args:
        status: ACCEPT: the run has the proposed state. REJECT: it has another one, in `state`. WAIT: propose again
            after `delay_seconds`. ABORT: the run must stop without a state of its own.
        state: The state that the run has now.
        reason: Why the proposal was not accepted.
        delay_seconds: How long to wait, with WAIT.
        run: The run as it is now.
    """

    status: OrchestrationStatus
    run: FlowRun | TaskRun
    state: State[Any] | None = None
    reason: str | None = None
    delay_seconds: float | None = None
