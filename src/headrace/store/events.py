"""The event log: every transition of every run and every other event, in the order in which they were committed.

A reader keeps the number of the last event that it has seen, and asks for those after it: a cursor. Transitions are kept in
columns of their own and become events, with Prefect's names and labels, when they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from headrace.schema.base import encode
from headrace.schema.events import Event
from headrace.store.states import STATE_COLUMNS, state_of
from headrace.store.tables import event
from headrace.store.where import DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and its place in the log.

    Args:
        seq: Grows with every event; ask for those after it to go on from here.
        event: The event.
    """

    seq: int
    event: Event


def read_events(
    conn: Connection, *, after: int = 0, run_id: UUID | None = None, limit: int | None = DEFAULT_LIMIT
) -> list[StoredEvent]:
    """Events in the order of the log.

    Args:
        after: Only those behind this place.
        run_id: Only transitions of this run.
        limit: How many at most; None for no limit.
    """
    others = [column for column in event.c if column.name not in ("state_details", "state_data")]
    query = select(*others, *STATE_COLUMNS).where(event.c.seq > after).order_by(event.c.seq).limit(limit)
    if run_id is not None:
        query = query.where(event.c.run_id == run_id)
    return [StoredEvent(row["seq"], _event_of(row)) for row in conn.execute(query).mappings()]


def last_seq(conn: Connection) -> int:
    """The place of the newest event; 0 when there is none."""
    newest: int | None = conn.execute(select(func.max(event.c.seq))).scalar_one()
    return newest or 0


def _event_of(row: RowMapping) -> Event:
    received = row["received"] or row["occurred"]
    if row["event"] is None:
        return _transition_of(row, received)
    return Event(
        id=row["id"],
        event=row["event"],
        occurred=row["occurred"],
        received=received,
        follows=row["follows"],
        resource=row["resource"],
        related=row["related"],
        payload=row["payload"],
    )


def _transition_of(row: RowMapping, received: Any) -> Event:
    state, kind = state_of(row), row["run_kind"]
    assert state is not None
    resource = {
        "prefect.resource.id": f"prefect.{kind}.{row['run_id']}",
        "prefect.run-count": str(row["run_count"]),
        "prefect.state-message": state.message or "",
        "prefect.state-name": state.name or "",
        "prefect.state-timestamp": state.timestamp.isoformat(),
        "prefect.state-type": state.type.value,
    }
    related = []
    if kind == "task-run":
        resource["prefect.orchestration"] = "client"
        if row["flow_run_id"] is not None:
            related.append(
                {
                    "prefect.resource.id": f"prefect.flow-run.{row['flow_run_id']}",
                    "prefect.resource.role": "flow-run",
                }
            )
    return Event(
        id=row["id"],
        event=f"prefect.{kind}.{state.name}",
        occurred=row["occurred"],
        received=received,
        follows=row["follows"],
        resource=resource,
        related=related,
        payload={"validated_state": msgspec.json.decode(encode(state)), **row["payload"]},
    )
