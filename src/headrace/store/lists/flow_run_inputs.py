"""Lists of what flow runs were told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, literal_column, select

from headrace.schema.flow_run_inputs import FlowRunInput
from headrace.store.connection import Connection
from headrace.store.flow_run_inputs import COLUMNS
from headrace.store.lists import queries
from headrace.store.tables import flow_run_input


def read_flow_run_inputs(
    conn: Connection, run_id: UUID, *, prefix: str = "", exclude: Sequence[str] = (), limit: int
) -> list[FlowRunInput]:
    """Inputs of a flow run, the oldest first.

    Args:
        run_id: The run.
        prefix: How their keys begin.
        exclude: Keys to leave out.
        limit: How many at most.
    """
    given = flow_run_input.c
    inputs: Select[Any] = select(literal_column(COLUMNS.of("flow_run_input"))).select_from(flow_run_input)
    wanted = inputs.where(given.flow_run_id == run_id, given.key.not_in(exclude))
    if prefix:
        wanted = wanted.where(func.substr(given.key, 1, len(prefix)) == prefix)
    query = wanted.order_by(given.created, given.id).limit(limit)
    return [FlowRunInput(**COLUMNS.load(row)) for row in queries.rows(conn, query)]
