"""Deleting runs and flows, with what belongs to them.

With a flow run go its task runs, its log lines, its inputs and its lease; subflow runs stay, without a parent. There may be a
million of those rows, so a deletion takes as many transactions as it needs, each of a bounded size: a verb here does one
and says whether anything is left. The run itself goes last, in a transaction that finds nothing else of it, so that a
deletion that was broken off is done again from the outside, as if it had not been begun.

    while not store.write(lambda conn: delete_flow_run(conn, run_id, now=now())):
        pass

The event log is history and keeps what it has: the transitions of runs that are gone, and for each deletion an event
`prefect.flow-run.deleted` or `prefect.task-run.deleted`, which tells a deleted run from a lost one.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from headrace.exceptions import ObjectNotFound
from headrace.schema.events import Event
from headrace.store.columns import id_of
from headrace.store.connection import Connection
from headrace.store.records import record

__all__ = ["BATCH", "delete_flow", "delete_flow_run", "delete_task_run"]

BATCH = 2_000
"""Rows that one transaction deletes."""

_LOGS_OF_FLOW_RUN = "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE flow_run_id = :run LIMIT :most)"
_LOGS_OF_TASK_RUN = "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE task_run_id = :run LIMIT :most)"

_TASK_RUNS = "SELECT id FROM task_run WHERE flow_run_id = :run ORDER BY id LIMIT :most"
_ORPHAN_SUBFLOWS = f"UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id IN ({_TASK_RUNS})"
_DELETE_TASK_RUNS = f"DELETE FROM task_run WHERE id IN ({_TASK_RUNS})"


def delete_flow_run(conn: Connection, run_id: UUID, *, now: datetime, most: int = BATCH) -> bool:
    """Delete a flow run with what belongs to it, or as much of that as goes into one transaction.

    Args:
        run_id: The run.
        now: The time (UTC).
        most: Rows to delete at most.

    Returns:
        Whether the run is gone; call again if it is not.

    Raises:
        ObjectNotFound: There is no such run.
    """
    name = conn.value("SELECT name FROM flow_run WHERE id = :run" + conn.for_update, run=run_id)
    if name is None:
        raise ObjectNotFound(f"There is no flow run with the id {run_id}.")
    if _delete_contents(conn, run_id, most) == most:
        return False
    _delete_emptied(conn, run_id, name, now)
    return True


def delete_flow(conn: Connection, flow_id: UUID, *, now: datetime, most: int = BATCH) -> bool:
    """Delete a flow with all its runs, or as much of that as goes into one transaction.

    Arguments, result and errors are as of `delete_flow_run`.
    """
    if conn.value("SELECT id FROM flow WHERE id = :flow" + conn.for_update, flow=flow_id) is None:
        raise ObjectNotFound(f"There is no flow with the id {flow_id}.")
    while most > 0:
        run = conn.row("SELECT id, name FROM flow_run WHERE flow_id = :flow LIMIT 1", flow=flow_id)
        if run is None:
            conn.execute("DELETE FROM flow WHERE id = :flow", flow=flow_id)
            return True
        run_id = id_of(run[0])
        assert run_id is not None
        most -= _delete_contents(conn, run_id, most) + 1
        if most >= 0:
            _delete_emptied(conn, run_id, run[1], now)
    return False


def delete_task_run(conn: Connection, run_id: UUID, *, now: datetime, most: int = BATCH) -> bool:
    """Delete a task run with its log lines. Arguments, result and errors are as of `delete_flow_run`."""
    name = conn.value("SELECT name FROM task_run WHERE id = :run" + conn.for_update, run=run_id)
    if name is None:
        raise ObjectNotFound(f"There is no task run with the id {run_id}.")
    if conn.execute(_LOGS_OF_TASK_RUN, run=run_id, most=most) == most:
        return False
    conn.execute("UPDATE flow_run SET parent_task_run_id = NULL WHERE parent_task_run_id = :run", run=run_id)
    conn.execute("DELETE FROM task_run WHERE id = :run", run=run_id)
    _record(conn, "task-run", run_id, name, now)
    return True


def _delete_contents(conn: Connection, run_id: UUID, most: int) -> int:
    """Delete log lines and task runs of a flow run, `most` rows together. Returns how many it were."""
    logs = conn.execute(_LOGS_OF_FLOW_RUN, run=run_id, most=most)
    conn.execute(_ORPHAN_SUBFLOWS, run=run_id, most=most - logs)
    return logs + conn.execute(_DELETE_TASK_RUNS, run=run_id, most=most - logs)


def _delete_emptied(conn: Connection, run_id: UUID, name: str, now: datetime) -> None:
    """Delete a flow run that has neither log lines nor task runs any more."""
    conn.execute("DELETE FROM flow_run_input WHERE flow_run_id = :run", run=run_id)
    conn.execute("DELETE FROM lease WHERE run_id = :run", run=run_id)
    conn.execute("DELETE FROM flow_run WHERE id = :run", run=run_id)
    _record(conn, "flow-run", run_id, name, now)


def _record(conn: Connection, kind: str, run_id: UUID, name: str, now: datetime) -> None:
    resource = {"prefect.resource.id": f"prefect.{kind}.{run_id}", "prefect.resource.name": name}
    record(conn, [Event(event=f"prefect.{kind}.deleted", resource=resource, occurred=now)])
