"""Bodies on their way in and out: how large they may be, and how they are compressed.

The limit holds for a body as it is once it is decompressed, and decompression stops there: what expands beyond the limit
is never held in memory. It is checked as a body arrives, so one without a Content-Length is cut off like any other.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from litestar import Request
from litestar.enums import ScopeType
from litestar.types import Empty

from headrace.api.errors import Refusal

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SMALLEST_COMPRESSED", "BoundedRequest", "Compression", "TooLarge", "accepts_gzip", "decompress"]

SMALLEST_COMPRESSED = 500
"""Bytes of an answer from which on it is compressed, if the client asks for that."""

GZIP_LEVEL = 1
"""Level 1 takes 0.1 ms for a list of 50 runs, level 6 three to four times that, for an eighth fewer bytes."""

OFF_THE_LOOP = 131_072
"""Bytes from which on (de)compression is done by another thread, while the event loop goes on."""

PART = 262_144
"""Bytes that are decompressed before the limit is looked at."""

ZSTD_WINDOW = 1 << 25
"""The largest window that a zstd body may ask for: what decompressing takes at once."""

_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(Exception):
    """What is decompressed exceeds the limit."""


class BoundedRequest(Request[Any, Any, Any]):
    """A request whose body is read up to the server's limit, and decompressed."""

    async def body(self) -> bytes:
        """The whole body, decompressed.

        Raises:
            Refusal: It is larger than the server accepts, or is not what its Content-Encoding says.
        """
        if self._body is Empty:
            self._body = self._connection_state.body = await self._read_body()
        return self._body

    async def _read_body(self) -> bytes:
        headers = dict(self.scope["headers"])
        max_size: int = self.app.state["settings"].server.api.max_request_size
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > max_size:
            raise _too_large(f"The body has {int(length):,} bytes", max_size)
        body = await self._receive_body(max_size)
        encoding = headers.get(b"content-encoding")
        if encoding is None or not body:
            return body
        return await _decompressed(encoding.decode("latin-1").strip().lower(), body, max_size)

    async def _receive_body(self, max_size: int) -> bytes:
        parts, size = [], 0
        while True:
            message: Any = await self.receive()
            if message["type"] == "http.disconnect":
                raise Refusal(400, "The connection was closed before the body was complete.")
            parts.append(message["body"])
            size += len(message["body"])
            if size > max_size:
                raise _too_large(f"The body has more than {max_size:,} bytes", max_size)
            if not message.get("more_body"):
                return parts[0] if len(parts) == 1 else b"".join(parts)


async def _decompressed(encoding: str, body: bytes, max_size: int) -> bytes:
    if encoding == "identity":
        return body
    try:
        if len(body) < OFF_THE_LOOP // 16:
            return decompress(encoding, body, max_size)
        return await asyncio.to_thread(decompress, encoding, body, max_size)
    except TooLarge:
        raise _too_large(f"The body expands to more than {max_size:,} bytes", max_size) from None


def _too_large(finding: str, max_size: int) -> Refusal:
    return Refusal(
        413,
        f"{finding}, {max_size:,} are accepted: send less at once, or raise "
        "HEADRACE_SERVER_API_MAX_REQUEST_SIZE on the server.",
    )


# --- decompression -----------------------------------------------------------------------------------------------


def decompress(encoding: str, body: bytes, max_size: int) -> bytes:
    """Decompress a body.

    Args:
        encoding: Its Content-Encoding.
        body: The compressed body.
        max_size: The most bytes to make of it.

    Raises:
        TooLarge: It has more.
        Refusal: The encoding is not known, or the body is not of it.
    """
    match encoding:
        case "gzip" | "x-gzip":
            return _gunzip(body, max_size)
        case "zstd":
            return _unzstd(body, max_size)
        case _:
            raise Refusal(
                415,
                f"The body's Content-Encoding is {encoding!r}; expected gzip, zstd, or none at all.",
                {"Accept-Encoding": "gzip, zstd"},
            )


def _gunzip(body: bytes, max_size: int) -> bytes:
    made: list[bytes] = []
    room = max_size
    try:
        while body:  # a gzip body may have several members
            member = zlib.decompressobj(_GZIP)
            made.append(member.decompress(body, room + 1))
            room -= len(made[-1])
            if room < 0:
                raise TooLarge
            if not member.eof:
                raise _damaged("gzip", "it ends early")
            body = member.unused_data
    except zlib.error as error:
        raise _damaged("gzip", str(error)) from error
    return b"".join(made)


def _unzstd(body: bytes, max_size: int) -> bytes:
    import zstandard

    try:
        made = _read_zstd(zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW), body, max_size)
    except zstandard.ZstdError as error:
        raise _damaged("zstd", str(error)) from error
    if len(made) > max_size:
        raise TooLarge
    return made


def _read_zstd(decompressor: Any, body: bytes, max_size: int) -> bytes:
    made = bytearray()
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        while len(made) <= max_size and (part := reader.read(PART)):
            made += part
    return bytes(made)


def _damaged(encoding: str, finding: str) -> Refusal:
    return Refusal(400, f"The body is not what its Content-Encoding {encoding} says: {finding}.")


# --- compression -------------------------------------------------------------------------------------------------


class Compression:
    """Compresses answers for clients that ask for it.

    Args:
        app: What comes after.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stand between a request's handler and the network."""
        if scope["type"] == ScopeType.HTTP:
            for name, value in scope["headers"]:
                if name == b"accept-encoding":
                    if accepts_gzip(value):
                        send = _Compressing(send)
                    break
        await self._app(scope, receive, send)


class _Compressing:
    """Sends an answer, compressed if it is long enough.

    Args:
        send: Where it goes.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._compressor: Any = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message  # its headers depend on what follows
        elif self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif message["type"] == "http.response.body" and self._compressor is not None:
            await self._send(self._continued(message))
        else:
            await self._send(message)

    async def _begin(self, start: Any, message: Any) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if (not more and len(body) < SMALLEST_COMPRESSED) or _has_encoding(start["headers"]):
            await self._send(start)
            await self._send(message)
            return
        self._compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP)
        if len(body) < OFF_THE_LOOP:
            compressed = self._continued(message)
        else:
            compressed = await asyncio.to_thread(self._continued, message)
        headers = [header for header in start["headers"] if header[0] != b"content-length"]
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
        if not more:
            headers.append((b"content-length", str(len(compressed["body"])).encode()))
        start["headers"] = headers
        await self._send(start)
        await self._send(compressed)

    def _continued(self, message: Any) -> Any:
        """The message with its part of the compressed body."""
        body, more = message.get("body", b""), message.get("more_body", False)
        made = self._compressor.compress(body)
        made += self._compressor.flush(zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH)
        return {**message, "body": made}


def _has_encoding(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-encoding" for name, _ in headers)


@lru_cache(maxsize=64)
def accepts_gzip(header: bytes) -> bool:
    """Whether an `Accept-Encoding` header names gzip, and does not forbid it."""
    for choice in header.split(b","):
        name, _, quality = choice.replace(b" ", b"").partition(b";q=")
        if name.lower() == b"gzip":
            return quality.strip(b"0.") != b"" or quality == b""
    return False
