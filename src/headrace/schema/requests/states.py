"""What clients send to give a run a state."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, field, structs

from headrace.core.ids import uuid7
from headrace.core.states import DEFAULT_NAMES, StateType
from headrace.schema.base import Body, Parameters, now, utc
from headrace.schema.states import State, StateDetails, metadata_of

__all__ = ["LeaseBody", "SetStateBody", "StateCreate"]


class StateCreate(Body, kw_only=True):
    """A state as it is proposed: it gets an id and a time when it is entered.

    Args:
        type: What orchestration makes of it.
        name: What people call it; the type's own name when left out.
        message: Why, in a sentence.
        data: The result's metadata.
        state_details: Facts that orchestration attaches.
        id: Its id, from engines that record by themselves what follows it.
        timestamp: When it was entered (UTC), from engines that propose it later than that.
    """

    type: StateType
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: StateDetails = field(default_factory=StateDetails)
    id: UUID | None = None
    timestamp: datetime | None = None

    def __post_init__(self) -> None:
        self.timestamp = utc(self.timestamp)
        details = self.state_details
        details.scheduled_time = utc(details.scheduled_time)
        details.cache_expiration = utc(details.cache_expiration)
        details.pause_timeout = utc(details.pause_timeout)

    @classmethod
    def of(cls, state: State[Any], **details: Any) -> StateCreate:
        """The proposal of a state: of its data only the metadata that finds a result.

        Args:
            state: What the run should become.
            details: Details that the proposal has otherwise than the state.
        """
        return cls(
            type=state.type,
            name=state.name,
            message=state.message,
            data=metadata_of(state.data),
            state_details=structs.replace(state.state_details, **details),
        )

    def to_state(self, entered: datetime | None = None) -> State[Any]:
        """The state that a run enters when the proposal is accepted.

        Args:
            entered: When (UTC), unless the proposal says it; now when left out. A scheduled state without a time is due
                then.
        """
        entered = self.timestamp or entered or now()
        details = structs.replace(self.state_details)
        if self.type is StateType.SCHEDULED and details.scheduled_time is None:
            details.scheduled_time = entered
        return State(
            type=self.type,
            name=self.name or DEFAULT_NAMES[self.type],
            id=self.id or uuid7(),
            timestamp=entered,
            message=self.message,
            data=self.data,
            state_details=details,
        )


class LeaseBody(Body, kw_only=True):
    """The lease of a flow run, as its holder speaks of it: to take it, to act under it, to renew it.

    Args:
        token: The token under which the lease is held; None to take the lease.
        seconds: How long it is to hold from now on.
        host: The machine of the process that takes it.
        pid: The id of that process there.
        pid_started: Which process of that id it is, where the system says.
    """

    token: int | None = None
    seconds: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    host: str | None = None
    pid: int | None = None
    pid_started: str | None = None


class SetStateBody(Parameters, kw_only=True):
    """`POST /flow_runs/{id}/set_state` and `POST /task_runs/{id}/set_state`.

    Args:
        state: The state that is proposed.
        force: Skip the rules that protect final states.
        lease: Of a flow run: the lease under which its process acts, or that it wants with Running.
        late: Of a flow run: the state was entered while the server could not be reached.
    """

    state: StateCreate
    force: bool = False
    lease: LeaseBody | None = None
    late: bool = False
