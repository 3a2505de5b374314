"""Flows in the store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select

from headrace.exceptions import ObjectNotFound
from headrace.schema.flows import Flow
from headrace.store import tables

flow = tables.flow


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
    row = conn.execute(select(flow).where(flow.c.name == name)).one_or_none()
    if row is not None:
        return _flow_of(row)
    made = Flow(name=name, created=now, updated=now, tags=list(tags), labels=labels or {})
    conn.execute(insert(flow).values({column.name: getattr(made, column.name) for column in flow.c}))
    return made


def read_flow(conn: Connection, flow_id: UUID) -> Flow:
    """The flow with that id.

    Raises:
        ObjectNotFound: There is none.
    """
    row = conn.execute(select(flow).where(flow.c.id == flow_id)).one_or_none()
    if row is None:
        raise ObjectNotFound(f"There is no flow with the id {flow_id}.")
    return _flow_of(row)


def read_flows(
    conn: Connection, *, names: Sequence[str] | None = None, limit: int = 200, offset: int = 0
) -> list[Flow]:
    """Flows by name.

    Args:
        names: Only these.
        limit: How many at most.
        offset: How many to leave out at the start.
    """
    query = select(flow).order_by(flow.c.name).limit(limit).offset(offset)
    if names is not None:
        query = query.where(flow.c.name.in_(names))
    return [_flow_of(row) for row in conn.execute(query)]


def count_flows(conn: Connection) -> int:
    """How many flows there are."""
    return conn.execute(select(func.count()).select_from(flow)).scalar_one()


def _flow_of(row: Row[Any]) -> Flow:
    return Flow(**row._mapping)
