"""`Peer`: the other end of a WebSocket, as Prefect's clients behave on it.

A client offers the subprotocol `prefect`, and its first message shows its credentials:

    client    {"type": "auth", "token": null}
    server    {"type": "auth_success"}

Without the subprotocol there is no such exchange, which is fine as long as the server asks for no credentials.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from headrace.api.auth import Credentials
from headrace.api.receipts import Receipts, receipts_of

__all__ = [
    "BROKEN",
    "INVALID",
    "POLICY",
    "PROTOCOL",
    "Gone",
    "Peer",
    "admit",
]

SUBPROTOCOL = "prefect"

HANDSHAKE_SECONDS = 30.0
"""How long a client may take to show its credentials."""

PROTOCOL = 1002
"""The close code for a message of the wrong kind."""

INVALID = 1007
"""The close code for a message of the right kind that does not fit."""

POLICY = 1008
"""The close code for a client that may not do this. Clients of Prefect do not come again after it."""

BROKEN = 1011
"""The close code for a failure of the server's; the client may try again."""

MAX_REASON = 123
"""Bytes of a reason that fit into a close frame."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Gone(Exception):
    """The other end has closed the connection, or is not there any more."""


class Peer:
    """The other end of a WebSocket that was accepted.

    Args:
        socket: The connection.
    """

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket
        self.receipts: Receipts = receipts_of(socket.scope)

    async def receive(self) -> str:
        """The next message.

        Raises:
            Gone: There will be none.
            ValueError: It is not a text.
        """
        try:
            message: Any = await self._socket.receive()
        except WebSocketDisconnect as end:
            raise Gone from end
        if message["type"] == "websocket.disconnect":
            raise Gone
        text = message.get("text")
        if text is None:
            raise ValueError("Messages must be texts, this one is binary.")
        return str(text)

    async def receive_object(self) -> dict[str, Any]:
        """The next message, a JSON object.

        Raises:
            Gone: There will be none.
            ValueError: It is something else.
        """
        text = await self.receive()
        try:
            return _decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ValueError(f"The message is no JSON object: {error}") from error

    async def send(self, text: str) -> None:
        """Send a message; waits while the other end is slow to read.

        Raises:
            Gone: Nobody will read it.
        """
        try:
            await self._socket.send_text(text)
        except (WebSocketDisconnect, OSError) as end:
            raise Gone from end

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, if it is open.

        Args:
            code: Why, for programs.
            reason: Why, for people; cut to what a close frame can hold.
        """
        try:
            await self._socket.close(code, _cut(reason))
        except (WebSocketDisconnect, OSError):
            return

    async def gone(self) -> None:
        """Wait until the other end is gone; messages are ignored."""
        while True:
            try:
                await self.receive()
            except Gone:
                return
            except ValueError:
                continue


async def admit(socket: WebSocket[Any, Any, Any]) -> Peer | None:
    """Accept a connection, and have the client show its credentials.

    Args:
        socket: The connection.

    Returns:
        The client; None when it was turned away or has left.
    """
    credentials: Credentials = socket.app.state.credentials
    if SUBPROTOCOL not in socket.scope["subprotocols"]:
        return await _admit_without(socket, credentials)
    await socket.accept(subprotocols=SUBPROTOCOL)
    peer = Peer(socket)
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            problem = await _examine(peer, credentials)
    except TimeoutError:
        problem = "Expected 'auth' message"
    except Gone:
        return None
    peer.receipts.settle(1)
    if problem is not None:
        await peer.close(POLICY, problem)
        return None
    try:
        await peer.send('{"type":"auth_success"}')
    except Gone:
        return None
    return peer


async def _admit_without(socket: WebSocket[Any, Any, Any], credentials: Credentials) -> Peer | None:
    if credentials.required:
        await socket.receive()  # the client's wish to connect, which is declined
        await socket.close(PROTOCOL)
        return None
    await socket.accept()
    return Peer(socket)


async def _examine(peer: Peer, credentials: Credentials) -> str | None:
    """What is wrong with what the client shows."""
    try:
        message = await peer.receive_object()
    except ValueError:
        message = {}
    if message.get("type") != "auth":
        return "Expected 'auth' message"
    token = message.get("token")
    if credentials.required and not token:
        return "Auth required but no token provided"
    if not credentials.accept_token(token if isinstance(token, str) else None):
        return "Invalid token"
    return None


def _cut(reason: str) -> str:
    return reason.encode()[:MAX_REASON].decode(errors="ignore")
