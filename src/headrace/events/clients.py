"""Clients of the API's WebSockets for events, for coroutines: one that emits, one that listens.

Both survive a server that goes away for a while. What is emitted is kept until the server has confirmed that it is stored, and
sent again over the next connection; a server stores each event once, however often it is sent. What is listened to goes on
behind the last event that was received (`client.listening`).
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from headrace.client.listening import (
    ATTEMPTS,
    OPEN_SECONDS,
    Listener,
    Lost,
    Message,
    Reconnection,
    Socket,
)
from headrace.engine.session import current_session
from headrace.exceptions import HeadraceException
from headrace.schema.base import encode
from headrace.schema.events import Event
from headrace.schema.filters.events import EventFilter
from headrace.settings import get_current_settings

__all__ = [
    "EventsClient",
    "HeadraceEventSubscriber",
    "HeadraceEventsClient",
    "NullEventsClient",
    "PrefectEventSubscriber",
    "PrefectEventsClient",
    "RecordingEventsClient",
    "get_events_client",
    "get_events_subscriber",
]

CHECKPOINT_EVERY = 700
"""Events that are sent before the server is asked whether it has stored them."""

CHECKPOINT_SECONDS = 30.0
"""Seconds after which it is asked in any case."""


def get_events_client(
    reconnection_attempts: int = ATTEMPTS,
    checkpoint_every: int = CHECKPOINT_EVERY,
    checkpoint_interval: float = CHECKPOINT_SECONDS,
) -> EventsClient:
    """A client that emits events: to the configured API, else into the embedded store.

    Args:
        reconnection_attempts: How often a lost connection is opened again, one after the other.
        checkpoint_every: Events that are sent before the server is asked whether it has stored them.
        checkpoint_interval: Seconds after which it is asked in any case.

    Example:
        >>> async with get_events_client() as client:
        ...     await client.emit(Event(event="orders.arrived", resource={"prefect.resource.id": "shop.north"}))
    """
    if get_current_settings().api.url is None:
        return RecordingEventsClient()
    return HeadraceEventsClient(
        reconnection_attempts=reconnection_attempts,
        checkpoint_every=checkpoint_every,
        checkpoint_interval=checkpoint_interval,
    )


def get_events_subscriber(
    filter: EventFilter | None = None,
    reconnection_attempts: int = ATTEMPTS,
    reconnect_on_clean_close: bool = False,
) -> HeadraceEventSubscriber:
    """A client that listens to events.

    Args:
        filter: Which events; all when left out. In any case from a minute ago on: when they occurred is not asked of it.
        reconnection_attempts: How often a lost connection is opened again, one after the other.
        reconnect_on_clean_close: Go on also after the server has closed the connection in good order; else that is the end.

    Raises:
        ConfigurationError: No API is configured.

    Example:
        >>> async with get_events_subscriber() as subscriber:
        ...     async for event in subscriber:
        ...         print(event.occurred, event.event, event.resource.id)
    """
    return HeadraceEventSubscriber(
        filter=filter,
        reconnection_attempts=reconnection_attempts,
        reconnect_on_clean_close=reconnect_on_clean_close,
    )


# --- Emitting --------------------------------------------------------------------------------------------------


class EventsClient(ABC):
    """Something that emits events, used as `async with`."""

    @abstractmethod
    async def emit(self, event: Event) -> None:
        """Emit an event."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class NullEventsClient(EventsClient):
    """Emits nothing."""

    async def emit(self, event: Event) -> None:
        """Forget the event."""


class RecordingEventsClient(EventsClient):
    """Records events as runs of this process do; when the block ends, all of them are recorded."""

    def __init__(self) -> None:
        self._recorder = current_session().recorder

    async def emit(self, event: Event) -> None:
        """Record an event."""
        self._recorder.append(event)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.wrap_future(self._recorder.drain())


class _Connected:
    """A WebSocket that is opened again when it is lost.

    Args:
        socket: Which.
        reconnection: How often.
    """

    def __init__(self, socket: Socket, reconnection: Reconnection) -> None:
        self.socket = socket
        self.reconnection = reconnection
        self.connection: ClientConnection | None = None

    async def open(self) -> ClientConnection:
        """The connection; a new one, which has shown who speaks, where there is none.

        Raises:
            Lost: There is none to be had at the moment.
            HeadraceException: The server refuses.
        """
        if self.connection is None:
            try:
                self.connection = await connect(self.socket.address, **self.socket.options())
                await self.connection.send(self.socket.credentials(), text=True)
                async with asyncio.timeout(OPEN_SECONDS):
                    self.socket.check_welcome(await self.connection.recv())
            except (WebSocketException, OSError) as problem:
                raise await self.lost(problem) from problem
            except HeadraceException:
                await self.close()
                raise
        return self.connection

    async def lost(self, problem: BaseException) -> Exception:
        """Give the connection up. Returns what that means; see `Socket.failure`."""
        await self.close()
        return self.socket.failure(problem)

    async def wait(self, problem: Lost) -> None:
        """Wait before the next attempt.

        Raises:
            HeadraceException: There were attempts enough.
        """
        await asyncio.sleep(self.reconnection.pause(problem, self.socket.address))

    async def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()


class HeadraceEventsClient(EventsClient):
    """Emits events to an API.

    Args:
        reconnection_attempts: How often a lost connection is opened again, one after the other.
        checkpoint_every: Events that are sent before the server is asked whether it has stored them.
        checkpoint_interval: Seconds after which it is asked in any case.

    Raises:
        ConfigurationError: No API is configured.
    """

    def __init__(
        self,
        *,
        reconnection_attempts: int = ATTEMPTS,
        checkpoint_every: int = CHECKPOINT_EVERY,
        checkpoint_interval: float = CHECKPOINT_SECONDS,
    ) -> None:
        socket = Socket(get_current_settings(), "/events/in")
        self._connected = _Connected(socket, Reconnection(reconnection_attempts))
        self._every = max(1, checkpoint_every)
        self._interval = checkpoint_interval
        self._unconfirmed: deque[bytes] = deque()
        self._sent = 0  # how many of them over this connection
        self._confirmed_at = time.monotonic()

    async def emit(self, event: Event) -> None:
        """Emit an event; it is kept until the server has confirmed it.

        Raises:
            HeadraceException: The server was away for too long, or refuses the event.
        """
        self._unconfirmed.append(encode(event))
        is_due = time.monotonic() - self._confirmed_at >= self._interval
        await self._deliver(confirm=len(self._unconfirmed) >= self._every or is_due)

    async def __aenter__(self) -> Self:
        await self._deliver(confirm=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._deliver(confirm=True)
        finally:
            await self._connected.close()

    async def _deliver(self, *, confirm: bool) -> None:
        """Send what has not been sent; have it confirmed, if that is wanted."""
        while True:
            try:
                return await self._attempt(confirm)
            except Lost as problem:
                self._sent = 0
                try:
                    await self._connected.wait(problem)
                except HeadraceException as end:
                    raise HeadraceException(
                        f"{end} {len(self._unconfirmed)} event(s) that were emitted may not be stored."
                    ) from problem

    async def _attempt(self, confirm: bool) -> None:
        connection = await self._connected.open()
        try:
            while self._sent < len(self._unconfirmed):
                await connection.send(self._unconfirmed[self._sent], text=True)
                self._sent += 1
            if confirm and self._sent:
                count = self._sent
                await (await connection.ping())  # its pong comes when what is before it is stored
                for _ in range(count):
                    self._unconfirmed.popleft()
                self._sent -= count
                self._confirmed_at = time.monotonic()
                self._connected.reconnection.succeeded()
        except (WebSocketException, OSError) as problem:
            raise await self._connected.lost(problem) from problem


# --- Listening -------------------------------------------------------------------------------------------------


class HeadraceEventSubscriber:
    """Listens to the events of an API: `async with`, and then `async for`.

    Args:
        filter: Which events; all when left out. In any case from a minute ago on: when they occurred is not asked of it.
        reconnection_attempts: How often a lost connection is opened again, one after the other.
        reconnect_on_clean_close: Go on also after the server has closed the connection in good order; else that is the end.

    Raises:
        ConfigurationError: No API is configured.
    """

    def __init__(
        self,
        filter: EventFilter | None = None,
        reconnection_attempts: int = ATTEMPTS,
        reconnect_on_clean_close: bool = False,
    ) -> None:
        socket = Socket(get_current_settings(), "/events/out")
        self._connected = _Connected(socket, Reconnection(reconnection_attempts))
        self._listener = Listener(filter)
        self._goes_on = reconnect_on_clean_close
        self._subscribed: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        await self._connection()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connected.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """The next event.

        Raises:
            StopAsyncIteration: The server has closed the connection in good order.
            HeadraceException: The server was away for too long, or refuses the listener.
        """
        while True:
            connection = await self._connection()
            try:
                message: Message = self._connected.socket.decode(await connection.recv(), Message)
            except ConnectionClosedOK as problem:
                await self._connected.lost(problem)
                if not self._goes_on:
                    raise StopAsyncIteration from problem
            except (WebSocketException, OSError) as problem:
                failure = await self._connected.lost(problem)
                if not isinstance(failure, Lost):
                    raise failure from problem
            else:
                if (event := self._listener.take(message)) is not None:
                    return event

    async def _connection(self) -> ClientConnection:
        """The connection, over which the events that are wanted come."""
        while True:
            try:
                connection = await self._connected.open()
                if connection is not self._subscribed:
                    await self._subscribe(connection)
                return connection
            except Lost as problem:
                await self._connected.wait(problem)

    async def _subscribe(self, connection: ClientConnection) -> None:
        try:
            await connection.send(self._listener.subscription(), text=True)
        except (WebSocketException, OSError) as problem:
            raise await self._connected.lost(problem) from problem
        self._subscribed = connection
        self._connected.reconnection.succeeded()


PrefectEventsClient = HeadraceEventsClient
PrefectEventSubscriber = HeadraceEventSubscriber
