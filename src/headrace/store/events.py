"""The event log as a feed: every transition of every run and every other event, in the order in which they were committed.

Transitions are kept in columns of their own and become events, with Prefect's names and labels, when they are read
(`transition_events`).
"""

from __future__ import annotations

from uuid import UUID

from headrace.schema.base import encode
from headrace.schema.events import Event
from headrace.store import cursors, states, transition_events
from headrace.store.columns import ID, INSTANT, PLAIN, Columns, json_of
from headrace.store.connection import Connection, Row
from headrace.store.cursors import Cursor

__all__ = ["SELECTION", "Cursor", "StoredEvent", "end_of_log", "is_held_back", "read_events"]

COLUMNS = Columns(
    seq=PLAIN,
    id=ID,
    occurred=INSTANT,
    received=INSTANT,
    follows=ID,
    run_kind=PLAIN,
    run_id=ID,
    flow_run_id=ID,
    run_count=PLAIN,
    event=PLAIN,
    resource=json_of(dict[str, str]),
    related=json_of(list[dict[str, str]]),
    payload=json_of(),
)

SELECTION = f"{COLUMNS.of('event')}, {transition_events.SELECTION}"
"""What `StoredEvent` takes, behind the transaction; the tables are `transition_events.TABLES`."""

_SEQ, _OCCURRED, _NAME, _RUN_KIND, _RESOURCE, _RELATED, _PAYLOAD = (
    1 + COLUMNS.names.index(name)
    for name in ("seq", "occurred", "event", "run_kind", "resource", "related", "payload")
)
_STATE_NAME = 1 + len(COLUMNS) + states.COLUMNS.names.index("state_name")


class StoredEvent:
    """An event and its place in the log.

    Of those that a follower reads most are not for it, which their names tell: the event itself is made when it is asked for
    (50 us for a transition).

    Args:
        row: Its transaction and `SELECTION`.
    """

    __slots__ = ("_body", "_event", "_row", "cursor", "name", "occurred", "size")

    cursor: Cursor
    """Ask for what is behind it to go on from here."""

    name: str
    """The event's name."""

    occurred: int
    """When it occurred, in microseconds since 1970."""

    size: int
    """The characters that it takes, roughly."""

    def __init__(self, row: Row) -> None:
        self._row: Row | None = row
        self._event: Event | None = None
        self._body: bytes | None = None
        self.cursor = Cursor(int(row[0]), row[_SEQ])
        self.occurred = row[_OCCURRED]
        name = row[_NAME]
        self.name = f"prefect.{row[_RUN_KIND]}.{row[_STATE_NAME]}" if name is None else name
        self.size = sum(len(row[place] or "") for place in (_RESOURCE, _RELATED, _PAYLOAD))

    @property
    def event(self) -> Event:
        """The event."""
        if self._row is not None:
            self._event, self._row = _event_of(self._row), None
        assert self._event is not None
        return self._event

    @property
    def body(self) -> bytes:
        """The event as JSON, which is made once for all who are sent it."""
        if self._body is None:
            self._body = encode(self.event)
        return self._body


def read_events(
    conn: Connection, *, after: Cursor = Cursor.START, run_id: UUID | None = None, limit: int | None = 200
) -> list[StoredEvent]:
    """Events in the order of the log.

    Args:
        after: Only those behind this place.
        run_id: Only transitions of this run.
        limit: How many at most; None for no limit.
    """
    matching = {} if run_id is None else {"run_id": run_id}
    rows = cursors.read_behind(conn, "event", SELECTION, transition_events.TABLES, after, limit, **matching)
    return [StoredEvent(row) for row in rows]


def end_of_log(conn: Connection) -> Cursor:
    """The place behind which everything is that is not yet in the log."""
    return cursors.end_of(conn, "event")


def is_held_back(conn: Connection) -> bool:
    """Whether events are stored that cannot be read yet; see `cursors.is_held_back`."""
    return cursors.is_held_back(conn, "event")


def _event_of(row: Row) -> Event:
    kept = COLUMNS.load(row[1:])
    if kept["event"] is None:
        return transition_events.event_of(kept, row[1 + len(COLUMNS) :])
    return Event(
        id=kept["id"],
        event=kept["event"],
        occurred=kept["occurred"],
        received=kept["received"] or kept["occurred"],
        follows=kept["follows"],
        resource=kept["resource"],
        related=kept["related"],
        payload=kept["payload"],
    )
