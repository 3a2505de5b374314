"""Messages on the WebSockets for events, log lines and changes out."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from headrace.schema.filters.events import END_OF_TIME, EventFilter
from headrace.schema.filters.logs import LogFilter

__all__ = ["Subscription", "Watched", "event_filter_of", "log_filter_of", "watched_of"]


class Subscription(Struct, kw_only=True):
    """What a client wants to be sent.

    Args:
        filter: Which events, or which lines.
        backfill: Send events first that are stored already.
        after: The place behind which to go on, as the server gave it with the last event; instead of a backfill.
    """

    filter: dict[str, Any]
    backfill: bool = True
    after: str | None = None


def event_filter_of(subscription: Subscription) -> EventFilter:
    """The filter of a subscription to events. One that names no end has none: it is about what is to come.

    Raises:
        msgspec.ValidationError: It does not fit.
    """
    wanted = msgspec.convert(subscription.filter, EventFilter)
    occurred = subscription.filter.get("occurred") or {}
    if occurred.get("until") is None:
        wanted.occurred = structs.replace(wanted.occurred, until=END_OF_TIME)
    return wanted


def log_filter_of(subscription: Subscription) -> LogFilter:
    """The filter of a subscription to log lines.

    Raises:
        msgspec.ValidationError: It does not fit.
    """
    return msgspec.convert(subscription.filter, LogFilter)


class Watched(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a client wants to be told the changes of.

    Args:
        of: Events of any kind; states of any flow run; those of a flow run and its task runs; those of a task run; the log
            lines of either.
        id: The run's id, where it is about one.
    """

    of: Literal["events", "flow-runs", "flow-run", "task-run", "flow-run-logs", "task-run-logs"]
    id: UUID | None = None

    def __post_init__(self) -> None:
        if (self.id is None) != (self.of in ("events", "flow-runs")):
            raise ValueError(f"{self.of!r} {'needs the id of a run' if self.id is None else 'takes no id'}")

    @property
    def is_logs(self) -> bool:
        """Whether it is about log lines."""
        return self.of.endswith("-logs")


def watched_of(subscription: Subscription) -> Watched:
    """What a subscription to changes is about.

    Raises:
        msgspec.ValidationError: It does not fit.
    """
    return msgspec.convert(subscription.filter, Watched)
