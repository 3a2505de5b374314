"""The outbox: what runs recorded and a server has yet to acknowledge, on disk.

Everything goes through it, whether the server answers or not: a record is kept when its frame is written, and
acknowledged when the cursor has passed it. So a process that is killed leaves what was on its way, memory holds no more
than one batch however long the server is away, and there is one way of sending, not one for good times and one for bad.

Each process has an outbox of its own per server, in the folder `outbox` of the home folder, under a name that sorts by
time. It is a row of files: a new one is begun when one has grown, so that the disk gets back what has been sent.
A file whose process is gone is an *orphan*, sent by whoever finds it.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from headrace.client.frames import UNREADABLE, Frame, FrameFile
from headrace.core import failpoint
from headrace.core.ids import uuid7

__all__ = ["PROPOSAL", "RECORDS", "UNREADABLE", "Frame", "Outbox", "orphans"]

RECORDS = 1
"""The kind of a frame whose payload is a compressed batch of records."""

PROPOSAL = 2
"""The kind of a frame whose payload is a state to propose for a flow run."""

FILE_BYTES = 16 * 2**20
"""The size at which a file gets a successor."""

CLEAR_BYTES = 2**20
"""The size above which a file is emptied when all in it has been acknowledged."""

GATHERED_RECORDS = 2_000
GATHERED_BYTES = 512 * 2**10
"""How much is sent at once of what has piled up in small frames: so many records, or bytes when not compressed."""


class Outbox:
    """What one process has to send to one server. For any number of threads.

    Args:
        folder: Where the files are; made with the first.
        url: The server.

    Attributes:
        appended: How many frames were ever put in.
        advanced: How many of them were acknowledged.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.appended = self.advanced = 0
        self.folder = folder
        self._url = url
        self._files: deque[FrameFile] = deque()
        self._lock = threading.Lock()

    @property
    def records(self) -> int:
        """How many records wait."""
        with self._lock:
            return sum(file.records for file in self._files)

    @property
    def paths(self) -> list[Path]:
        """The files in which something waits."""
        with self._lock:
            return [file.path for file in self._files if file.frames]

    @property
    def isempty(self) -> bool:
        """Whether everything has been acknowledged."""
        return self.advanced == self.appended

    def append(self, kind: int, records: int, payload: bytes, size: int | None = None) -> None:
        """Keep a frame.

        Args:
            kind: `RECORDS` or `PROPOSAL`.
            records: How many records are in it.
            payload: What to send.
            size: How many bytes it has when it is not compressed; when it is not, left out.

        Raises:
            OSError: The disk refuses; nothing was kept.
        """
        with self._lock:
            if not self._files or self._files[-1].end >= FILE_BYTES:
                self._files.append(self._new_file())
            self._files[-1].append(kind, records, len(payload) if size is None else size, payload)
            self.appended += 1
        if failpoint.ARMED:
            failpoint.reach("outbox.after_append")

    def next(self) -> list[Frame]:
        """What to send next: one frame, or several small ones of records; nothing when nothing waits.

        Raises:
            OSError: The disk refuses.
        """
        with self._lock:
            self._drop_finished_files()
            return _gathered(self._files[0]) if self._files else []

    def advance(self, frames: list[Frame]) -> None:
        """Go past what `next` gave: it was acknowledged.

        Raises:
            OSError: The disk refuses; it would be sent again by the next process.
        """
        with self._lock:
            if not self._files:  # closed meanwhile
                return
            file = self._files[0]
            self.advanced += len(frames)
            file.advance(frames)
            if not file.frames and file.end > CLEAR_BYTES:
                file.clear()

    def close(self) -> None:
        """Leave what waits to others, and remove the rest."""
        with self._lock:
            while self._files:
                self._files.popleft().close()

    def start_over(self) -> None:
        """In the child of a fork: what waits is the parent's."""
        self._lock = threading.Lock()
        for file in self._files:
            file.abandon()
        self._files.clear()
        self.appended = self.advanced = 0

    def _new_file(self) -> FrameFile:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            # Another process may take the file for an orphan before it is locked; then there is another name.
            with suppress(BlockingIOError):
                return FrameFile.create(self.folder / f"{_prefix(self._url)}{uuid7().hex}.outbox")

    def _drop_finished_files(self) -> None:
        while self._files and not self._files[0].frames:
            if len(self._files) == 1 and not self._files[0].damaged:
                return
            self._files.popleft().close()


def _gathered(file: FrameFile) -> list[Frame]:
    frames: list[Frame] = []
    count = size = 0
    position = file.cursor
    while (frame := file.read(position)) is not None:
        count, size = count + frame.records, size + frame.size
        if frames and (frame.kind != RECORDS or count > GATHERED_RECORDS or size > GATHERED_BYTES):
            break
        frames.append(frame)
        position = frame.end
        if frame.kind != RECORDS:
            break
    return frames


def orphans(folder: Path, url: str) -> Iterator[Outbox]:
    """Take over the outboxes of processes that are gone, the oldest first.

    Args:
        folder: Where they are.
        url: The server that they are for.
    """
    for path in sorted(folder.glob(f"{_prefix(url)}*.outbox")):
        with suppress(OSError):  # another user's, or on a disk that fails: somebody else's turn
            file = FrameFile.adopt(path)
            if file is not None:
                orphan = Outbox(folder, url)
                orphan._files.append(file)
                orphan.appended = file.frames
                yield orphan


def _prefix(url: str) -> str:
    """What the names of the files for a server begin with."""
    return hashlib.sha256(url.encode()).hexdigest()[:12] + "-"
