"""`ReceiptProtocol`: uvicorn's WebSocket protocol, with pongs that say what a handler wants them to say.

Clients that report events keep each until they know that it arrived. They know it by a ping sent after it: pings travel in
order with messages, so its pong says that everything before it was received. uvicorn answers a ping as soon as it has read
it, before anybody has seen the messages in front of it. Here a handler can take over for its connection: pongs, and
the answer to a close, which is the last of them, then wait until it has settled the messages before them.

    client    event event PING event event event CLOSE
    server    commit-----|PONG commit-----------------|CLOSE

So a pong is a receipt: what it is the answer for is on disk. Other handlers need not know about this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

__all__ = ["EXTENSION", "ReceiptProtocol", "Receipts", "receipts_of"]

EXTENSION = "headrace.receipts"
"""The key under which a connection's `Receipts` are among the extensions of its ASGI scope."""

_MESSAGE = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})


class Receipts:
    """When a connection's pings and its close are answered; see the theory above."""

    def __init__(self, protocol: ReceiptProtocol | None = None) -> None:
        self._protocol = protocol
        self._deferred = False
        self._unsettled = 0
        self._settled = 0
        self._waiting: deque[tuple[int, Frame]] = deque()

    @property
    def supported(self) -> bool:
        """Whether the server lets a handler take over; without that, pings are answered when they are read."""
        return self._protocol is not None

    def defer(self) -> None:
        """Take over: from now on, answers wait until all messages before them are settled."""
        self._deferred = True

    def settle(self, messages: int) -> None:
        """Say that as many more messages are dealt with, in the order in which they came."""
        if not self._deferred:
            return
        self._unsettled -= messages
        self._settled += messages
        if self._protocol is not None:
            while self._waiting and self._waiting[0][0] <= self._settled:
                self._protocol.answer(self._waiting.popleft()[1])

    # --- The protocol's side ---------------------------------------------------------------------------------------

    def count(self) -> None:
        """Note that a message was read."""
        if self._deferred:
            self._unsettled += 1

    @property
    def holds(self) -> bool:
        """Whether an answer waits."""
        return bool(self._waiting)

    def hold(self, frame: Frame) -> bool:
        """Keep an answer for later. Returns False when nothing is unsettled, so that it may go at once."""
        if not self._unsettled:
            return False
        self._waiting.append((self._settled + self._unsettled, frame))
        return True


def receipts_of(scope: Mapping[str, Any]) -> Receipts:
    """The receipts of a connection; ones that do nothing if the server has none."""
    extensions = scope.get("extensions") or {}
    return cast(Receipts, extensions.get(EXTENSION) or Receipts())


class _Peer(ServerProtocol):
    """The state machine of a connection, whose answers to pings and to a close may be held back.

    Args:
        receipts: What says when.
        model: One with the options that this one is to have.
    """

    def __init__(self, receipts: Receipts, model: ServerProtocol) -> None:
        super().__init__(
            extensions=model.available_extensions, max_size=model.max_message_size, logger=model.logger
        )
        self._receipts = receipts
        self._answering = False

    def recv_frame(self, frame: Frame) -> None:
        """Process a frame; what is sent meanwhile answers it."""
        self._answering = True
        try:
            super().recv_frame(frame)
        finally:
            self._answering = False
        if frame.opcode in _MESSAGE and frame.fin:
            self._receipts.count()

    def send_frame(self, frame: Frame) -> None:
        """Send a frame, or keep it."""
        if not (self._answering and self._receipts.hold(frame)):
            super().send_frame(frame)


class ReceiptProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol with `Receipts`: `uvicorn.Config(..., ws=ReceiptProtocol)`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._receipts = Receipts(self)
        self.conn = _Peer(self._receipts, self.conn)

    async def run_asgi(self) -> None:
        """Run the application."""
        cast(dict[str, Any], self.scope["extensions"])[EXTENSION] = self._receipts
        await super().run_asgi()

    def handle_close(self, event: Frame) -> None:
        """Tell the application that the client closes. Where the answer is kept, the end of the application is that of the connection."""
        close = self.conn.close_rcvd
        if self.close_sent or close is None or not self._receipts.holds:
            super().handle_close(event)
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})

    def answer(self, frame: Frame) -> None:
        """Send an answer that was kept; nobody waits for it any more when the connection is lost."""
        if not self.transport.is_closing():
            self.conn.send_frame(frame)
            self.transport.write(b"".join(self.conn.data_to_send()))
