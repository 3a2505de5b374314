"""The objects that clients send and receive: `objects`, `filters`, `sorting`, `actions`, `responses`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.client.schemas.actions import StateCreate
    from headrace.client.schemas.objects import (
        FlowRun,
        FlowRunPolicy,
        FlowRunResult,
        State,
        StateDetails,
        StateType,
        TaskRun,
        TaskRunPolicy,
        TaskRunResult,
    )
    from headrace.client.schemas.responses import (
        OrchestrationResult,
        SetStateStatus,
        StateAbortDetails,
        StateAcceptDetails,
        StateRejectDetails,
    )

_HOMES = {
    "FlowRun": "objects",
    "FlowRunPolicy": "objects",
    "FlowRunResult": "objects",
    "OrchestrationResult": "responses",
    "SetStateStatus": "responses",
    "State": "objects",
    "StateAbortDetails": "responses",
    "StateAcceptDetails": "responses",
    "StateCreate": "actions",
    "StateDetails": "objects",
    "StateRejectDetails": "responses",
    "StateType": "objects",
    "TaskRun": "objects",
    "TaskRunPolicy": "objects",
    "TaskRunResult": "objects",
}

__all__ = [
    "FlowRun",
    "FlowRunPolicy",
    "FlowRunResult",
    "OrchestrationResult",
    "SetStateStatus",
    "State",
    "StateAbortDetails",
    "StateAcceptDetails",
    "StateCreate",
    "StateDetails",
    "StateRejectDetails",
    "StateType",
    "TaskRun",
    "TaskRunPolicy",
    "TaskRunResult",
]

__getattr__, __dir__ = lazy_names(__name__, {name: f"{__name__}.{module}" for name, module in _HOMES.items()})
