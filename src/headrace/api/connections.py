"""Connections of clients, and an end for those that only take up room.

uvicorn waits without limit for the rest of a request, and for a client to take its answer. A client that has gone away
without a word (its machine lost power, a cable was cut) would keep its connection, and the answer's memory, for ever.
"""

from __future__ import annotations

from asyncio import BaseTransport, Transport
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MAX_HEAD", "PATIENCE", "Connection", "close_stalled"]

PATIENCE = 60.0
"""Seconds that a client may leave a request incomplete, or an answer untaken, without anything moving."""

MAX_HEAD = 65_536
"""The most bytes of a request's line and headers."""


class Connection(HttpToolsProtocol):
    """A connection that knows when something last moved on it."""

    moved_at = 0.0
    _head: int | None = 0  # bytes of the request's head so far; None while its body is received
    _unsent = 0
    _asked = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin."""
        self.moved_at = self.loop.time()
        super().connection_made(cast("Transport", transport))

    def data_received(self, data: bytes) -> None:
        """Take what the client sent."""
        self.moved_at = self.loop.time()
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > MAX_HEAD:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head = self._head or 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The request is known; its body follows."""
        self._head, self._asked = None, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; the next one may follow."""
        self._head = 0
        super().on_message_complete()

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def is_stalled(self, now: float) -> bool:
        """Whether the client owes the rest of a request, or does not take its answer, and nothing has moved for long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self.moved_at = unsent, now
        owes = unsent > 0 or self._head != 0 or not self._asked or self.cycle.more_body
        return owes and now - self.moved_at > PATIENCE


def close_stalled(connections: Iterable[Any], now: float) -> int:
    """Close the connections on which nothing moves that should.

    Args:
        connections: Those that are open; WebSockets among them have their pings.
        now: The event loop's time.

    Returns:
        How many were closed.
    """
    stalled = [
        connection
        for connection in list(connections)
        if isinstance(connection, Connection) and connection.is_stalled(now)
    ]
    for connection in stalled:
        connection.transport.abort()
    return len(stalled)
