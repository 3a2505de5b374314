"""Lists of flows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, literal_column, select

from headrace.schema.flows import Flow
from headrace.schema.requests.scope import RunScope
from headrace.schema.sorting import FlowSort
from headrace.store.connection import Connection
from headrace.store.flows import COLUMNS
from headrace.store.lists import queries
from headrace.store.lists.limits import DEFAULT_LIMIT
from headrace.store.lists.where import flows_within, order
from headrace.store.tables import flow


def read_flows(
    conn: Connection,
    scope: RunScope | None = None,
    *,
    sort: FlowSort = FlowSort.NAME_ASC,
    limit: int | None = DEFAULT_LIMIT,
    offset: int = 0,
) -> list[Flow]:
    """Flows, by name unless `sort` says otherwise.

    Args:
        scope: Which; all when None.
        sort: Their order.
        limit: How many at most; None for no limit.
        offset: How many to leave out at the start.
    """
    flows: Select[Any] = (
        select(literal_column(COLUMNS.of("flow"))).select_from(flow).where(*flows_within(scope or RunScope()))
    )
    query = flows.order_by(*order(flow, sort)).limit(limit).offset(offset or None)
    return [Flow(**COLUMNS.load(row)) for row in queries.rows(conn, query)]


def count_flows(conn: Connection, scope: RunScope | None = None) -> int:
    """How many flows there are."""
    return queries.count(conn, select(flow.c.id).where(*flows_within(scope or RunScope())))
