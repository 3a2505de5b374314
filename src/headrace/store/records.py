"""`record`: the write path of what runs report about themselves.

Records arrive in batches from a recorder, each with an id of its own; one that is stored already is passed over, so a
batch may be sent again. Every transition becomes one event; of a task run's transitions in one batch only the last
makes a row of `task_run`, and it changes the stored one only forwards in time.

The order of a run's transitions is that of their time, and of their ids where that is the same: it is known from the
transitions alone, so batches may come late, twice and in any order, and the rows are the same in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from headrace.schema.events import Event
from headrace.schema.logs import Log
from headrace.schema.states import metadata_of
from headrace.schema.transitions import TaskTransition
from headrace.store import rows
from headrace.store.bulk import Rows
from headrace.store.connection import Connection, micros

Record = TaskTransition | Log | Event


def record(
    conn: Connection,
    batch: Sequence[Record],
    *,
    received: datetime | None = None,
    metadata: rows.Metadata = metadata_of,
    whole: bool = False,
) -> None:
    """Store records; those whose id is stored already are passed over.

    Args:
        batch: What happened.
        received: When the store got them (UTC); None when that is as good as when they happened.
        metadata: What to store of a state's data, JSON-able; None for nothing.
        whole: Replace all that is stored of a task run. Its name, tags and so on are the same with each transition when our
            engine reports it, and need not be written where a batch has none; of others that is not known.
    """
    received_at = None if received is None else micros(received)
    steps, task_runs, logs, events = Rows(), Rows(), Rows(), Rows()
    last: dict[bytes, TaskTransition] = {}
    for item in batch:
        if isinstance(item, TaskTransition):
            run_id = item.run.id.int.to_bytes(16, "big")
            rows.add_step(steps, item, run_id, received_at, metadata)
            previous = last.get(run_id)
            if previous is None or _place(item) > _place(previous):
                last[run_id] = item
        elif isinstance(item, Log):
            rows.add_log(logs, item)
        else:
            rows.add_event(events, item, received_at)
    for run_id, step in last.items():
        rows.add_task_run(task_runs, step, run_id, whole)
    rows.STEPS.execute(conn, steps)
    rows.TASK_RUNS.execute(conn, task_runs)
    rows.LOGS.execute(conn, logs)
    rows.EVENTS.execute(conn, events)


def _place(step: TaskTransition) -> tuple[datetime, UUID]:
    """Where a transition is among those of its run."""
    return step.state.timestamp, step.state.id
