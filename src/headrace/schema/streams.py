"""Messages on the WebSockets for events and log lines out."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, structs

from headrace.schema.filters.events import END_OF_TIME, EventFilter
from headrace.schema.filters.logs import LogFilter

__all__ = ["Subscription", "event_filter_of", "log_filter_of"]


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
