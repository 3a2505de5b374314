"""Pages of events, under the name that scripts import."""

from headrace.schema.responses import (
    EventPage,
)

__all__ = [
    "EventPage",
]
