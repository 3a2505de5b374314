"""Counts of events by what they are, what they happened to, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, desc, func, select

from headrace.exceptions import HeadraceException
from headrace.schema.filters.events import EventFilter
from headrace.schema.requests.events import TimeUnit
from headrace.schema.responses import EventCount
from headrace.store.connection import EPOCH, MICROSECOND, Connection, micros
from headrace.store.lists import queries
from headrace.store.lists.event_conditions import events_where, name_of, resource_id_of
from headrace.store.tables import event

__all__ = [
    "MAX_BUCKETS",
    "MAX_VALUES",
    "TooManyBuckets",
    "count_events_by_name",
    "count_events_by_resource",
    "count_events_by_time",
]

MAX_BUCKETS = 1_000
"""Buckets of time in one answer."""

MAX_VALUES = 1_000
"""Names or resources in one answer: those with the most events."""

WIDTHS = {
    TimeUnit.WEEK: timedelta(weeks=1),
    TimeUnit.DAY: timedelta(days=1),
    TimeUnit.HOUR: timedelta(hours=1),
    TimeUnit.MINUTE: timedelta(minutes=1),
    TimeUnit.SECOND: timedelta(seconds=1),
}

PIVOT = datetime(1970, 1, 5, tzinfo=UTC)
"""Where a bucket begins, whatever its width: a Monday, so that weeks begin with one."""

EARLIEST, LATEST = (micros(time.replace(tzinfo=UTC)) for time in (datetime.min, datetime.max))


class TooManyBuckets(HeadraceException):
    """The buckets are too narrow for the time that they are to cover."""

    status = 422


def count_events_by_name(conn: Connection, wanted: EventFilter) -> list[EventCount]:
    """How many events there are of each name, the most frequent first."""
    name = name_of()
    return [
        EventCount(value=value, label=value, count=count, start_time=_time(first), end_time=_time(last))
        for value, count, first, last in queries.rows(conn, _grouped(name, wanted))
    ]


def count_events_by_resource(conn: Connection, wanted: EventFilter) -> list[EventCount]:
    """How many events happened to each resource, those with the most first."""
    return [
        EventCount(value=value, label=value, count=count, start_time=_time(first), end_time=_time(last))
        for value, count, first, last in queries.rows(conn, _grouped(resource_id_of(), wanted))
    ]


def count_events_by_time(
    conn: Connection, wanted: EventFilter, *, unit: TimeUnit, interval: float
) -> list[EventCount]:
    """How many events occurred in each bucket of the time that the filter spans; buckets without any are among them.

    Args:
        wanted: Which events.
        unit: The unit of the width of a bucket.
        interval: The width, in that unit.

    Raises:
        TooManyBuckets: There would be more than `MAX_BUCKETS`.
    """
    width, pivot = max(1, WIDTHS[unit] * interval // MICROSECOND), micros(PIVOT)
    first = (micros(wanted.occurred.since) - pivot) // width
    last = (micros(wanted.occurred.until) - pivot) // width
    if last - first >= MAX_BUCKETS:
        raise TooManyBuckets(
            f"The given interval would create {last - first + 1} buckets, at most {MAX_BUCKETS} are answered: "
            "ask for wider ones, or for less time."
        )
    begin = pivot + first * width
    place = (event.c.occurred - begin) // width
    query: Select[Any] = select(place, func.count()).where(*events_where(wanted)).group_by(place)
    counts: dict[int, int] = dict(map(tuple, queries.rows(conn, query)))
    return [
        _bucket(number, begin + number * width, width, counts.get(number, 0))
        for number in range(last - first + 1)
    ]


def _bucket(number: int, start: int, width: int, count: int) -> EventCount:
    begins, ends = _time(start), _time(start + width - 1)
    return EventCount(
        value=str(number), label=begins.isoformat(), count=count, start_time=begins, end_time=ends
    )


def _grouped(value: ColumnElement[Any], wanted: EventFilter) -> Select[Any]:
    """Values with how many events have them, and when the first and the last of those occurred."""
    occurred = event.c.occurred
    counted = select(
        value.label("value"), func.count().label("count"), func.min(occurred), func.max(occurred)
    )
    frequent = counted.where(*events_where(wanted)).group_by("value").order_by(desc("count"), "value")
    return frequent.limit(MAX_VALUES)


def _time(microseconds: int) -> datetime:
    """The time in a bucket that is nearest to this one and in a year from 1 to 9999."""
    return EPOCH + min(max(microseconds, EARLIEST), LATEST) * MICROSECOND
