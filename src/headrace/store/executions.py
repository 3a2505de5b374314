"""Flow runs that a process far away executes: what it proposes, and the lease under which it does."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.rules import is_repeated
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.requests.states import LeaseBody
from headrace.schema.states import State
from headrace.store import leases
from headrace.store.connection import Connection
from headrace.store.flow_runs import set_flow_run_state
from headrace.store.processes import Holder

__all__ = ["Execution", "propose_under_lease"]


class Execution(NamedTuple):
    """What became of a proposal.

    Args:
        verdict: The verdict, with the run as it is then.
        token: The token under which the process holds the lease of the run; None when it does not.
    """

    verdict: OrchestrationResult
    token: int | None


def propose_under_lease(
    conn: Connection,
    run_id: UUID,
    state: State[Any],
    lease: LeaseBody,
    *,
    force: bool = False,
    now: datetime,
) -> Execution:
    """Propose a state for a flow run as the process that executes it, or that wants to.

    A process that wants the lease gets it if nobody holds it, or if it holds it already: it has not heard the answer then.
    While another process holds it the proposal is refused.

    Args:
        run_id: The run.
        state: The state that it is to have.
        lease: The token of the process, or who wants the lease.
        force: As in `set_flow_run_state`.
        now: The time (UTC) at which it was proposed, the same when the command is carried out twice.

    Raises:
        ObjectNotFound: There is no such run.
    """
    token = lease.token
    if token is None:
        holder = Holder(lease.host or "", lease.pid or 0, lease.pid_started)
        taken = leases.acquire_lease(conn, run_id, holder, seconds=lease.seconds, now=now)
        token = taken or leases.token_held(conn, run_id, holder) or leases.NO_TOKEN
    verdict = set_flow_run_state(conn, run_id, state, force=force, token=token, now=now)
    goes_on = verdict.status in (OrchestrationStatus.ACCEPT, OrchestrationStatus.WAIT)
    if lease.token is None and not goes_on and not is_repeated(verdict.state, state):
        leases.release_lease(conn, run_id, token)
    return Execution(verdict, token if leases.is_held(conn, run_id, token) else None)
