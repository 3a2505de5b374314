"""Answers of the API that are not themselves a noun: pages, counts, buckets, verdicts."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Any, Generic, TypeVar
from uuid import UUID

from msgspec import Struct, field

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.base import Schema
from headrace.schema.events import Event
from headrace.schema.flows import Flow
from headrace.schema.orchestration import OrchestrationResult, OrchestrationStatus
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State

__all__ = [
    "ConcurrencyLimitWithLeaseResponse",
    "CountByState",
    "CsrfToken",
    "EventCount",
    "EventPage",
    "FlowBulkDeleteResponse",
    "FlowPaginationResponse",
    "FlowRunBulkDeleteResponse",
    "FlowRunBulkSetStateResponse",
    "FlowRunOrchestrationResult",
    "FlowRunPaginationResponse",
    "HistoryResponse",
    "HistoryResponseState",
    "LeasedSetStateResponse",
    "MinimalConcurrencyLimitResponse",
    "PaginationResponse",
    "ServerDefaultResultStorage",
    "SetStateDetails",
    "SetStateResponse",
    "SimpleFlowRun",
    "SimpleNextFlowRun",
    "StateAbortDetails",
    "StateAcceptDetails",
    "StateRejectDetails",
    "StateWaitDetails",
    "TaskRunCount",
    "TaskRunPaginationResponse",
    "UITaskRun",
    "set_state_response",
]

T = TypeVar("T")


# --- Verdicts on proposed states -------------------------------------------------------------------------------


class StateAcceptDetails(Struct, tag_field="type", tag="accept_details", kw_only=True):
    """The run has the proposed state."""

    @property
    def type(self) -> str:
        """What the wire calls it."""
        return "accept_details"


class StateRejectDetails(Struct, tag_field="type", tag="reject_details", kw_only=True):
    """The run has another state."""

    reason: str | None = None

    @property
    def type(self) -> str:
        """What the wire calls it."""
        return "reject_details"


class StateAbortDetails(Struct, tag_field="type", tag="abort_details", kw_only=True):
    """The run must stop without a state of its own."""

    reason: str | None = None

    @property
    def type(self) -> str:
        """What the wire calls it."""
        return "abort_details"


class StateWaitDetails(Struct, tag_field="type", tag="wait_details", kw_only=True):
    """The state is to be proposed again after `delay_seconds`."""

    delay_seconds: int
    reason: str | None = None

    @property
    def type(self) -> str:
        """What the wire calls it."""
        return "wait_details"


SetStateDetails = StateAcceptDetails | StateWaitDetails | StateRejectDetails | StateAbortDetails


class SetStateResponse(Schema, Generic[T], kw_only=True):
    """`POST .../set_state` and `POST .../resume`: what became of a proposed state.

    Scripts know it as `OrchestrationResult`. The engine's `schema.orchestration.OrchestrationResult` carries the run
    as well, which the wire does not.

    Args:
        state: The state that the run has now; None when it has not got one.
        status: ACCEPT, REJECT, WAIT or ABORT.
        details: Why, and how long to wait.
    """

    state: State[T] | None
    status: OrchestrationStatus
    details: SetStateDetails


class LeasedSetStateResponse(SetStateResponse[Any], kw_only=True):
    """The same to the process that executes the flow run: to one whose proposal spoke of a lease.

    Args:
        run: The run as it is now.
        token: The token of the lease that the process holds; None when it holds none.
    """

    run: FlowRun | None = None
    token: int | None = None


class FlowRunOrchestrationResult(SetStateResponse[Any], kw_only=True):
    """One verdict of a bulk change of states."""

    flow_run_id: UUID


def set_state_response(verdict: OrchestrationResult) -> SetStateResponse[Any]:
    """A verdict as it goes over the wire."""
    return SetStateResponse(state=verdict.state, status=verdict.status, details=_details(verdict))


def _details(verdict: OrchestrationResult) -> SetStateDetails:
    match verdict.status:
        case OrchestrationStatus.ACCEPT:
            return StateAcceptDetails()
        case OrchestrationStatus.REJECT:
            return StateRejectDetails(reason=verdict.reason)
        case OrchestrationStatus.ABORT:
            return StateAbortDetails(reason=verdict.reason)
        case OrchestrationStatus.WAIT:
            return StateWaitDetails(delay_seconds=ceil(verdict.delay_seconds or 0), reason=verdict.reason)


# --- Pages and bulk changes ------------------------------------------------------------------------------------


class PaginationResponse(Schema, Generic[T], kw_only=True):
    """One page of a list.

    Args:
        results: What is on the page.
        count: How many there are on all pages.
        limit: How many fit on a page.
        pages: How many pages there are.
        page: Which page this is, from 1.
    """

    results: list[T]
    count: int
    limit: int
    pages: int
    page: int


FlowPaginationResponse = PaginationResponse[Flow]
FlowRunPaginationResponse = PaginationResponse[FlowRun]
TaskRunPaginationResponse = PaginationResponse[TaskRun]


class FlowBulkDeleteResponse(Schema, kw_only=True):
    """The flows that were deleted."""

    deleted: list[UUID] = field(default_factory=list)


class FlowRunBulkDeleteResponse(Schema, kw_only=True):
    """The flow runs that were deleted."""

    deleted: list[UUID] = field(default_factory=list)


class FlowRunBulkSetStateResponse(Schema, kw_only=True):
    """What became of each flow run."""

    results: list[FlowRunOrchestrationResult] = field(default_factory=list)


# --- Counts and histories --------------------------------------------------------------------------------------


class HistoryResponseState(Schema, kw_only=True):
    """The runs of a bucket that are in one state now. Sums are in seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryResponse(Schema, kw_only=True):
    """A bucket of a history: the runs that were expected to start in it."""

    interval_start: datetime
    interval_end: datetime
    states: list[HistoryResponseState]


class CountByState(Schema, kw_only=True):
    """How many runs are in a state of each type."""

    COMPLETED: int = 0
    PENDING: int = 0
    RUNNING: int = 0
    FAILED: int = 0
    CANCELLED: int = 0
    CRASHED: int = 0
    PAUSED: int = 0
    CANCELLING: int = 0
    SCHEDULED: int = 0


class TaskRunCount(Schema, kw_only=True):
    """A bucket of the dashboard: task runs that ended well and badly."""

    completed: int
    failed: int


class SimpleFlowRun(Schema, kw_only=True):
    """A flow run as a point of a diagram.

    Args:
        timestamp: When it started, or should (UTC).
        duration: Seconds that it took or has taken.
        lateness: Seconds by which it started late.
    """

    id: UUID
    state_type: StateType
    timestamp: datetime
    duration: float
    lateness: float


class SimpleNextFlowRun(Schema, kw_only=True):
    """The next run of a flow."""

    id: UUID
    flow_id: UUID
    name: str
    state_name: str
    state_type: StateType
    next_scheduled_start_time: datetime


class UITaskRun(TaskRun, kw_only=True):
    """A task run with the name of its flow run."""

    flow_run_name: str | None = None


# --- Events ----------------------------------------------------------------------------------------------------


class EventPage(Schema, kw_only=True):
    """One page of events.

    Args:
        total: How many there are on all pages.
        next_page: The address of the next page; None on the last.
    """

    events: list[Event]
    total: int
    next_page: str | None


class EventCount(Schema, kw_only=True):
    """How many events there are of a value.

    Args:
        value: The value that they were counted by: a name, a resource's id, the start of a bucket.
        label: How to show it.
        start_time: The first that was counted (UTC).
        end_time: The last that was counted (UTC).
    """

    value: str
    label: str
    count: int
    start_time: datetime
    end_time: datetime


# --- The server itself -----------------------------------------------------------------------------------------


class CsrfToken(Schema, kw_only=True):
    """What a client must show with changes.

    Args:
        token: The secret.
        client: The client that asked for it.
        expiration: When it ceases to be valid (UTC).
    """

    token: str
    client: str
    expiration: datetime
    id: UUID = field(default_factory=uuid7)
    created: datetime | None = None
    updated: datetime | None = None


class ServerDefaultResultStorage(Schema, kw_only=True):
    """The block where results go when a flow does not say otherwise."""

    default_result_storage_block_id: UUID | None = None


# --- Concurrency limits ----------------------------------------------------------------------------------------


class MinimalConcurrencyLimitResponse(Schema, kw_only=True):
    """A limit of which slots were taken.

    Args:
        name: Its name.
        limit: How many slots it has.
        id: Its id.
    """

    name: str
    limit: int
    id: UUID


class ConcurrencyLimitWithLeaseResponse(Schema, kw_only=True):
    """Slots that were taken for a time.

    Args:
        lease_id: What to renew, or to give back.
        limits: The limits that they are of.
    """

    lease_id: UUID
    limits: list[MinimalConcurrencyLimitResponse]
