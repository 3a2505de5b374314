"""Events as they happen, for those who wait in a thread; see `listening`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from headrace.client.listening import OPEN_SECONDS, Listener, Lost, Message, Reconnection, Socket
from headrace.schema.events import Event
from headrace.schema.filters.events import EventFilter
from headrace.settings import Settings

__all__ = ["stream_events"]


def stream_events(
    settings: Settings,
    wanted: EventFilter | None = None,
    sleep: Callable[[float], Any] = time.sleep,
) -> Iterator[Event]:
    """Events as they happen, without end.

    Args:
        settings: Where the API is, and who listens.
        wanted: Which events; all when left out. In any case from a minute ago on.
        sleep: Waits so many seconds.

    Raises:
        ConfigurationError: No API is configured.
        HeadraceException: The API cannot be reached, has no such stream, or refuses the listener.
    """
    socket, listener = Socket(settings, "/events/out"), Listener(wanted)
    reconnection = Reconnection(at_first=False)
    while True:
        try:
            with _opened(socket) as connection:
                _subscribe(connection, socket, listener)
                reconnection.succeeded()
                for message in _messages(connection, socket):
                    if (event := listener.take(message)) is not None:
                        yield event
        except Lost as problem:
            sleep(reconnection.pause(problem, socket.address))


def _opened(socket: Socket) -> ClientConnection:
    try:
        connection: ClientConnection = connect(socket.address, **socket.options())
    except (WebSocketException, OSError) as problem:
        raise socket.failure(problem) from problem
    return connection


def _subscribe(connection: ClientConnection, socket: Socket, listener: Listener) -> None:
    """Say who listens, and to what."""
    try:
        connection.send(socket.credentials(), text=True)
        socket.check_welcome(connection.recv(OPEN_SECONDS))
        connection.send(listener.subscription(), text=True)
    except (WebSocketException, OSError) as problem:
        raise socket.failure(problem) from problem


def _messages(connection: ClientConnection, socket: Socket) -> Iterator[Message]:
    while True:
        try:
            text = connection.recv()
        except (WebSocketException, OSError) as problem:
            raise socket.failure(problem) from problem
        yield socket.decode(text, Message)
