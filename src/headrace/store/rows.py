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

import msgspec
from msgspec import structs

from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.runs import TaskRunPolicy
from headrace.schema.states import StateDetails
from headrace.schema.transitions import TaskTransition
from headrace.store import tables
from headrace.store.bulk import NO_ID, BulkInsert, Rows
from headrace.store.columns import EPOCH, MICROSECOND

Metadata = Callable[[Any], Any]

STEPS = BulkInsert(
    tables.event,
    ("id", "follows", "run_id", "flow_run_id"),
    (
        "occurred",
        "run_count",
        "state_type",
        "state_name",
        "message",
        "state_details",
        "state_data",
        "received",
    ),
    constants={"run_kind": "task-run"},
)

_common = (
    "name", "state_type", "state_name", "state_timestamp", "run_count", "start_time", "end_time", "total_run_time",
    "flow_run_run_count", "created", "expected_start_time", "task_inputs", "task_key", "dynamic_key",
)  # fmt: skip
_rare = ("tags", "labels", "empirical_policy", "task_version", "cache_key", "cache_expiration")
_fixed = {"created", "task_key", "dynamic_key"}

TASK_RUNS = BulkInsert(
    tables.task_run,
    ("id", "flow_run_id", "state_id"),
    (*_common, *_rare),
    moving=["state_id", *(name for name in (*_common, *_rare) if name not in _fixed)],
    forwards="state_timestamp",
)
EVENTS = BulkInsert(
    tables.event,
    ("id", "follows"),
    ("occurred", "received", "event", "resource_id", "resource", "related", "payload"),
)
LOGS = BulkInsert(
    tables.log,
    ("id", "flow_run_id", "task_run_id", "worker_id"),
    ("timestamp", "level", "name", "message"),
)

MAX_INTEGER = 2**63 - 1
"""The largest integer that a database holds; a larger one would come out of JSON as a float."""

_NO_DETAILS = StateDetails()
_OWN_IDS = 2
"""The first fields of the details are the ids of the state's own run; its row has those in columns of their own."""
_DEFAULT_DETAILS = structs.astuple(_NO_DETAILS)[_OWN_IDS:]
_DETAIL_DEFAULTS = {name: getattr(_NO_DETAILS, name) for name in StateDetails.__struct_fields__[_OWN_IDS:]}
_NO_POLICY = TaskRunPolicy()


def metadata_of(data: Any) -> Any:
    """What is stored of a state's data: metadata that finds a result, a Struct or a dict; nothing of other values."""
    metadata = getattr(data, "metadata", data)
    return metadata if isinstance(metadata, (dict, msgspec.Struct)) else None


def details_of(details: StateDetails) -> dict[str, Any] | None:
    """What differs from the defaults; None when nothing does."""
    if structs.astuple(details)[_OWN_IDS:] == _DEFAULT_DETAILS:
        return None
    return {
        name: value
        for name, default in _DETAIL_DEFAULTS.items()
        if (value := getattr(details, name)) != default
    }


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
    message, details = state.message, state.state_details
    data = None if state.data is None else metadata(state.data)
    if message is None and data is None and received is None and details == _NO_DETAILS:
        rows.fields.append((occurred, step.run_count, state.type._value_, state.name))
        rows.width = rows.width or 4
    else:
        rows.fields.append(
            (
                occurred,
                step.run_count,
                state.type._value_,
                state.name,
                message,
                details_of(details),
                data,
                received,
            )
        )
        rows.width = 8


def add_task_run(rows: Rows, step: TaskTransition, run_id: bytes) -> None:
    """Add the projection row of a task run after `step`."""
    run, state = step.run, step.state
    rows.ids += (run_id, _id(run.flow_run_id), state.id.int.to_bytes(16, "big"))
    occurred = (state.timestamp - EPOCH) // MICROSECOND
    common = (
        run.name,
        state.type._value_,
        state.name,
        occurred,
        step.run_count,
        _instant(step.start_time),
        _instant(step.end_time),
        step.total_run_time,
        run.flow_run_run_count,
        occurred if run.created is None else (run.created - EPOCH) // MICROSECOND,
        _instant(run.expected_start_time),
        run.task_inputs or None,
        run.task_key,
        run.dynamic_key,
    )
    policy = None if run.empirical_policy == _NO_POLICY else run.empirical_policy
    if policy or run.tags or run.labels or run.task_version or run.cache_key or run.cache_expiration:
        rare = (
            run.tags or None,
            run.labels or None,
            policy,
            run.task_version,
            run.cache_key,
            _instant(run.cache_expiration),
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
            event.event,
            event.resource.get("prefect.resource.id"),
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
    level = log.level if -MAX_INTEGER <= log.level <= MAX_INTEGER else MAX_INTEGER
    rows.fields.append(((log.timestamp - EPOCH) // MICROSECOND, level, log.name, log.message))
    rows.width = 4


def _id(value: UUID | None) -> bytes:
    return NO_ID if value is None else value.int.to_bytes(16, "big")


def _instant(value: datetime | None) -> int | None:
    return None if value is None else (value - EPOCH) // MICROSECOND
