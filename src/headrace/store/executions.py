"""Flow runs that a process far away executes: what it proposes, the lease under which it does, and what it records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core.rules import is_repeated
from headrace.core.states import TERMINAL_STATES, StateType
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.requests.states import LeaseBody
from headrace.schema.states import State
from headrace.schema.transitions import TaskTransition
from headrace.store import leases
from headrace.store.connection import Connection
from headrace.store.flow_runs import lock_flow_run, set_flow_run_state
from headrace.store.processes import Holder
from headrace.store.reaping import end_task_runs
from headrace.store.records import Record, record

__all__ = ["Execution", "propose_under_lease", "record_execution"]


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
    late: bool = False,
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
        late: Whether the state was entered while the process could not reach this store. It is entered now also if the
            process was taken for dead meanwhile, as long as no other has taken over the run: that it had crashed was
            concluded from its silence.
        now: The time (UTC) at which it was proposed, the same when the command is carried out twice.

    Raises:
        ObjectNotFound: There is no such run.
    """
    token = lease.token
    if late and token is not None and leases.was_last_held(conn, run_id, token):
        crashed = lock_flow_run(conn, run_id).state_type is StateType.CRASHED
        verdict = set_flow_run_state(conn, run_id, state, force=force or crashed, now=now)
        return Execution(verdict, None)
    if token is None:
        holder = Holder(lease.host or "", lease.pid or 0, lease.pid_started)
        taken = leases.acquire_lease(conn, run_id, holder, seconds=lease.seconds, now=now)
        token = taken or leases.token_held(conn, run_id, holder) or leases.NO_TOKEN
    verdict = set_flow_run_state(conn, run_id, state, force=force, token=token, now=now)
    goes_on = verdict.status in (OrchestrationStatus.ACCEPT, OrchestrationStatus.WAIT)
    if lease.token is None and not goes_on and not is_repeated(verdict.state, state):
        leases.release_lease(conn, run_id, token)
    return Execution(verdict, token if leases.is_held(conn, run_id, token) else None)


def record_execution(conn: Connection, batch: Sequence[Record], *, received: datetime) -> None:
    """Store what a process far away has recorded; see `records.record`.

    It may come after the process was taken for dead, and tell of task runs that it had begun. They are ended then, like
    those that were known at the time; what else the process has recorded stands when it comes.

    Args:
        batch: What happened, in order for each run.
        received: When it came (UTC).
    """
    record(conn, batch, received=received)
    last = {item.run.id: item for item in batch if isinstance(item, TaskTransition)}
    unfinished = {item.run.flow_run_id for item in last.values() if item.state.type not in TERMINAL_STATES}
    for flow_run_id in sorted(unfinished - {None}, key=str):
        assert flow_run_id is not None
        crashed = conn.value(
            "SELECT message FROM flow_run JOIN event ON event.id = flow_run.state_id"
            " WHERE flow_run.id = :run AND flow_run.state_type = 'CRASHED'",
            run=flow_run_id,
        )
        if crashed is not None:
            end_task_runs(conn, flow_run_id, StateType.CRASHED, crashed, now=received)
