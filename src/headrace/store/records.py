"""`record`: the write path of what runs report about themselves.

Records arrive in batches from a recorder, each with an id of its own; one that is stored already is passed over, so a
batch may be sent again. Every transition becomes one event; of a task run's transitions in one batch only the last
makes a row of `task_run`, and it changes the stored one only forwards in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.transitions import TaskTransition
from headrace.store import rows
from headrace.store.bulk import Rows
from headrace.store.columns import micros

Record = TaskTransition | Log | Event


def record(
    conn: Connection,
    batch: Sequence[Record],
    *,
    received: datetime | None = None,
    metadata: rows.Metadata = rows.metadata_of,
) -> None:
    """Store records; those whose id is stored already are passed over.

    Args:
        batch: What happened, in order for each run.
        received: When the store got them (UTC); None when that is as good as when they happened.
        metadata: What to store of a state's data, JSON-able; None for nothing.
    """
    received_at = None if received is None else micros(received)
    steps, task_runs, logs, events = Rows(), Rows(), Rows(), Rows()
    last: dict[bytes, TaskTransition] = {}
    for item in batch:
        if isinstance(item, TaskTransition):
            run_id = item.run.id.int.to_bytes(16, "big")
            rows.add_step(steps, item, run_id, received_at, metadata)
            previous = last.get(run_id)
            if previous is None or _is_later(item, previous):
                last[run_id] = item
        elif isinstance(item, Log):
            rows.add_log(logs, item)
        else:
            rows.add_event(events, item, received_at)
    for run_id, step in last.items():
        rows.add_task_run(task_runs, step, run_id)
    rows.STEPS.execute(conn, steps)
    rows.TASK_RUNS.execute(conn, task_runs)
    rows.LOGS.execute(conn, logs)
    rows.EVENTS.execute(conn, events)


def _is_later(step: TaskTransition, other: TaskTransition) -> bool:
    """Whether `step` came after `other`; where the clock was set back in between, the chain tells."""
    return step.state.timestamp >= other.state.timestamp or step.follows == other.state.id
