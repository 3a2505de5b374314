"""How a verdict on a proposed state is answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.api.responses import JsonResponse
from headrace.schema.orchestration import OrchestrationResult
from headrace.schema.responses import LeasedSetStateResponse, SetStateResponse, set_state_response
from headrace.schema.runs import FlowRun
from headrace.store.executions import Execution

__all__ = ["execution_response", "verdict_response"]


def verdict_response(verdict: OrchestrationResult, asked: datetime) -> JsonResponse[SetStateResponse[Any]]:
    """The answer: 201 when the run has got a state, 200 when it keeps the one that it had.

    Args:
        verdict: What became of the proposal.
        asked: When the request came, or the time that it said (UTC).
    """
    return JsonResponse(set_state_response(verdict), status_code=_status(verdict, asked))


def execution_response(execution: Execution, asked: datetime) -> JsonResponse[SetStateResponse[Any]]:
    """The answer to the process that executes the flow run: with the run and the token of its lease.

    Args:
        execution: What became of the proposal.
        asked: As in `verdict_response`.
    """
    verdict = execution.verdict
    answer = set_state_response(verdict)
    leased: SetStateResponse[Any] = LeasedSetStateResponse(
        state=answer.state,
        status=answer.status,
        details=answer.details,
        run=verdict.run if isinstance(verdict.run, FlowRun) else None,
        token=execution.token,
    )
    return JsonResponse(leased, status_code=_status(verdict, asked))


def _status(verdict: OrchestrationResult, asked: datetime) -> int:
    return 201 if verdict.state is not None and verdict.state.timestamp >= asked else 200
