"""What clients that listen are sent: events, log lines, or only that there are some.

A client says what it wants, and is sent what is stored already, if it wants that, and then whatever is committed, for as long
as it stays. With each event comes its place in the log: a client that has lost its connection says where it was and is sent
what comes behind it, no matter how long it was away.

Sending waits while the client does not read. It never loses anything by that; see `api.feed`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from headrace.api.bridge import Bridge
from headrace.api.feed import Feed
from headrace.api.sockets import BROKEN, POLICY, PROTOCOL, Gone, Peer
from headrace.exceptions import StoreError
from headrace.schema.base import encode, now
from headrace.schema.filters.events import EventFilter, EventOrder
from headrace.schema.filters.logs import LogFilter
from headrace.schema.filters.matching import event_passes, log_passes, name_passes
from headrace.schema.streams import Subscription, Watched, event_filter_of, log_filter_of, watched_of
from headrace.settings.server import ServerEventsSettings, ServerLogsSettings
from headrace.store.changes import Change
from headrace.store.cursors import Cursor
from headrace.store.events import StoredEvent, end_of_log
from headrace.store.lists.events import Place, read_events_where

__all__ = ["send_changes", "send_events", "send_logs"]

CHANGES_PAUSE = 0.1
"""Seconds between two messages that tell of changes."""

MOST_IDS = 200
"""Flow runs that are named in one message; of more it says only that there are some."""

F = TypeVar("F")

_log = logging.getLogger("headrace.api")


class Refused(Exception):
    """The client wants something that it cannot be given.

    Args:
        code: The close code.
        reason: Why.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def send_events(peer: Peer, store: Bridge, feed: Feed, settings: ServerEventsSettings) -> None:
    """Send a client the events that it wants, until it leaves."""

    async def send(subscription: Subscription, wanted: EventFilter) -> None:
        wanted.order = EventOrder.ASC
        async with feed.events.opened() as end:
            if subscription.after is not None:
                end = await _place(subscription.after, store)
            elif subscription.backfill:
                _clamp(wanted, settings.maximum_websocket_backfill)
                async for page in _backfill(store, wanted, end, settings.websocket_backfill_page_size):
                    await _send_events(peer, page)
            async for page in feed.events.follow(end):
                await _send_events(peer, [stored for stored in page if _passes(wanted, stored)])

    await _serve(peer, settings.stream_out_enabled, event_filter_of, send)


async def send_logs(peer: Peer, feed: Feed, settings: ServerLogsSettings) -> None:
    """Send a client the log lines that it wants and that are recorded from now on, until it leaves."""

    async def send(_: Subscription, wanted: LogFilter) -> None:
        async with feed.logs.opened() as end:
            async for page in feed.logs.follow(end):
                for stored in page:
                    if log_passes(wanted, stored.log):
                        await peer.send(f'{{"type":"log","log":{stored.body.decode()}}}')

    await _serve(peer, settings.stream_out_enabled, log_filter_of, send)


async def send_changes(peer: Peer, feed: Feed) -> None:
    """Tell a client that there are events or log lines of what it watches, at most every `CHANGES_PAUSE`, until it leaves."""

    async def send(_: Subscription, watched: Watched) -> None:
        tail = feed.log_changes if watched.is_logs else feed.changes
        async with tail.opened() as end:
            await peer.send('{"type":"watching"}')
            while True:
                changes, end = await tail.behind(end)
                if changes is not None:
                    changes = [change for change in changes if _concerns(watched, change)]
                if changes is None or changes:
                    await peer.send(_message_of(changes))
                    await asyncio.sleep(CHANGES_PAUSE)

    await _serve(peer, True, watched_of, send)


def _concerns(watched: Watched, change: Change) -> bool:
    match watched.of:
        case "events":
            return True
        case "flow-runs":
            return change.kind == "flow-run"
        case "flow-run" | "flow-run-logs":
            return change.flow_run_id == watched.id
        case "task-run" | "task-run-logs":
            return change.run_id == watched.id


def _message_of(changes: Sequence[Change] | None) -> str:
    """Tells of changes, and of which flow runs they are; of too many it names none."""
    ids = None if changes is None else {change.flow_run_id for change in changes} - {None}
    if ids is not None and len(ids) > MOST_IDS:
        ids = None
    return encode({"type": "changes", "flow_run_ids": ids}).decode()


async def _serve(
    peer: Peer,
    enabled: bool,
    filter_of: Callable[[Subscription], F],
    send: Callable[[Subscription, F], Coroutine[Any, Any, None]],
) -> None:
    """Learn what the client wants, and send it until the client has left or is sent away."""
    try:
        if not enabled:
            raise Refused(POLICY, "This stream is off; the server's STREAM_OUT_ENABLED is false.")
        subscription, wanted = await _subscription(peer, filter_of)
        await _while_there(peer, send(subscription, wanted))
    except Gone:
        return
    except Refused as refusal:
        await peer.close(refusal.code, refusal.reason)
    except StoreError as error:
        _log.warning("A client that listens is sent away: %s", error)
        await peer.close(BROKEN, "The store cannot be read at the moment; listen again.")


async def _while_there(peer: Peer, sending: Coroutine[Any, Any, None]) -> None:
    """Send until the other end is gone, which only shows when one waits for its messages."""
    tasks = [asyncio.create_task(sending), asyncio.create_task(peer.gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            await tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _subscription(peer: Peer, filter_of: Callable[[Subscription], F]) -> tuple[Subscription, F]:
    """What the client's first message says.

    Raises:
        Refused: It says something else.
        Gone: There is none.
    """
    try:
        message = await peer.receive_object()
    except ValueError:
        message = {}
    if message.get("type") != "filter":
        raise Refused(PROTOCOL, "Expected 'filter' message")
    try:
        subscription = msgspec.convert(message, Subscription)
        return subscription, filter_of(subscription)
    except msgspec.ValidationError as error:
        raise Refused(PROTOCOL, f"Invalid filter: {error}") from error


# --- Events ----------------------------------------------------------------------------------------------------


async def _place(text: str, store: Bridge) -> Cursor:
    """The place in the log that a client was at."""
    try:
        place = Cursor.parse(text)
    except ValueError as error:
        raise Refused(PROTOCOL, f"Invalid filter: {error}") from error
    if place > await store.read(end_of_log):
        raise Refused(
            PROTOCOL, "Invalid filter: the log does not reach as far as the given place; listen anew."
        )
    return place


def _clamp(wanted: EventFilter, most: timedelta) -> None:
    earliest = now() - most
    wanted.occurred = structs.replace(wanted.occurred, since=max(wanted.occurred.since, earliest))


async def _backfill(
    store: Bridge, wanted: EventFilter, end: Cursor, page_size: int
) -> AsyncIterator[Sequence[StoredEvent]]:
    """The events that are stored already, up to the place in the log from which on they are followed."""
    place: Place | None = None
    while True:
        page = await store.read(
            lambda conn, after=place: read_events_where(  # type: ignore[misc]
                conn, wanted, limit=page_size, after=after, until=end
            )
        )
        if not page:
            return
        yield page
        place = Place.of(page[-1])


def _passes(wanted: EventFilter, stored: StoredEvent) -> bool:
    return name_passes(wanted.event, stored.name) and event_passes(wanted, stored.event)


async def _send_events(peer: Peer, events: Sequence[StoredEvent]) -> None:
    for stored in events:
        await peer.send(f'{{"type":"event","event":{stored.body.decode()},"cursor":"{stored.cursor}"}}')
