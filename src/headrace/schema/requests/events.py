"""What clients send about events."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from headrace.schema.base import Parameters, utc
from headrace.schema.events import Event
from headrace.schema.filters.events import EventFilter

__all__ = ["Countable", "EventCreate", "EventsCountBody", "EventsFilterBody", "TimeUnit"]


class Countable(StrEnum):
    """What events are counted by."""

    DAY = "day"
    TIME = "time"
    EVENT = "event"
    RESOURCE = "resource"


class TimeUnit(StrEnum):
    """The unit of the width of a bucket."""

    WEEK = "week"
    DAY = "day"
    HOUR = "hour"
    MINUTE = "minute"
    SECOND = "second"


class EventCreate(Event, kw_only=True):
    """An event of `POST /events`, whose body is a list of them, or of the socket for events.

    Unknown keys are ignored, so that newer clients can be heard. How many labels and related resources an event may
    have is a setting, and checked where settings are known.
    """

    id: UUID
    occurred: datetime

    def __post_init__(self) -> None:
        super().__post_init__()
        self.occurred = utc(self.occurred)
        self.received = None
        if not self.resource.get("prefect.resource.id"):
            raise ValueError("a resource needs the label 'prefect.resource.id'")
        for resource in self.related:
            if not resource.get("prefect.resource.id") or not resource.get("prefect.resource.role"):
                raise ValueError(
                    "a related resource needs the labels 'prefect.resource.id' and 'prefect.resource.role'"
                )


class EventsFilterBody(Parameters, kw_only=True):
    """`POST /events/filter`."""

    filter: EventFilter | None = None
    limit: Annotated[int, Meta(ge=0, le=50)] = 50


class EventsCountBody(Parameters, kw_only=True):
    """`POST /events/count-by/{countable}`.

    Args:
        time_unit: The unit of the width of a bucket.
        time_interval: The width, in that unit.
    """

    filter: EventFilter
    time_unit: TimeUnit = TimeUnit.DAY
    time_interval: Annotated[float, Meta(ge=0.01, le=1e6)] = 1.0
