"""Flows in the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from headrace.exceptions import ObjectNotFound
from headrace.schema.flows import Flow
from headrace.store.columns import ID, INSTANT, PLAIN, Columns, json_of
from headrace.store.connection import Connection

COLUMNS = Columns(
    id=ID, name=PLAIN, created=INSTANT, updated=INSTANT, tags=json_of(list[str]), labels=json_of()
)

_by_name = f"SELECT {COLUMNS.of('flow')} FROM flow WHERE name = :name"
_by_id = f"SELECT {COLUMNS.of('flow')} FROM flow WHERE id = :id"


def read_or_create_flow(
    conn: Connection,
    name: str,
    *,
    tags: Sequence[str] = (),
    labels: dict[str, Any] | None = None,
    now: datetime,
) -> Flow:
    """The flow of that name; it is made if there is none.

    Args:
        name: The flow's name, unique.
        tags: Its tags, if it is made.
        labels: Its labels, if it is made.
        now: The time (UTC).
    """
    known = find_flow(conn, name)
    if known is not None:
        return known
    made = Flow(name=name, created=now, updated=now, tags=list(tags), labels=labels or {})
    # Another process may make it at the same moment.
    if conn.execute(f"{COLUMNS.insertion('flow')} ON CONFLICT (name) DO NOTHING", **COLUMNS.dump(made)):
        return made
    return read_flow_by_name(conn, name)


def find_flow(conn: Connection, name: str) -> Flow | None:
    """The flow of that name, if there is one."""
    row = conn.row(_by_name, name=name)
    return None if row is None else Flow(**COLUMNS.load(row))


def read_flow_by_name(conn: Connection, name: str) -> Flow:
    """The flow of that name.

    Raises:
        ObjectNotFound: There is none.
    """
    known = find_flow(conn, name)
    if known is None:
        raise ObjectNotFound(f"There is no flow named {name!r}.")
    return known


def read_flow(conn: Connection, flow_id: UUID) -> Flow:
    """The flow with that id.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.row(_by_id, id=flow_id)
    if row is None:
        raise ObjectNotFound(f"There is no flow with the id {flow_id}.")
    return Flow(**COLUMNS.load(row))


def update_flow(
    conn: Connection, flow_id: UUID, *, now: datetime, tags: list[str] | UnsetType = UNSET
) -> None:
    """Change what is given of a flow.

    Raises:
        ObjectNotFound: There is no such flow.
    """
    changes = {} if tags is UNSET else {"tags": tags}
    sql = f"UPDATE flow SET {COLUMNS.changes([*changes, 'updated'])} WHERE id = :id"
    if not conn.execute(sql, id=flow_id, **COLUMNS.dump_some(changes), updated=now):
        raise ObjectNotFound(f"There is no flow with the id {flow_id}.")
