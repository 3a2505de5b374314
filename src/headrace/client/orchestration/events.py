"""Verbs of events."""

from __future__ import annotations

from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, verb
from headrace.schema.filters.events import EventFilter
from headrace.schema.requests.events import EventsFilterBody
from headrace.schema.responses import EventPage


class EventVerbs(Verbs):
    """Verbs of events."""

    @verb
    def read_events(self, filter: EventFilter | None = None, limit: int = 50) -> Talk[EventPage]:
        """The first page of the events that meet a filter.

        Args:
            filter: Which events, and in which order.
            limit: How many on a page; servers allow 50.
        """
        body = EventsFilterBody(filter=filter, limit=limit)
        return (yield from self._call("POST", "/events/filter", body=body, into=EventPage))

    @verb
    def read_events_page(self, next_page_url: str) -> Talk[EventPage]:
        """The page that a page names as its next.

        Args:
            next_page_url: `next_page` of that page.
        """
        response = yield from self._exchange.request("GET", next_page_url)
        return self._decoded(response, EventPage)
