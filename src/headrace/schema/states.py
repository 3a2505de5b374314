"""`State`: what a run is doing at an instant, why, and with which result."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import Struct, field, structs

from headrace.core.ids import uuid7
from headrace.core.states import DEFAULT_NAMES, TERMINAL_STATES, StateType
from headrace.schema.base import Schema, now

__all__ = ["State", "StateDetails", "StateType", "details_of", "metadata_of"]

R = TypeVar("R")


class StateDetails(Schema, kw_only=True, gc=False):
    """Facts that orchestration attaches to a state."""

    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    child_flow_run_id: UUID | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool | None = False
    untrackable_result: bool = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: UUID | None = None
    task_parameters_id: UUID | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: UUID | None = None


class State(Schema, Generic[R], weakref=True, kw_only=True):
    """What a run is doing at an instant.

    Args:
        type: What orchestration makes of it.
        name: What people call it; the type's own name when left out.
        message: Why, in a sentence.
        data: The result, or the metadata that finds it in result storage.
        state_details: Facts that orchestration attaches.
        timestamp: When the state was entered (UTC).
        id: Also the id of the event that records the transition.
    """

    type: StateType
    name: str | None = None
    id: UUID = field(default_factory=uuid7)
    timestamp: datetime = field(default_factory=now)
    message: str | None = None
    data: Any = None
    state_details: StateDetails = field(default_factory=StateDetails)

    def __post_init__(self) -> None:
        if self.name is None:
            self.name = DEFAULT_NAMES[self.type]

    def is_scheduled(self) -> bool:
        """Whether the run waits for a time."""
        return self.type is StateType.SCHEDULED

    def is_pending(self) -> bool:
        """Whether the run is about to start."""
        return self.type is StateType.PENDING

    def is_running(self) -> bool:
        """Whether the run executes now."""
        return self.type is StateType.RUNNING

    def is_completed(self) -> bool:
        """Whether the run ended well."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """Whether the run ended with an error of its own code."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """Whether the run ended with an error of what it ran on."""
        return self.type is StateType.CRASHED

    def is_cancelled(self) -> bool:
        """Whether the run was stopped on request."""
        return self.type is StateType.CANCELLED

    def is_cancelling(self) -> bool:
        """Whether the run was asked to stop and has not yet."""
        return self.type is StateType.CANCELLING

    def is_paused(self) -> bool:
        """Whether the run waits to be resumed."""
        return self.type is StateType.PAUSED

    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self.type in TERMINAL_STATES

    def fresh_copy(self, **changes: Any) -> State[R]:
        """A copy with an id and a timestamp of its own, and `changes` applied."""
        return structs.replace(self, id=uuid7(), timestamp=now(), **changes)

    def result(self, raise_on_failure: bool = True, retry_result_failure: bool = True) -> R | Exception:
        """The run's result.

        Args:
            raise_on_failure: Raise the exception of a failed run rather than return it.
            retry_result_failure: Try again while result storage is not readable.

        Raises:
            MissingResult: The result was neither kept in memory nor persisted.
            UnfinishedRun: The run has not ended.
        """
        from headrace.states import result_of

        return result_of(self, raise_on_failure, retry_result_failure)  # type: ignore[no-any-return]

    async def aresult(
        self, raise_on_failure: bool = True, retry_result_failure: bool = True
    ) -> R | Exception:
        """The run's result, without blocking the event loop; see `result`."""
        from headrace.states import aresult_of

        return await aresult_of(self, raise_on_failure, retry_result_failure)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        """`Completed(message='...', type=COMPLETED, result=...)`, as it reads in a log."""
        display = [f"message={self.message!r}"] if self.message else []
        return f"{self.name}({', '.join([*display, f'type={self.type.value}'])})"

    def __str__(self) -> str:
        """`Completed()`, `Failed('boom')` or `Cached(type=COMPLETED)`: what logs print."""
        display = [repr(self.message)] if self.message else []
        if self.name != DEFAULT_NAMES[self.type]:
            display.append(f"type={self.type.value}")
        return f"{self.name}({', '.join(display)})"


def metadata_of(data: Any) -> Any:
    """What is kept of a state's data: metadata that finds a result, a Struct or a dict; nothing of other values."""
    metadata = getattr(data, "metadata", data)
    return metadata if isinstance(metadata, (dict, Struct)) else None


_OWN_IDS = 2
"""The first fields of the details are the ids of the state's own run, which is known wherever a state is kept or sent."""
_NO_DETAILS = StateDetails()
_DEFAULT_DETAILS = structs.astuple(_NO_DETAILS)[_OWN_IDS:]
_DETAIL_DEFAULTS = {name: getattr(_NO_DETAILS, name) for name in StateDetails.__struct_fields__[_OWN_IDS:]}


def details_of(details: StateDetails) -> dict[str, Any] | None:
    """What differs from the defaults, besides the ids of the state's own run; None when nothing does."""
    if structs.astuple(details)[_OWN_IDS:] == _DEFAULT_DETAILS:
        return None
    return {
        name: value
        for name, default in _DETAIL_DEFAULTS.items()
        if (value := getattr(details, name)) != default
    }
