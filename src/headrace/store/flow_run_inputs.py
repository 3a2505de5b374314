"""What people and other runs have told flow runs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.store.columns import ID, INSTANT, PLAIN, Columns, id_of
from headrace.store.connection import Connection

__all__ = ["COLUMNS", "create_flow_run_input", "delete_flow_run_input", "read_flow_run_input"]

COLUMNS = Columns(
    id=ID, flow_run_id=ID, key=PLAIN, value=PLAIN, sender=PLAIN, created=INSTANT, updated=INSTANT
)

_CREATE = f"{COLUMNS.insertion('flow_run_input')} ON CONFLICT (flow_run_id, key) DO NOTHING"
_ONE = "flow_run_id = :run AND key = :key"


def create_flow_run_input(conn: Connection, given: FlowRunInput, *, now: datetime) -> None:
    """Store an input of a flow run.

    Raises:
        ObjectNotFound: There is no such flow run.
        ObjectAlreadyExists: The run has another input under that key.
    """
    if conn.value("SELECT id FROM flow_run WHERE id = :run", run=given.flow_run_id) is None:
        raise ObjectNotFound(f"There is no flow run with the id {given.flow_run_id}.")
    row = {**COLUMNS.dump(given), "created": now, "updated": now}
    if not conn.execute(_CREATE, **row):
        known = conn.value(
            f"SELECT id FROM flow_run_input WHERE {_ONE}", run=given.flow_run_id, key=given.key
        )
        if id_of(known) != given.id:  # else this command was executed before
            raise ObjectAlreadyExists("A flow run input with this key already exists.")


def read_flow_run_input(conn: Connection, run_id: UUID, key: str) -> FlowRunInput:
    """The input of a flow run under a key.

    Raises:
        ObjectNotFound: There is none.
    """
    sql = f"SELECT {COLUMNS.of('flow_run_input')} FROM flow_run_input WHERE {_ONE}"
    row = conn.row(sql, run=run_id, key=key)
    if row is None:
        raise ObjectNotFound(f"The flow run {run_id} has no input {key!r}.")
    return FlowRunInput(**COLUMNS.load(row))


def delete_flow_run_input(conn: Connection, run_id: UUID, key: str) -> None:
    """Delete the input of a flow run under a key.

    Raises:
        ObjectNotFound: There is none.
    """
    if not conn.execute(f"DELETE FROM flow_run_input WHERE {_ONE}", run=run_id, key=key):
        raise ObjectNotFound(f"The flow run {run_id} has no input {key!r}.")
