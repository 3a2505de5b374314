"""What a decision is made of: the move that is proposed, what is known besides, and the answer.

`core` knows no schema: the protocols here name what it reads of runs and states. Nor does it mint ids or read clocks: a
state that orchestration itself wants is a `Draft`, which the store turns into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from headrace.core.states import StateType

__all__ = [
    "Abort",
    "Accept",
    "Details",
    "Draft",
    "Facts",
    "FlowRun",
    "Policy",
    "Reject",
    "State",
    "TaskRun",
    "Verdict",
    "Wait",
]


class Details(Protocol):
    """What is read of a state's details."""

    @property
    def scheduled_time(self) -> datetime | None: ...
    @property
    def transition_id(self) -> UUID | None: ...
    @property
    def retriable(self) -> bool | None: ...
    @property
    def pause_key(self) -> str | None: ...
    @property
    def pause_timeout(self) -> datetime | None: ...
    @property
    def pause_reschedule(self) -> bool: ...


class State(Protocol):
    """What is read of a state."""

    @property
    def type(self) -> StateType: ...
    @property
    def name(self) -> str | None: ...
    @property
    def message(self) -> str | None: ...
    @property
    def data(self) -> Any: ...
    @property
    def state_details(self) -> Details: ...


class Policy(Protocol):
    """What is read of the retry policy of a run. Delays are in seconds."""

    @property
    def retries(self) -> int | None: ...
    @property
    def retry_delay(self) -> Any: ...


class FlowPolicy(Policy, Protocol):
    """What is read of the policy of a flow run."""

    @property
    def pause_keys(self) -> Set[str] | None: ...
    @property
    def resuming(self) -> bool | None: ...


class FlowRun(Protocol):
    """What is read of a flow run."""

    @property
    def state(self) -> State | None: ...
    @property
    def run_count(self) -> int: ...
    @property
    def empirical_policy(self) -> FlowPolicy: ...
    @property
    def deployment_id(self) -> UUID | None: ...
    @property
    def parent_task_run_id(self) -> UUID | None: ...
    @property
    def infrastructure_pid(self) -> str | None: ...


class TaskRun(Protocol):
    """What is read of a task run."""

    @property
    def state(self) -> State | None: ...
    @property
    def run_count(self) -> int: ...
    @property
    def empirical_policy(self) -> Policy: ...
    @property
    def flow_run_id(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What else a decision depends on.

    Args:
        now: The time (UTC).
        force: Whether the rules are to be bypassed, all but those that protect data.
        flow_run_state: The state type of the flow run that a task run belongs to; None when it is not known.
    """

    now: datetime
    force: bool = False
    flow_run_state: StateType | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A state that orchestration gives to a run, before it has an id and a time."""

    type: StateType
    name: str
    message: str | None = None
    scheduled_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """The run gets the proposed state.

    Args:
        name: The name that the state gets instead of the proposed one.
        details: What changes in the state's details.
        policy: What changes in the run's policy.
    """

    name: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)

    def and_(self, other: Accept) -> Accept:
        """Both changes; `other` wins where they meet."""
        return Accept(
            name=other.name or self.name,
            details={**self.details, **other.details},
            policy={**self.policy, **other.policy},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """The run does not get the proposed state.

    Args:
        reason: Why.
        draft: The state that it gets instead; None when it keeps the one it has.
        policy: What changes in the run's policy.
    """

    reason: str
    draft: Draft | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The run keeps its state, and the proposal is to be made again after `seconds`."""

    seconds: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abort:
    """The run keeps its state, and whoever executes it is to stop."""

    reason: str


Verdict = Accept | Reject | Wait | Abort
