"""`ingest`: events that clients send, on their way to `record`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import structs

from headrace.schema.events import Event
from headrace.schema.runs import TaskRun
from headrace.schema.transitions import TaskTransition
from headrace.store.columns import id_of
from headrace.store.connection import Connection
from headrace.store.records import record

_BY_KEY = (
    "SELECT id FROM task_run WHERE flow_run_id = :flow_run AND task_key = :task AND dynamic_key = :call"
    " ORDER BY id = :id DESC LIMIT 1"
)

_Key = tuple[UUID | None, str, str]


def ingest(conn: Connection, batch: Sequence[TaskTransition | Event], *, received: datetime) -> None:
    """Store what clients report; what is stored already is passed over, and the order does not matter.

    Args:
        batch: Transitions of task runs, and other events.
        received: When the server got them (UTC).
    """
    record(conn, [*_under_known_ids(conn, batch)], received=received, whole=True)


def _under_known_ids(
    conn: Connection, batch: Sequence[TaskTransition | Event]
) -> Iterator[TaskTransition | Event]:
    """The batch, with transitions of runs that are stored under another id under that one.

    A run whose dynamic key counts the calls of a task in a flow run is the same run when the flow run is retried, whatever id
    the client gives it then. Other dynamic keys are unique by themselves, and are not looked up.
    """
    known: dict[_Key, UUID] = {}
    for item in batch:
        if not isinstance(item, TaskTransition) or not _is_counted(item.run):
            yield item
            continue
        run = item.run
        key = (run.flow_run_id, run.task_key, run.dynamic_key)
        if key not in known:
            known[key] = _id_by_key(conn, run)
        run_id = known[key]
        yield item if run_id == run.id else structs.replace(item, run=structs.replace(run, id=run_id))


def _is_counted(run: TaskRun) -> bool:
    return run.flow_run_id is not None and run.dynamic_key.isdecimal()


def _id_by_key(conn: Connection, run: TaskRun) -> UUID:
    found = conn.value(_BY_KEY, flow_run=run.flow_run_id, task=run.task_key, call=run.dynamic_key, id=run.id)
    return id_of(found) or run.id
