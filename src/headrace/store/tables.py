"""The schema of the store.

`event` is the history: one row for every transition of every run, and for every other event; rows are never changed.
`flow_run` and `task_run` are the current projection of it: `state_id` names the event that a run is at, and only what
lists filter or sort by is copied next to it. A state is read whole by joining `event`.

Writes are hot (a no-op task is four rows), so there are few indexes, and ids are UUIDv7: insertions go to the right
edge of every B-tree. A CHECK of `state_type` against the nine types would cost 3.4 us of 20 for such a task, so only
`flow_run` has one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    literal_column,
)

from headrace.core.states import StateType

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATE_TYPES = ", ".join(f"'{kind.value}'" for kind in StateType)

Id = LargeBinary(16).with_variant(Uuid(), "postgresql")
"""A UUID."""

Instant = BigInteger()
"""Microseconds since 1970 in UTC."""

Json = Text()
"""JSON, as msgspec writes it."""

Serial = BigInteger().with_variant(Integer(), "sqlite")
"""A number that grows with every row. SQLite counts by itself only where the type is exactly INTEGER."""


def _state_columns() -> tuple[Any, ...]:
    return (
        Column("state_id", Id),
        Column("state_type", Text),
        Column("state_name", Text),
        Column("state_timestamp", Instant),
    )


def _timing_columns() -> tuple[Any, ...]:
    return (
        Column("run_count", Integer, nullable=False),
        Column("expected_start_time", Instant),
        Column("start_time", Instant),
        Column("end_time", Instant),
        Column("total_run_time", Float, nullable=False),
    )


STARTED = "coalesce(start_time, expected_start_time)"
"""What lists sort by as the start: of a run that has not started, when it is to."""

ENDED = "coalesce(end_time, 0)"
"""What lists sort by as the end: runs that have not ended come last, whatever the database thinks of NULL."""

NEXT_SCHEDULED = f"coalesce(next_scheduled_start_time, {2**63 - 1})"
"""What lists sort by as the next start: runs without one come last."""


def _sorted_by(table: Table, *expressions: str) -> None:
    """Indexes for lists of runs in these orders; the id settles ties."""
    for expression in expressions:
        name = expression.removeprefix("coalesce(").partition(",")[0]
        Index(f"ix_{table.name}_{name}", literal_column(expression), table.c.id)


def _counted_by_state(table: Table) -> None:
    """The index for counts and lists of runs in some states."""
    Index(f"ix_{table.name}_state", table.c.state_type, table.c.state_name, table.c.expected_start_time)


flow = Table(
    "flow",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("tags", Json),
    Column("labels", Json),
    sqlite_with_rowid=False,
)

flow_run = Table(
    "flow_run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("flow_id", Id, ForeignKey("flow.id"), nullable=False),
    Column("flow_version", Text),
    Column("deployment_id", Id),
    Column("deployment_version", Text),
    Column("work_queue_id", Id),
    Column("work_pool_id", Id),
    Column("parent_task_run_id", Id),
    Column("idempotency_key", Text),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    *_state_columns(),
    *_timing_columns(),
    Column("next_scheduled_start_time", Instant),
    Column("auto_scheduled", Boolean, nullable=False),
    Column("infrastructure_document_id", Id),
    Column("infrastructure_pid", Text),
    Column("empirical_policy", Json),
    Column("parameters", Json),
    Column("context", Json),
    Column("tags", Json),
    Column("labels", Json),
    Column("created_by", Json),
    Column("job_variables", Json),
    CheckConstraint(f"state_type IN ({STATE_TYPES})", name="state_type"),
)
# As a constraint it would hold all runs, of which few have a key; so what it costs to keep the next index is saved here.
Index(
    "uq_flow_run_flow_id_idempotency_key",
    flow_run.c.flow_id,
    flow_run.c.idempotency_key,
    unique=True,
    sqlite_where=flow_run.c.idempotency_key.is_not(None),
)
Index("ix_flow_run_flow", flow_run.c.flow_id, flow_run.c.expected_start_time, flow_run.c.id)
Index("ix_flow_run_parent", flow_run.c.parent_task_run_id)
_sorted_by(flow_run, "name", "expected_start_time", STARTED, ENDED, NEXT_SCHEDULED)
_counted_by_state(flow_run)
Index(
    "ix_flow_run_deployment",
    flow_run.c.deployment_id,
    flow_run.c.expected_start_time,
    sqlite_where=flow_run.c.deployment_id.is_not(None),
)

flow_run_tag = Table(
    "flow_run_tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("flow_run_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)
"""Flow runs by their tags, or by as much of those as `MAX_NAME` says; triggers keep it (`schema.TRIGGERS`)."""

task_run = Table(
    "task_run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("flow_run_id", Id),
    Column("flow_run_run_count", Integer, nullable=False),
    Column("task_key", Text, nullable=False),
    Column("dynamic_key", Text, nullable=False),
    Column("task_version", Text),
    Column("cache_key", Text),
    Column("cache_expiration", Instant),
    Column("created", Instant, nullable=False),
    *_state_columns(),
    *_timing_columns(),
    Column("empirical_policy", Json),
    Column("task_inputs", Json),
    Column("tags", Json),
    Column("labels", Json),
    sqlite_with_rowid=False,
)
Index("ix_task_run_flow_run", task_run.c.flow_run_id, task_run.c.id)
Index("ix_task_run_start_time", task_run.c.start_time)
_sorted_by(task_run, "name", "expected_start_time", ENDED)
_counted_by_state(task_run)

task_run_tag = Table(
    "task_run_tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("task_run_id", Id, primary_key=True),
    sqlite_with_rowid=False,
)
"""The same of task runs."""

event = Table(
    "event",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    Column("occurred", Instant, nullable=False),
    Column("received", Instant),
    Column("follows", Id),
    # A transition of a run.
    Column("run_kind", Text),
    Column("run_id", Id),
    Column("flow_run_id", Id),
    Column("run_count", Integer),
    Column("state_type", Text),
    Column("state_name", Text),
    Column("message", Text),
    Column("state_details", Json),
    Column("state_data", Json),
    # Any other event.
    Column("event", Text),
    Column("resource_id", Text),
    Column("resource", Json),
    Column("related", Json),
    Column("payload", Json),
    CheckConstraint("(state_type IS NULL) <> (event IS NULL)", name="transition_or_event"),
    sqlite_autoincrement=True,
)
Index(
    "ix_event_run",
    event.c.run_id,
    event.c.seq,
    sqlite_where=event.c.run_id.is_not(None),
)
Index("ix_event_occurred", event.c.occurred)
Index(
    "ix_event_resource",
    event.c.resource_id,
    event.c.occurred,
    sqlite_where=event.c.resource_id.is_not(None),
)

Index(
    "ix_event_name",
    event.c.event,
    event.c.occurred,
    sqlite_where=event.c.event.is_not(None),
)
Index(
    "ix_event_flow_run_state",
    event.c.state_name,
    event.c.occurred,
    sqlite_where=literal_column("run_kind = 'flow-run'"),
)
Index(
    "ix_event_related",
    event.c.occurred,
    sqlite_where=event.c.related.is_not(None),
)

log = Table(
    "log",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", Id, nullable=False, unique=True),
    Column("timestamp", Instant, nullable=False),
    Column("level", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("flow_run_id", Id),
    Column("task_run_id", Id),
    Column("worker_id", Id),
    sqlite_autoincrement=True,
)
Index("ix_log_timestamp", log.c.timestamp, log.c.seq)
Index("ix_log_flow_run", log.c.flow_run_id, log.c.timestamp, log.c.seq)
Index(
    "ix_log_task_run",
    log.c.task_run_id,
    log.c.timestamp,
    log.c.seq,
    sqlite_where=log.c.task_run_id.is_not(None),
)

lease = Table(
    "lease",
    metadata,
    Column("run_id", Id, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text),
    Column("acquired", Instant),
    Column("expires", Instant),
    Column("host", Text),
    Column("pid", BigInteger),
    Column("pid_started", Text),
    CheckConstraint("token > 0", name="token"),
    CheckConstraint("(holder IS NULL) = (expires IS NULL)", name="held"),
    sqlite_with_rowid=False,
)
"""Who executes a run. A released lease keeps its row, without a holder, so that the next token is a greater one."""
Index(
    "ix_lease_expires",
    lease.c.expires,
    sqlite_where=lease.c.expires.is_not(None),
)

flow_run_input = Table(
    "flow_run_input",
    metadata,
    Column("id", Id, nullable=False),
    Column("flow_run_id", Id, ForeignKey("flow_run.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("sender", Text),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
)
"""What people and other runs have told a flow run."""

saved_search = Table(
    "saved_search",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("filters", Json),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
)
"""Filters of lists that somebody wants to find again."""

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Facts about the store itself."""
