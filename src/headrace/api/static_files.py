"""Files that are sent as they are: held in memory, compressed once."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from headrace.api.bodies import SMALLEST_COMPRESSED, accepts_gzip

if TYPE_CHECKING:
    from litestar.types import Send

__all__ = ["StaticFile"]

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What files are, by their ending; `mimetypes` would ask the machine."""

OTHER_TYPE = "text/plain; charset=utf-8"
"""What any other file is: a text for people, such as a licence."""

COMPRESSED = frozenset({".png", ".woff2"})
"""Endings of files that are compressed already."""


class StaticFile:
    """A file, ready to be sent.

    Args:
        name: Its name, whose ending says what it is.
        content: What is in it.
        headers: Headers of the answer beyond those that follow from the content.
    """

    def __init__(self, name: str, content: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        ending = PurePosixPath(name).suffix
        self._content = content
        self._zipped = None
        if ending not in COMPRESSED and len(content) >= SMALLEST_COMPRESSED:
            self._zipped = gzip.compress(content, mtime=0)
        # Weak, for it stands for the compressed form as well.
        self._tag = f'W/"{sha256(content).hexdigest()[:16]}"'.encode()
        self._type = TYPES.get(ending, OTHER_TYPE).encode()
        self._headers = [
            *headers,
            (b"etag", self._tag),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def send(self, asked: Mapping[bytes, bytes], send: Send, *, with_body: bool = True) -> None:
        """Send it, unless the other side has it.

        Args:
            asked: The headers of the request.
            send: Where it goes.
            with_body: False for requests that ask for the headers alone.
        """
        if self._is_known(asked.get(b"if-none-match", b"")):
            await _send(304, self._headers, b"", send)
            return
        headers, body = [*self._headers, (b"content-type", self._type)], self._content
        if self._zipped is not None and accepts_gzip(asked.get(b"accept-encoding", b"")):
            headers.append((b"content-encoding", b"gzip"))
            body = self._zipped
        headers.append((b"content-length", b"%d" % len(body)))
        await _send(200, headers, body if with_body else b"", send)

    def _is_known(self, tags: bytes) -> bool:
        return self._tag in (tag.strip() for tag in tags.split(b","))


async def _send(status: int, headers: list[tuple[bytes, bytes]], body: bytes, send: Send) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
