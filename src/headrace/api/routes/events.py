"""Events."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Router, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from headrace.api.bridge import Bridge
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import InvalidRequest, Refusal
from headrace.api.intake import commit, problem_with, record_of
from headrace.api.json_body import ACCEPTS_NUL
from headrace.api.page_tokens import PageToken, open_token, seal
from headrace.api.problems import Problem
from headrace.schema.base import encode
from headrace.schema.filters.events import EventFilter
from headrace.schema.requests.events import (
    Countable,
    EventCreate,
    EventsCountBody,
    EventsFilterBody,
    TimeUnit,
)
from headrace.schema.responses import EventCount, EventPage
from headrace.settings.server import ServerEventsSettings
from headrace.store.connection import Connection
from headrace.store.events import StoredEvent
from headrace.store.ingestion import ingest
from headrace.store.lists.event_counts import (
    TooManyBuckets,
    count_events_by_name,
    count_events_by_resource,
    count_events_by_time,
)
from headrace.store.lists.events import Place, count_events, read_events_where

__all__ = ["router"]


# --- Reporting -------------------------------------------------------------------------------------------------


@post("/events", status_code=204, opt=ACCEPTS_NUL)
async def create_events(
    data: JSONBody[list[EventCreate]], store: InjectedStore, settings: InjectedSettings
) -> None:
    """Store events; those whose id is stored already are passed over."""
    for index, event in enumerate(data):
        _check(index, event, settings.server.events)
    await commit(store, ingest, [record_of(event) for event in data])


def _check(index: int, event: EventCreate, limits: ServerEventsSettings) -> None:
    size = len(encode(event))
    if size > limits.maximum_size_bytes:
        raise Refusal(
            413,
            f"Event {index} of the request has {size} bytes; at most {limits.maximum_size_bytes} are allowed "
            "(HEADRACE_SERVER_EVENTS_MAXIMUM_SIZE_BYTES). Put what is large elsewhere, and refer to it in the payload.",
        )
    if problem := problem_with(event, limits):
        raise InvalidRequest([Problem("value_error", ["body", index], problem)])


# --- Pages -----------------------------------------------------------------------------------------------------


@post("/events/filter", status_code=200)
async def list_events(
    request: Request[Any, Any, Any],
    store: InjectedStore,
    data: JSONBody[EventsFilterBody | None] = None,
) -> EventPage:
    """The first page of the events that meet a filter, the newest first unless it says otherwise."""
    body = data or EventsFilterBody()
    wanted = body.filter or EventFilter()

    def read(conn: Connection) -> tuple[list[StoredEvent], int]:
        return read_events_where(conn, wanted, limit=body.limit), count_events(conn, wanted)

    events, total = await store.read(read)
    more = 0 < len(events) < total
    last = PageToken(wanted, body.limit, total, Place.of(events[-1])) if more else None
    return await _page(request, store, events, total, last)


@get("/events/filter/next")
async def list_next_events(
    request: Request[Any, Any, Any],
    store: InjectedStore,
    page_token: Annotated[str, QueryParameter(name="page-token")],
) -> EventPage:
    """The page after another, as that one names it."""
    token = await open_token(page_token, store)
    # One more than the page has tells whether there is another.
    found = await store.read(
        lambda conn: read_events_where(conn, token.filter, limit=token.limit + 1, after=token.last)
    )
    events = found[: token.limit]
    last = None
    if len(found) > token.limit:
        last = PageToken(token.filter, token.limit, token.total, Place.of(events[-1]))
    return await _page(request, store, events, token.total, last)


async def _page(
    request: Request[Any, Any, Any],
    store: Bridge,
    events: list[StoredEvent],
    total: int,
    last: PageToken | None,
) -> EventPage:
    address = None
    if last is not None:
        here, path, _ = str(request.url).partition("/events/filter")
        address = f"{here}{path}/next?page-token={await seal(last, store)}"
    return EventPage(events=[stored.event for stored in events], total=total, next_page=address)


# --- Counts ----------------------------------------------------------------------------------------------------


@post("/events/count-by/{countable:str}", status_code=200)
async def count_by(
    countable: FromPath[str], data: JSONBody[EventsCountBody], store: InjectedStore
) -> list[EventCount]:
    """How many events there are by name or by resource, the most frequent first, or by time, or by day.

    By name and by resource, at most a thousand are answered.
    """
    by = _countable(countable)
    wanted = data.filter

    def count(conn: Connection) -> list[EventCount]:
        match by:
            case Countable.EVENT:
                return count_events_by_name(conn, wanted)
            case Countable.RESOURCE:
                return count_events_by_resource(conn, wanted)
            case Countable.DAY:
                return count_events_by_time(conn, wanted, unit=TimeUnit.DAY, interval=1)
            case Countable.TIME:
                return count_events_by_time(conn, wanted, unit=data.time_unit, interval=data.time_interval)

    try:
        return await store.read(count)
    except TooManyBuckets as error:
        raise Refusal(422, str(error)) from error


def _countable(text: str) -> Countable:
    try:
        return Countable(text)
    except ValueError:
        expected = ", ".join(repr(each.value) for each in Countable)
        problem = Problem("enum", ["path", "countable"], f"Expected one of {expected}.", text)
        raise InvalidRequest([problem]) from None


# Not a collection of which each has a page of its own: its path has no slash at the end.
router = Router(
    path="/", route_handlers=[create_events, list_events, list_next_events, count_by], tags=["Events"]
)
