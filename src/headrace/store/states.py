"""States: how they are read back from the history, and the history of a run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from msgspec import structs
from sqlalchemy import Connection, RowMapping, select

from headrace.core.states import StateType
from headrace.schema.states import State
from headrace.store.tables import event

STATE_COLUMNS = [
    event.c.id.label("state__id"),
    event.c.occurred.label("state__timestamp"),
    event.c.state_type.label("state__type"),
    event.c.state_name.label("state__name"),
    event.c.message.label("state__message"),
    event.c.state_details.label("state__details"),
    event.c.state_data.label("state__data"),
    event.c.run_kind.label("state__run_kind"),
    event.c.run_id.label("state__run_id"),
    event.c.flow_run_id.label("state__flow_run_id"),
]
"""What of an event makes a state, under names that do not meet those of runs."""


def state_of(row: RowMapping) -> State[Any] | None:
    """The state in a row that has `STATE_COLUMNS`; None when the run has none."""
    if row["state__id"] is None:
        return None
    state: State[Any] = State(
        id=row["state__id"],
        type=StateType(row["state__type"]),
        name=row["state__name"],
        timestamp=row["state__timestamp"],
        message=row["state__message"],
        state_details=row["state__details"],
        data=row["state__data"],
    )
    is_task_run = row["state__run_kind"] == "task-run"
    return with_run_ids(state, row["state__flow_run_id"], row["state__run_id"] if is_task_run else None)


def with_run_ids(state: State[Any], flow_run_id: UUID | None, task_run_id: UUID | None) -> State[Any]:
    """`state` with the ids of its run in its details, where they are missing: they are stored beside them."""
    details = state.state_details
    flow_run_id, task_run_id = details.flow_run_id or flow_run_id, details.task_run_id or task_run_id
    if (flow_run_id, task_run_id) == (details.flow_run_id, details.task_run_id):
        return state
    details = structs.replace(details, flow_run_id=flow_run_id, task_run_id=task_run_id)
    return structs.replace(state, state_details=details)


def read_states(conn: Connection, run_id: UUID) -> list[State[Any]]:
    """The history of a flow run or task run, oldest first."""
    query = select(*STATE_COLUMNS).where(event.c.run_id == run_id).order_by(event.c.seq)
    return [state for row in conn.execute(query).mappings() if (state := state_of(row)) is not None]
