"""Records on the wire: what runs report about themselves, as the body of `POST /api/runs/record`.

    {"records": [{"kind": "task-run", ...}, {"kind": "log", ...}, {"kind": "event", ...}]}

What is decoded is what the engine recorded: a `TaskRunRecord` is a `TaskTransition`, a `LogRecord` a `Log`, an
`EventRecord` an `Event`, so a store takes it as it is. What is sent is smaller than that. There are no defaults, and
nothing of what is known anyway: the ids of the run in its state's details, the usual name of a state's type, and the
constant facts of a task run that came earlier in the same batch, for which its id stands then. So a batch may be put
together from others, but not cut into pieces: decode it, and encode the pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct, field, structs

from headrace.core.states import DEFAULT_NAMES, StateType
from headrace.core.text import encode_json
from headrace.schema.base import Int32, utc
from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.runs import RunInput, TaskRun, TaskRunPolicy
from headrace.schema.states import State, details_of, metadata_of
from headrace.schema.transitions import TaskTransition

__all__ = [
    "EventRecord",
    "LogRecord",
    "Record",
    "RecordBatch",
    "TaskRunRecord",
    "bodies_of",
    "body_of",
    "decode_batch",
    "encode_records",
    "join_bodies",
]


class TaskRunRecord(TaskTransition, tag_field="kind", tag="task-run", gc=False):
    """A step of a task run; see `TaskTransition` for the other fields.

    Args:
        run: What never changes of the run: its own state and times are those of the record. Or only its id, when an
            earlier record of the same batch has the rest.
    """

    run: TaskRun | UUID  # type: ignore[assignment]
    state: State[Any]
    follows: UUID | None = None
    run_count: Int32 = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class LogRecord(Log, tag_field="kind", tag="log", kw_only=True):
    """A line that a run logged."""


class EventRecord(Event, tag_field="kind", tag="event", kw_only=True):
    """Something that happened to a resource."""


Record = TaskTransition | Log | Event
"""What the engine records, and what a store takes."""


class RecordBatch(Struct):
    """`POST /runs/record`: records of any runs, in order for each run. All of them are stored, or none is.

    Args:
        records: The records; those whose id is stored already are passed over. Once decoded, each step has the facts of
            its run, and all times are in UTC.
    """

    records: list[TaskRunRecord | LogRecord | EventRecord]

    def __post_init__(self) -> None:
        runs: dict[UUID, TaskRun] = {}
        for index, item in enumerate(self.records):
            try:
                if isinstance(item, TaskRunRecord):
                    _complete(item, runs)
                elif isinstance(item, LogRecord):
                    item.timestamp = utc(item.timestamp)
                else:
                    _check_event(item)
            except ValueError as problem:
                raise ValueError(f"Record {index}: {problem}") from problem


def _complete(step: TaskRunRecord, runs: dict[UUID, TaskRun]) -> None:
    """Give a step the facts of its run.

    Raises:
        ValueError: It has only the run's id, and no earlier record has the rest; or a fact is impossible.
    """
    run = step.run
    if isinstance(run, TaskRun):
        runs[run.id] = run
        run.created, run.expected_start_time = utc(run.created), utc(run.expected_start_time)
        run.cache_expiration = utc(run.cache_expiration)
        if not 0 <= run.flow_run_run_count < 2**31:
            raise ValueError(f"the run's flow_run_run_count is {run.flow_run_run_count}.")
    elif run in runs:
        step.run = runs[run]
    else:
        raise ValueError(f"only the id {run} of a task run is given, and no record before has its facts.")
    step.state.timestamp = utc(step.state.timestamp)
    step.start_time, step.end_time = utc(step.start_time), utc(step.end_time)


def _check_event(event: EventRecord) -> None:
    event.occurred = utc(event.occurred)
    if not event.resource.get("prefect.resource.id"):
        raise ValueError("the event's resource has no label prefect.resource.id.")


# --- Encoding --------------------------------------------------------------------------------------------------
#
# The hot path of whoever records to a server: one positional Struct for each object, which omits its defaults.


class _Facts(Struct, omit_defaults=True, gc=False):
    """What of a task run never changes."""

    id: UUID
    name: str
    task_key: str
    dynamic_key: str
    flow_run_id: UUID | None
    flow_run_run_count: int = 0
    created: datetime | None = None
    expected_start_time: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy | None = None
    tags: list[str] = field(default_factory=list)
    labels: dict[str, Any] = field(default_factory=dict)
    task_inputs: dict[str, list[RunInput]] = field(default_factory=dict)
    cache_key: str | None = None
    cache_expiration: datetime | None = None


class _State(Struct, omit_defaults=True, gc=False):
    type: StateType
    id: UUID
    timestamp: datetime
    name: str | None = None
    message: str | None = None
    data: Any = None
    state_details: dict[str, Any] | None = None


class _Step(Struct, omit_defaults=True, gc=False, tag_field="kind", tag="task-run"):
    run: _Facts | UUID
    state: _State
    follows: UUID | None = None
    run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0


class _Log(Struct, omit_defaults=True, gc=False, tag_field="kind", tag="log"):
    id: UUID
    name: str
    level: int
    message: str
    timestamp: datetime
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None
    worker_id: UUID | None = None


class _Event(Struct, omit_defaults=True, gc=False, tag_field="kind", tag="event"):
    id: UUID
    event: str
    occurred: datetime
    resource: dict[str, str]
    related: list[dict[str, str]] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    follows: UUID | None = None


_encode = msgspec.json.Encoder().encode
_NO_POLICY = TaskRunPolicy()
_NUL = b"\\u0000"


def encode_records(batch: Sequence[Record]) -> list[bytes]:
    """The JSON of each record, for one batch.

    Never raises for what users have put in: what JSON has no form for is replaced, as the store would replace it.

    Args:
        batch: What happened, in order for each run.
    """
    described: set[int] = set()
    return [_encode_record(item, described) for item in batch]


_HEAD, _TAIL = b'{"records":[', b"]}"


def bodies_of(batch: Sequence[Record], max_records: int, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Records in bodies of a bounded size, and how many are in each.

    Args:
        batch: What happened, in order for each run.
        max_records: How many may be in one body.
        max_bytes: The size at which a body gets no further record.
    """
    encoded: list[bytes] = []
    described: set[int] = set()
    size = 0
    for item in batch:
        encoded.append(_encode_record(item, described))
        size += len(encoded[-1])
        if len(encoded) >= max_records or size >= max_bytes:
            yield len(encoded), body_of(encoded)
            encoded, size = [], 0
            described.clear()
    if encoded:
        yield len(encoded), body_of(encoded)


def body_of(encoded: Sequence[bytes]) -> bytes:
    """A batch of records that `encode_records` has encoded."""
    return _HEAD + b",".join(encoded) + _TAIL


def join_bodies(bodies: Iterable[bytes]) -> bytes:
    """One batch of several that `body_of` has made."""
    return body_of([body[len(_HEAD) : -len(_TAIL)] for body in bodies])


def _encode_record(item: Record, described: set[int]) -> bytes:
    sent: Struct
    if isinstance(item, TaskTransition):
        sent = _step(item, described)
    elif isinstance(item, Log):
        sent = _Log(
            item.id,
            item.name,
            item.level,
            item.message,
            item.timestamp,
            item.flow_run_id,
            item.task_run_id,
            item.worker_id,
        )
    else:
        sent = _Event(
            item.id, item.event, item.occurred, item.resource, item.related, item.payload, item.follows
        )
    try:
        body = _encode(sent)
    except Exception:  # half a surrogate pair, a payload that is not JSON, and whatever encoding it may run
        return encode_json(_plain(sent)).encode()
    return body if _NUL not in body else encode_json(_plain(sent)).encode()


def _step(item: TaskTransition, described: set[int]) -> _Step:
    run, state = item.run, item.state
    facts: _Facts | UUID = run.id
    if id(run) not in described:
        described.add(id(run))
        facts = _facts(run)
    name, data = state.name, state.data
    entered = _State(
        state.type,
        state.id,
        state.timestamp,
        None if name == DEFAULT_NAMES[state.type] else name,
        state.message,
        None if data is None else metadata_of(data),
        details_of(state.state_details),
    )
    return _Step(
        facts, entered, item.follows, item.run_count, item.start_time, item.end_time, item.total_run_time
    )


def _facts(run: TaskRun) -> _Facts:
    policy = run.empirical_policy
    return _Facts(
        run.id,
        run.name,
        run.task_key,
        run.dynamic_key,
        run.flow_run_id,
        run.flow_run_run_count,
        run.created,
        run.expected_start_time,
        run.task_version,
        None if policy == _NO_POLICY else policy,
        run.tags,
        run.labels,
        run.task_inputs,
        run.cache_key,
        run.cache_expiration,
    )


def _plain(sent: Struct) -> dict[str, Any]:
    """What is sent, without defaults, for an encoder that knows nothing of our Structs."""
    tag = sent.__struct_config__.tag
    fields: dict[str, Any] = {} if tag is None else {"kind": tag}
    for name, value in structs.asdict(sent).items():
        if value is not None:
            fields[name] = _plain(value) if isinstance(value, (_Facts, _State)) else value
    return fields


# --- Decoding --------------------------------------------------------------------------------------------------

_decode = msgspec.json.Decoder(RecordBatch).decode


def decode_batch(body: bytes) -> list[Record]:
    """The records in a body.

    Raises:
        msgspec.ValidationError: It is valid JSON of another shape; the message names the field.
        msgspec.DecodeError: It is no JSON.
    """
    return _decode(body).records  # type: ignore[return-value]  # each step has a TaskRun by now
