"""Answers of the API, under the names that scripts import."""

from headrace.schema.orchestration import (
    OrchestrationStatus as SetStateStatus,
)
from headrace.schema.responses import (
    FlowPaginationResponse,
    FlowRunPaginationResponse,
    HistoryResponse,
    HistoryResponseState,
    StateAbortDetails,
    StateAcceptDetails,
    StateRejectDetails,
    StateWaitDetails,
    TaskRunPaginationResponse,
)
from headrace.schema.responses import (
    SetStateResponse as OrchestrationResult,
)
from headrace.schema.runs import (
    FlowRun as FlowRunResponse,
)

__all__ = [
    "FlowPaginationResponse",
    "FlowRunPaginationResponse",
    "FlowRunResponse",
    "HistoryResponse",
    "HistoryResponseState",
    "OrchestrationResult",
    "SetStateStatus",
    "StateAbortDetails",
    "StateAcceptDetails",
    "StateRejectDetails",
    "StateWaitDetails",
    "TaskRunPaginationResponse",
]
