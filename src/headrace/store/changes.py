"""What has changed, in brief: of which runs there are new events or log lines, but not what they say.

Who shows something needs to know no more than that: it reads what it shows anew. That costs a hundredth of telling it each event.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final, Literal
from uuid import UUID

from headrace.store import cursors
from headrace.store.columns import id_of
from headrace.store.connection import Connection, Row
from headrace.store.cursors import Cursor

__all__ = ["Change", "read_changes", "read_log_changes"]

RunKind = Literal["flow-run", "task-run"]

_KINDS: Final[tuple[RunKind, ...]] = ("flow-run", "task-run")
_DELETED = "event.event IN ('prefect.flow-run.deleted', 'prefect.task-run.deleted')"
_EVENTS = (
    "event.seq, event.run_kind, event.flow_run_id, event.run_id,"
    f" CASE WHEN {_DELETED} THEN event.resource_id END"
)
_LOGS = "log.seq, NULL, log.flow_run_id, log.task_run_id, NULL"


class Change:
    """There is an event, or a log line.

    Args:
        row: Its transaction and number, the kind of the run that has entered a state, and the ids of the runs; last, of the
            deletion of a run, the run as events call it.
    """

    __slots__ = ("_flow_run_id", "_run_id", "cursor", "kind")

    size = 1

    kind: RunKind | None
    """The kind of the run that has entered a state, or is gone; None of a log line, and of events of other kinds."""

    def __init__(self, row: Row) -> None:
        self.cursor = Cursor(int(row[0]), row[1])
        _, _, self.kind, self._flow_run_id, self._run_id, deleted = row
        if deleted is not None:
            self._deletion_of(deleted)

    @property
    def flow_run_id(self) -> UUID | None:
        """The flow run that it belongs to."""
        return id_of(self._flow_run_id)

    @property
    def run_id(self) -> UUID | None:
        """The run that has entered a state, or is gone; of a log line the task run."""
        return id_of(self._run_id)

    def _deletion_of(self, resource: str) -> None:
        for kind in _KINDS:
            if not resource.startswith(f"prefect.{kind}."):
                continue
            with suppress(ValueError):  # anybody may send an event of that name
                self._run_id = UUID(resource.removeprefix(f"prefect.{kind}."))
                self._flow_run_id = self._run_id if kind == "flow-run" else None
                self.kind = kind


def read_changes(conn: Connection, *, after: Cursor, limit: int) -> list[Change]:
    """What has changed with the events behind a place, in the order of the log.

    Args:
        after: The place.
        limit: How many at most.
    """
    return list(map(Change, cursors.read_behind(conn, "event", _EVENTS, "event", after, limit)))


def read_log_changes(conn: Connection, *, after: Cursor, limit: int) -> list[Change]:
    """What has changed with the log lines behind a place, in the order in which they were committed.

    Args:
        after: The place.
        limit: How many at most.
    """
    return list(map(Change, cursors.read_behind(conn, "log", _LOGS, "log", after, limit)))
