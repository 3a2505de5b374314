"""Lists of events. They are written by `records.record`; who follows the log as it grows reads `store.events`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Boolean, ColumnElement, Select, func, literal_column, select, tuple_

from headrace.schema.filters.events import EventFilter, EventOrder
from headrace.store import transition_events
from headrace.store.connection import Connection, Dialect
from headrace.store.cursors import Cursor, transaction_of
from headrace.store.events import SELECTION, StoredEvent
from headrace.store.lists import queries
from headrace.store.lists.event_conditions import events_where, resource_id_of, sorted_by
from headrace.store.tables import event

__all__ = ["Place", "count_events", "events_query", "read_events_where"]


class Place(NamedTuple):
    """Where an event is in a list.

    Args:
        occurred: When it occurred, in microseconds since 1970.
        seq: Its number, which settles ties.
    """

    occurred: int
    seq: int

    @classmethod
    def of(cls, stored: StoredEvent) -> Place:
        """The place of an event."""
        return cls(stored.occurred, stored.cursor.seq)


def read_events_where(
    conn: Connection,
    wanted: EventFilter,
    *,
    limit: int,
    after: Place | None = None,
    until: Cursor | None = None,
) -> list[StoredEvent]:
    """Events by the time at which they occurred, in the filter's order.

    Args:
        wanted: Which, and in which order.
        limit: How many at most.
        after: Only those that come after this place in the list.
        until: Only those up to this place in the log: who goes on with what is behind it misses none and gets none twice.
    """
    if limit == 0:
        return []
    found = queries.compiled(
        events_query(wanted, conn.dialect, limit=limit, after=after, until=until), conn.dialect
    )
    direction = wanted.order.value
    rows = conn.rows(
        f"SELECT {transaction_of('event', conn.dialect)}, {SELECTION} FROM {transition_events.TABLES}"
        f" WHERE event.seq IN ({found.sql}) ORDER BY event.occurred {direction}, event.seq {direction}",
        **found.parameters,
    )
    return [StoredEvent(row) for row in rows]


def count_events(conn: Connection, wanted: EventFilter) -> int:
    """How many events there are in the list."""
    return queries.count(conn, _numbers(wanted, list(events_where(wanted))))


def events_query(
    wanted: EventFilter,
    dialect: Dialect,
    *,
    limit: int,
    after: Place | None = None,
    until: Cursor | None = None,
) -> Select[Any]:
    """The query of the numbers of the events that `read_events_where` reads."""
    conditions = list(events_where(wanted))
    if until is not None:
        conditions.append(_is_up_to(until, dialect))
    query = _numbers(wanted, conditions)
    occurred, seq = query.selected_columns.occurred, query.selected_columns.seq
    ascending = wanted.order is EventOrder.ASC
    if after is not None:
        place, start = tuple_(occurred, seq), tuple_(*after)
        query = query.where(place > start if ascending else place < start)
    order = [column.asc() if ascending else column.desc() for column in (occurred, seq)]
    return query.with_only_columns(seq).order_by(*order).limit(limit)


def _numbers(wanted: EventFilter, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """The events that meet the conditions: when they occurred, and their numbers."""
    events: Select[Any] = select(sorted_by(wanted).label("occurred"), event.c.seq).where(*conditions)
    if wanted.resource is None or not wanted.resource.distinct:
        return events
    ascending = wanted.order is EventOrder.ASC
    first = func.row_number().over(
        partition_by=resource_id_of(),
        order_by=[column.asc() if ascending else column.desc() for column in (event.c.occurred, event.c.seq)],
    )
    ranked = events.add_columns(first.label("place")).subquery()
    return select(ranked.c.occurred, ranked.c.seq).where(ranked.c.place == 1)


def _is_up_to(cursor: Cursor, dialect: Dialect) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return event.c.seq <= cursor.seq
    # SQLAlchemy knows no transaction numbers; these are whole ones, so nothing needs quoting.
    place = f"('{int(cursor.transaction)}'::xid8, {int(cursor.seq)})"
    return literal_column(f"(event.xid, event.seq) <= {place}", Boolean())
