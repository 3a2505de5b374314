"""The state machine of runs.

A run is always in one state; a *transition* replaces it by another. Whoever executes a run, or wants something of it
(cancel, resume, retry), *proposes* a state, and `decide_flow_run` or `decide_task_run` answers with a verdict:

    Accept   the run gets the proposed state, perhaps completed (a scheduled time, a name)
    Reject   the run does not, and either keeps its state or gets another one: a failed run with retries left
             gets Scheduled/AwaitingRetry
    Wait     not now: propose it again in so many seconds
    Abort    no, and whoever executes the run is to stop

Two things make the answer. The *table* says which types may follow which: what is not in it does not happen, and
the invariant checker (`headrace.testing`) holds every recorded history against it. The *rules* (`core.rules`) come
first, in priority order; they know the reasons, and the conditions that a table of types cannot express.

    SCHEDULED ──> PENDING ──> RUNNING ──> COMPLETED, FAILED, CANCELLED, CRASHED   (final)
        ^                      │   ^  │
        │     AwaitingRetry    │   │  └──> CANCELLING ──> CANCELLED
        └──────────────────────┘   │
                               PAUSED

A final state is left only by an explicit retry (SCHEDULED, PENDING or RUNNING). `force` bypasses rules and table,
except the rules that protect persisted results.

Task runs are moved by the engine that executes them, which records transitions rather than proposing them; the same
table holds. `decide_task_run` serves those that are proposed: tracking task runs of subflows, and clients over REST.

All of it is pure: no clock (`Facts.now`), no ids (`Draft`), no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.core.rules import FLOW_RULES, FORCED_FLOW_RULES, FORCED_TASK_RULES, TASK_RULES, is_rollback
from headrace.core.states import StateType
from headrace.core.verdicts import Abort, Accept, Facts, FlowRun, State, TaskRun, Verdict

__all__ = ["FLOW_RUN_TABLE", "TASK_RUN_TABLE", "decide_flow_run", "decide_task_run", "task_run_may_become"]

Table = Mapping[StateType | None, frozenset[StateType]]


def _row(names: str) -> frozenset[StateType]:
    return frozenset(StateType(name) for name in names.split())


FLOW_RUN_TABLE: Table = {
    None: frozenset(StateType),
    StateType.SCHEDULED: _row("SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED CRASHED CANCELLING"),
    StateType.PENDING: _row("SCHEDULED PENDING RUNNING COMPLETED FAILED CANCELLED CRASHED CANCELLING"),
    StateType.RUNNING: _row("SCHEDULED RUNNING COMPLETED FAILED CANCELLED CRASHED PAUSED CANCELLING"),
    StateType.PAUSED: _row("SCHEDULED RUNNING COMPLETED FAILED CANCELLED CRASHED CANCELLING"),
    StateType.CANCELLING: _row("CANCELLED"),
    StateType.COMPLETED: _row("SCHEDULED PENDING RUNNING"),
    StateType.FAILED: _row("SCHEDULED PENDING RUNNING"),
    StateType.CRASHED: _row("SCHEDULED PENDING RUNNING"),
    StateType.CANCELLED: _row("SCHEDULED RUNNING"),
}
"""Which types may follow which in a flow run; None is before the first state."""

_ANY = frozenset(StateType)

TASK_RUN_TABLE: Table = {
    None: _ANY,
    StateType.SCHEDULED: _ANY,
    StateType.PENDING: _ANY,
    StateType.RUNNING: _ANY,
    StateType.PAUSED: _ANY,
    StateType.CANCELLING: _ANY,
    StateType.COMPLETED: _row("SCHEDULED PENDING RUNNING"),
    StateType.FAILED: _row("SCHEDULED PENDING RUNNING"),
    StateType.CRASHED: _row("SCHEDULED PENDING RUNNING"),
    StateType.CANCELLED: _row("SCHEDULED PENDING RUNNING"),
}
"""Which types may follow which in a task run; besides, a Completed one may be rolled back."""


def decide_flow_run(run: FlowRun, proposed: State, facts: Facts) -> Verdict:
    """What becomes of a state proposed for a flow run.

    Args:
        run: The run as it is now.
        proposed: The state that it is to have.
        facts: What else matters.
    """
    return _decide(
        run, proposed, facts, FORCED_FLOW_RULES if facts.force else FLOW_RULES, flow_run_may_become
    )


def decide_task_run(run: TaskRun, proposed: State, facts: Facts) -> Verdict:
    """What becomes of a state proposed for a task run. Arguments as for `decide_flow_run`."""
    return _decide(
        run, proposed, facts, FORCED_TASK_RULES if facts.force else TASK_RULES, task_run_may_become
    )


def flow_run_may_become(present: State | None, proposed: State) -> bool:
    """Whether the table lets `proposed` follow `present` in a flow run."""
    return proposed.type in FLOW_RUN_TABLE[None if present is None else present.type]


def task_run_may_become(present: State | None, proposed: State) -> bool:
    """Whether the table lets `proposed` follow `present` in a task run."""
    if present is not None and is_rollback(present, proposed):
        return True
    return proposed.type in TASK_RUN_TABLE[None if present is None else present.type]


def _decide(run: Any, proposed: State, facts: Facts, rules: Any, may_become: Any) -> Verdict:
    accepted = Accept()
    for rule in rules:
        verdict = rule(run, run.state, proposed, facts)
        if isinstance(verdict, Accept):
            accepted = accepted.and_(verdict)
        elif verdict is not None:
            return verdict  # type: ignore[no-any-return]
    if not facts.force and not may_become(run.state, proposed):
        return Abort(reason=f"A run that is {run.state.type.value} cannot become {proposed.type.value}.")
    return accepted
