"""States: how they are read back from the history, and the history of a run."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from msgspec import structs

from headrace.exceptions import ObjectNotFound
from headrace.schema.states import State, StateDetails
from headrace.store.columns import ID, INSTANT, PLAIN, STATE_TYPE, Columns, json_of
from headrace.store.connection import Connection, Row

RunKind = Literal["flow-run", "task-run"]

COLUMNS = Columns(
    id=ID,
    occurred=INSTANT,
    state_type=STATE_TYPE,
    state_name=PLAIN,
    message=PLAIN,
    state_details=json_of(StateDetails),
    state_data=json_of(Any, nullable=True),
    run_kind=PLAIN,
    run_id=ID,
    flow_run_id=ID,
)
"""What of an event makes a state."""


def state_of(row: Row) -> State[Any] | None:
    """The state in a row that begins with `COLUMNS`; None when the run has none."""
    if row[0] is None:
        return None
    kept = COLUMNS.load(row)
    state: State[Any] = State(
        id=kept["id"],
        type=kept["state_type"],
        name=kept["state_name"],
        timestamp=kept["occurred"],
        message=kept["message"],
        state_details=kept["state_details"],
        data=kept["state_data"],
    )
    return with_run_ids(
        state, kept["flow_run_id"], kept["run_id"] if kept["run_kind"] == "task-run" else None
    )


def with_run_ids(state: State[Any], flow_run_id: UUID | None, task_run_id: UUID | None) -> State[Any]:
    """`state` with the ids of its run in its details, where they are missing: they are stored beside them."""
    details = state.state_details
    flow_run_id, task_run_id = details.flow_run_id or flow_run_id, details.task_run_id or task_run_id
    if (flow_run_id, task_run_id) == (details.flow_run_id, details.task_run_id):
        return state
    details = structs.replace(details, flow_run_id=flow_run_id, task_run_id=task_run_id)
    return structs.replace(state, state_details=details)


def read_states(conn: Connection, run_id: UUID, run_kind: RunKind | None = None) -> list[State[Any]]:
    """The history of a run, oldest first: in the order of time, which is not always that of arrival.

    Args:
        run_id: The run.
        run_kind: `flow-run` or `task-run`, for a run that is stored: there is no history then of one that is of the other
            kind or was deleted. None for any run.
    """
    stored = "" if run_kind is None else _is_stored(run_kind)
    query = f"SELECT {COLUMNS.of('event')} FROM event WHERE run_id = :run{stored} ORDER BY occurred, event.id"
    return [state for row in conn.rows(query, run=run_id) if (state := state_of(row)) is not None]


def read_state(conn: Connection, state_id: UUID, run_kind: RunKind) -> State[Any]:
    """The state with that id.

    Args:
        run_kind: `flow-run` or `task-run`.

    Raises:
        ObjectNotFound: No run of that kind that is stored has been in such a state.
    """
    query = f"SELECT {COLUMNS.of('event')} FROM event WHERE id = :id{_is_stored(run_kind)}"
    row = conn.row(query, id=state_id)
    state = None if row is None else state_of(row)
    if state is None:
        raise ObjectNotFound(f"There is no {run_kind.replace('-', ' ')} state with the id {state_id}.")
    return state


def _is_stored(run_kind: RunKind) -> str:
    """The condition on an event that it is a transition of a run of that kind, and the run is stored."""
    table = run_kind.replace("-", "_")
    run = f"SELECT 1 FROM {table} WHERE {table}.id = event.run_id"
    return f" AND run_kind = '{run_kind}' AND EXISTS ({run})"
