"""The WebSockets: events in, events out, log lines out, changes out."""

from __future__ import annotations

from typing import Any

from litestar import Router, WebSocket, websocket

from headrace.api.bridge import Bridge
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.intake import (
    MAX_AHEAD,
    Intake,
    decode_event,
    problem_with,
    record_of,
    without_large_payload,
)
from headrace.api.outflow import send_changes, send_events, send_logs
from headrace.api.receipts import receipts_of
from headrace.api.sockets import BROKEN, INVALID, Gone, Peer, admit
from headrace.settings.server import ServerEventsSettings

__all__ = ["router"]


@websocket("/events/in")
async def events_in(
    socket: WebSocket[Any, Any, Any], store: InjectedStore, settings: InjectedSettings
) -> None:
    """Events that clients report, one in each message. A ping is answered when all before it is committed."""
    receipts_of(socket.scope).defer()
    peer = await admit(socket)
    if peer is not None:
        await _take_in(peer, store, settings.server.events)


@websocket("/events/out")
async def events_out(
    socket: WebSocket[Any, Any, Any], store: InjectedStore, settings: InjectedSettings
) -> None:
    """The events that a client wants to be sent, as they are committed."""
    peer = await admit(socket)
    if peer is not None:
        await send_events(peer, store, socket.app.state.feed, settings.server.events)


@websocket("/logs/out")
async def logs_out(socket: WebSocket[Any, Any, Any], settings: InjectedSettings) -> None:
    """The log lines that a client wants to be sent, as they are committed."""
    peer = await admit(socket)
    if peer is not None:
        await send_logs(peer, socket.app.state.feed, settings.server.logs)


@websocket("/ui/changes")
async def changes_out(socket: WebSocket[Any, Any, Any]) -> None:
    """That there are new events or log lines of what a client shows, for it to read that anew."""
    peer = await admit(socket)
    if peer is not None:
        await send_changes(peer, socket.app.state.feed)


async def _take_in(peer: Peer, store: Bridge, limits: ServerEventsSettings) -> None:
    intake = Intake(
        store,
        settle=peer.receipts.settle,
        fail=lambda reason: peer.close(BROKEN, reason),
        max_ahead=MAX_AHEAD if peer.receipts.supported else 1,
    )
    try:
        while True:
            text = await peer.receive()
            event, size = decode_event(text), len(text if text.isascii() else text.encode())
            if problem := problem_with(event, limits):
                raise ValueError(problem)
            await intake.put(record_of(without_large_payload(event, size, limits)), size)
    except Gone:
        await intake.flush()
    except ValueError as problem:
        # What came before it was good: it is kept, and answered for, before the connection ends.
        await intake.flush()
        await peer.close(INVALID, f"Invalid event: {problem}")


router = Router(path="/", route_handlers=[events_in, events_out, logs_out, changes_out])
