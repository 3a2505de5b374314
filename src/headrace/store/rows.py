"""Rows of what runs record, as `BulkInsert` takes them.

This is the hot path: the time spent here is taken from the user's code, which waits for the GIL meanwhile (3.5 us for
a no-op task). Hence plain functions that extend lists, ids by their integer (a third of the time of `UUID.bytes`),
`_value_` of an enum member (an attribute, where `.value` runs Python code), and all encoding left to one call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.runs import TaskRunPolicy
from headrace.schema.states import StateDetails, details_of
from headrace.schema.transitions import TaskTransition
from headrace.store.bulk import NO_ID, BulkInsert, Rows
from headrace.store.columns import short, short_event_name
from headrace.store.connection import EPOCH, MICROSECOND

Metadata = Callable[[Any], Any]

STEPS = BulkInsert(
    "event",
    ("id", "follows", "run_id", "flow_run_id"),
    {
        "occurred": "bigint",
        "run_count": "integer",
        "state_type": "text",
        "state_name": "text",
        "message": "text",
        "state_details": "text",
        "state_data": "text",
        "received": "bigint",
    },
    constants={"run_kind": "task-run"},
)

_common = {
    "name": "text",
    "state_type": "text",
    "state_name": "text",
    "state_timestamp": "bigint",
    "run_count": "integer",
    "start_time": "bigint",
    "end_time": "bigint",
    "total_run_time": "float",
    "flow_run_run_count": "integer",
    "created": "bigint",
    "expected_start_time": "bigint",
    "task_inputs": "text",
    "task_key": "text",
    "dynamic_key": "text",
}
_rare = {
    "tags": "text",
    "labels": "text",
    "empirical_policy": "text",
    "task_version": "text",
    "cache_key": "text",
    "cache_expiration": "bigint",
}
_fixed = {"created", "task_key", "dynamic_key"}

TASK_RUNS = BulkInsert(
    "task_run",
    ("id", "flow_run_id", "state_id"),
    _common | _rare,
    moving=["state_id", *(name for name in _common | _rare if name not in _fixed)],
    forwards=["state_timestamp", "state_id"],
)
EVENTS = BulkInsert(
    "event",
    ("id", "follows"),
    {
        "occurred": "bigint",
        "received": "bigint",
        "event": "text",
        "resource_id": "text",
        "resource": "text",
        "related": "text",
        "payload": "text",
    },
)
LOGS = BulkInsert(
    "log",
    ("id", "flow_run_id", "task_run_id", "worker_id"),
    {"timestamp": "bigint", "level": "integer", "name": "text", "message": "text"},
)

MAX_LEVEL = 2**31 - 1
"""The largest number that the column of levels holds."""

_NO_DETAILS = StateDetails()
_NO_POLICY = TaskRunPolicy()


def add_step(
    rows: Rows, step: TaskTransition, run_id: bytes, received: int | None, metadata: Metadata
) -> None:
    """Add the event row of a transition."""
    run, state, follows = step.run, step.state, step.follows
    flow_run_id = run.flow_run_id
    rows.ids += (
        state.id.int.to_bytes(16, "big"),
        NO_ID if follows is None else follows.int.to_bytes(16, "big"),
        run_id,
        NO_ID if flow_run_id is None else flow_run_id.int.to_bytes(16, "big"),
    )
    occurred = (state.timestamp - EPOCH) // MICROSECOND
    message, details, name = state.message, state.state_details, short(state.name)
    data = None if state.data is None else metadata(state.data)
    if message is None and data is None and received is None and details == _NO_DETAILS:
        rows.fields.append((occurred, step.run_count, state.type._value_, name))
        rows.width = rows.width or 4
    else:
        rows.fields.append(
            (
                occurred,
                step.run_count,
                state.type._value_,
                name,
                message,
                details_of(details),
                data,
                received,
            )
        )
        rows.width = 8


def add_task_run(rows: Rows, step: TaskTransition, run_id: bytes, whole: bool = False) -> None:
    """Add the projection row of a task run after `step`.

    Args:
        whole: Write also the columns that have nothing in this row or any other.
    """
    run, state = step.run, step.state
    rows.ids += (run_id, _id(run.flow_run_id), state.id.int.to_bytes(16, "big"))
    occurred = (state.timestamp - EPOCH) // MICROSECOND
    common = (
        short(run.name),
        state.type._value_,
        short(state.name),
        occurred,
        step.run_count,
        instant(step.start_time),
        instant(step.end_time),
        step.total_run_time,
        run.flow_run_run_count,
        occurred if run.created is None else (run.created - EPOCH) // MICROSECOND,
        instant(run.expected_start_time),
        run.task_inputs or None,
        run.task_key,
        run.dynamic_key,
    )
    policy = None if run.empirical_policy == _NO_POLICY else run.empirical_policy
    if whole or policy or run.tags or run.labels or run.task_version or run.cache_key or run.cache_expiration:
        rare = (
            run.tags or None,
            run.labels or None,
            policy,
            run.task_version,
            run.cache_key,
            instant(run.cache_expiration),
        )
        rows.fields.append(common + rare)
        rows.width = 20
    else:
        rows.fields.append(common)
        rows.width = rows.width or 14


def add_event(rows: Rows, event: Event, received: int | None) -> None:
    """Add the row of an event that is no transition."""
    rows.ids += (event.id.int.to_bytes(16, "big"), _id(event.follows))
    rows.fields.append(
        (
            (event.occurred - EPOCH) // MICROSECOND,
            received,
            short_event_name(event.event),
            short(event.resource.get("prefect.resource.id")),
            event.resource,
            event.related or None,
            event.payload or None,
        )
    )
    rows.width = 7


def add_log(rows: Rows, log: Log) -> None:
    """Add the row of a log line."""
    rows.ids += (
        log.id.int.to_bytes(16, "big"),
        _id(log.flow_run_id),
        _id(log.task_run_id),
        _id(log.worker_id),
    )
    level = log.level if -MAX_LEVEL <= log.level <= MAX_LEVEL else min(max(log.level, -MAX_LEVEL), MAX_LEVEL)
    rows.fields.append(((log.timestamp - EPOCH) // MICROSECOND, level, log.name, log.message))
    rows.width = 4


def _id(value: UUID | None) -> bytes:
    return NO_ID if value is None else value.int.to_bytes(16, "big")


def instant(value: datetime | None) -> int | None:
    """A time as it is kept; None of None."""
    return None if value is None else (value - EPOCH) // MICROSECOND
