"""Task runs of Prefect's clients: each state that one enters arrives as an event, and becomes a `TaskTransition`.

An event is such a report when its name begins with `prefect.task-run.`, its resource is a task run, and the label
`prefect.orchestration` of the resource says that the client decides. The id of the event is that of the state, the event that
it follows the state before. Whatever else looks like one is an event like any other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec

from headrace.core.states import DEFAULT_NAMES
from headrace.schema.base import utc
from headrace.schema.events import Event
from headrace.schema.runs import TaskRun, TaskRunPolicy
from headrace.schema.states import State, StateDetails
from headrace.schema.task_run_events import ReportedState, ReportedTaskRun, TaskRunReport
from headrace.schema.transitions import TaskTransition

__all__ = ["is_report", "transition_of"]

PREFIX = "prefect.task-run."
FLOW_RUN = "prefect.flow-run."

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = (datetime(9999, 12, 31, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def is_report(event: Event) -> bool:
    """Whether the event reports that a client has moved one of its task runs."""
    return (
        event.event.startswith(PREFIX)
        and event.resource.get("prefect.orchestration") == "client"
        and event.resource["prefect.resource.id"].startswith(PREFIX)
    )


def transition_of(event: Event) -> TaskTransition:
    """The transition that an event reports.

    Args:
        event: One that `is_report`.

    Raises:
        ValueError: Its ids or its payload are not as reports have them; the message says what is wrong.
    """
    run_id = _id_in(event.resource["prefect.resource.id"], PREFIX)
    try:
        report = msgspec.convert(event.payload, TaskRunReport, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"The payload does not fit: {error}") from error
    reported = report.task_run
    run = _run(run_id, _flow_run_id(event), reported)
    state = _state(event, report.validated_state)
    seconds = reported.total_run_time
    return TaskTransition(
        run,
        state,
        event.follows,
        reported.run_count,
        utc(reported.start_time),
        utc(reported.end_time),
        seconds if isfinite(seconds) else 0.0,
    )


def _run(run_id: UUID, flow_run_id: UUID | None, reported: ReportedTaskRun) -> TaskRun:
    return TaskRun(
        id=run_id,
        name=reported.name or "",
        task_key=reported.task_key,
        dynamic_key=reported.dynamic_key,
        flow_run_id=flow_run_id,
        flow_run_run_count=reported.flow_run_run_count,
        created=_made_at(run_id) or utc(reported.expected_start_time),
        expected_start_time=utc(reported.expected_start_time),
        task_version=reported.task_version,
        empirical_policy=reported.empirical_policy or TaskRunPolicy(),
        tags=reported.tags or [],
        labels=reported.labels or {},
        task_inputs=reported.task_inputs or {},
        cache_key=reported.cache_key,
        cache_expiration=utc(reported.cache_expiration),
    )


def _state(event: Event, reported: ReportedState) -> State[Any]:
    details = reported.state_details or StateDetails()
    details.scheduled_time = utc(details.scheduled_time)
    details.cache_expiration = utc(details.cache_expiration)
    details.pause_timeout = utc(details.pause_timeout)
    return State(
        id=event.id,
        type=reported.type,
        name=reported.name or DEFAULT_NAMES[reported.type],
        timestamp=event.occurred,
        message=reported.message or None,
        data=reported.data,
        state_details=details,
    )


def _made_at(run_id: UUID) -> datetime | None:
    """When the id was minted, to the millisecond: the same whichever of the run's events arrives first."""
    milliseconds = run_id.int >> 80
    return (
        EPOCH + timedelta(milliseconds=milliseconds)
        if run_id.version == 7 and milliseconds <= LATEST
        else None
    )


def _flow_run_id(event: Event) -> UUID | None:
    for related in event.related:
        if related["prefect.resource.role"] == "flow-run":
            return _id_in(related["prefect.resource.id"], FLOW_RUN)
    return None


def _id_in(resource_id: str, prefix: str) -> UUID:
    try:
        return UUID(resource_id.removeprefix(prefix))
    except ValueError:
        raise ValueError(f"The resource id {resource_id!r} has no UUID after {prefix!r}.") from None
