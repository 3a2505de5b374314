"""Verdicts without the server: what this process decides about a run of its own while the server is away.

By the same machine as the server's, on what was last known of the run. What is decided is proposed to the server when it
is back; a state that the machine itself drafted (a retry) is then a fact, so it is proposed by force.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.core.machine import decide_flow_run
from headrace.core.verdicts import Abort, Accept, Facts, Reject, Wait
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.store.transitions import answer, completed_by, entered, state_from

__all__ = ["decide_alone"]


def decide_alone(
    run: FlowRun, proposed: State[Any], *, force: bool, now: datetime
) -> tuple[OrchestrationResult, bool]:
    """What becomes of a state proposed for a flow run.

    Args:
        run: The run as it was last known.
        proposed: The state that it is to have.
        force: Whether to bypass the rules that protect final states.
        now: The time (UTC).

    Returns:
        The verdict; and whether the state that the run has now is to be told to the server by force.
    """
    match decide_flow_run(run, proposed, Facts(now=now, force=force)):
        case Accept() as verdict:
            run = entered(run, completed_by(verdict, proposed))
            return answer(OrchestrationStatus.ACCEPT, run), force
        case Reject(reason=reason, draft=draft):
            run = run if draft is None else entered(run, state_from(draft, proposed, now))
            return answer(OrchestrationStatus.REJECT, run, reason=reason), draft is not None
        case Wait(seconds=seconds, reason=reason):
            return answer(OrchestrationStatus.WAIT, run, reason=reason, delay_seconds=seconds), False
        case Abort(reason=reason):
            return answer(OrchestrationStatus.ABORT, run, reason=reason), False
