"""Files of remote result storage, kept in memory so that they are fetched once.

The bytes are kept, not the values: each reader gets a value of its own, and the memory that they take is known.
Files of this machine's disk are not kept, because the operating system does.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

__all__ = ["PayloadCache"]


class PayloadCache:
    """The files used last, up to a number of bytes.

    Args:
        max_bytes: How much to keep.
    """

    def __init__(self, max_bytes: int = 64 << 20) -> None:
        self.max_bytes = max_bytes
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, path: str) -> bytes | None:
        """The content of a file, if it is kept."""
        with self._lock:
            content = self._files.get(path)
            if content is not None:
                self._files.move_to_end(path)
            return content

    def put(self, path: str, content: bytes) -> None:
        """Keep a file, and forget those that were not used for longest."""
        with self._lock:
            self._drop(path)
            if len(content) > self.max_bytes:
                return
            self._files[path] = content
            self._bytes += len(content)
            while self._bytes > self.max_bytes:
                self._drop(next(iter(self._files)))

    def forget(self, path: str) -> None:
        """Forget a file."""
        with self._lock:
            self._drop(path)

    def _drop(self, path: str) -> None:
        self._bytes -= len(self._files.pop(path, b""))
