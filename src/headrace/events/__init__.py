"""Events: emit them from anywhere, and follow them as they happen.

from headrace.events import emit_event

emit_event("orders.arrived", {"prefect.resource.id": "shop.north"}, payload={"orders": 7})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.events.clients import get_events_client, get_events_subscriber
    from headrace.events.schemas.events import (
        Event,
        ReceivedEvent,
        RelatedResource,
        Resource,
        ResourceSpecification,
    )
    from headrace.events.utilities import emit_event

_SCHEMAS = ("Event", "ReceivedEvent", "RelatedResource", "Resource", "ResourceSpecification")
_HOMES = {
    **dict.fromkeys(_SCHEMAS, "headrace.events.schemas.events"),
    "emit_event": "headrace.events.utilities",
    "get_events_client": "headrace.events.clients",
    "get_events_subscriber": "headrace.events.clients",
}

__all__ = [
    "Event",
    "ReceivedEvent",
    "RelatedResource",
    "Resource",
    "ResourceSpecification",
    "emit_event",
    "get_events_client",
    "get_events_subscriber",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
