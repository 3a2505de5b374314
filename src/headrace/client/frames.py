"""A file of frames: what waits to be sent, in order, and how much of it has been.

    "headrace" | cursor | frame | frame | frame | ...

A frame has a header with its length and a checksum, so that one which was only half written when its process was killed
is recognized, and one that the disk has damaged. The cursor is the place of the first frame that is not acknowledged. Frames are only appended. What is
written is with the operating system at once (no buffer, no `fsync`): it survives the end of any process.

Whoever uses a file holds a lock on it, of the kind that the system gives back when the process dies: a file that can be
locked has no owner. That holds across containers, where process ids say nothing.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path
from typing import IO, NamedTuple

__all__ = ["UNREADABLE", "Frame", "FrameFile"]

UNREADABLE = 0
"""The kind of a frame that is not what was written."""

_MAGIC = b"headrace"
_CURSOR = struct.Struct("<Q")
_START = len(_MAGIC) + _CURSOR.size
_HEADER = struct.Struct("<4sBIIII")  # mark, kind, records, size, length of the payload, checksum
_MARK = b"fr01"


class Frame(NamedTuple):
    """One thing to send.

    Args:
        kind: What it is: a number from 1 to 255, or `UNREADABLE`.
        records: How many records are in it.
        size: How many bytes it has when it is not compressed.
        payload: The body, as it is sent.
        end: Where the next frame begins.
    """

    kind: int
    records: int
    size: int
    payload: bytes
    end: int


class FrameFile:
    """A file of frames, open and locked. Not for several threads at once.

    Args:
        path: Where it is.
        file: It, open and locked.

    Attributes:
        cursor: Where the first frame is that has not been acknowledged.
        end: Where the next one will be.
        frames: How many there are between the two.
        records: How many records are in them.
        damaged: Whether something was found in the file that nobody wrote.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self.path = path
        self.cursor = self.end = _START
        self.frames = self.records = 0
        self.damaged = False
        self._file = file

    @classmethod
    def create(cls, path: Path) -> FrameFile:
        """A new file, locked.

        Raises:
            OSError: It cannot be made, or somebody took it for an abandoned one in this very moment.
        """
        file = _open(path, os.O_CREAT | os.O_EXCL)
        try:
            if not _lock(file) or not _is_at(path, file):
                raise BlockingIOError(f"{path} was taken by another process.")
            _write(file, _MAGIC + _CURSOR.pack(_START))
        except BaseException:
            file.close()
            raise
        return cls(path, file)

    @classmethod
    def adopt(cls, path: Path) -> FrameFile | None:
        """A file whose owner is gone, locked; None when it has an owner, or is gone itself.

        Raises:
            OSError: It cannot be read.
        """
        try:
            file = _open(path, 0)
        except FileNotFoundError:
            return None
        try:
            if not _lock(file) or not _is_at(path, file):
                file.close()
                return None
            adopted = cls(path, file)
            adopted._scan()
        except BaseException:
            file.close()
            raise
        return adopted

    def append(self, kind: int, records: int, size: int, payload: bytes) -> None:
        """Add a frame at the end; when that fails, the file is as it was.

        Raises:
            OSError: The disk refuses.
        """
        checksum = _checksum(kind, records, size, payload)
        head = _HEADER.pack(_MARK, kind, records, size, len(payload), checksum)
        self._file.seek(self.end)
        try:
            _write(self._file, head)
            _write(self._file, payload)
        except BaseException:
            self._file.truncate(self.end)
            raise
        self.end += len(head) + len(payload)
        self.frames += 1
        self.records += records

    def read(self, position: int) -> Frame | None:
        """The frame at a position, which is the cursor or the end of another frame; None at the end.

        Raises:
            OSError: The disk refuses.
        """
        if position >= self.end:
            return None
        self._file.seek(position)
        head = _read(self._file, _HEADER.size)
        if len(head) < _HEADER.size or not head.startswith(_MARK):
            self.damaged = True
            return Frame(UNREADABLE, self.records, 0, b"", self.end)
        _, kind, records, size, length, checksum = _HEADER.unpack(head)
        payload = _read(self._file, length)
        if checksum != _checksum(kind, records, size, payload):
            self.damaged = True
            kind, payload = UNREADABLE, b""
        return Frame(kind, records, size, payload, min(position + _HEADER.size + length, self.end))

    def advance(self, frames: list[Frame]) -> None:
        """Move the cursor past frames that have been acknowledged, the first ones after it."""
        self.frames -= len(frames)
        self.records -= sum(frame.records for frame in frames)
        self._move(frames[-1].end)

    def clear(self) -> None:
        """Forget what has been acknowledged, when everything has."""
        if self.damaged:
            return
        # In this order: a cursor beyond the end says that all has been acknowledged, one before it that nothing has.
        self._file.truncate(_START)
        self.end = _START
        self._move(_START)

    def close(self) -> None:
        """Give the file back: it is removed when everything in it has been acknowledged, and left for others if not.

        One in which something was damaged is kept under a name by which nobody sends it.
        """
        if sys.platform == "win32":  # where an open file can be neither removed nor renamed
            self._file.close()
        if not self.frames and self.damaged:
            self.path = self.path.replace(self.path.with_suffix(".damaged"))
        elif not self.frames:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def abandon(self) -> None:
        """In a forked child: close the file, which is the parent's, without giving its lock back."""
        self._file.close()

    def _move(self, cursor: int) -> None:
        self.cursor = cursor
        self._file.seek(len(_MAGIC))
        _write(self._file, _CURSOR.pack(cursor))

    def _scan(self) -> None:
        """Find out what is in the file. What was being written when its process ended is not counted."""
        size = self._file.seek(0, os.SEEK_END)
        self._file.seek(0)
        start = _read(self._file, _START)
        if len(start) < _START or not start.startswith(_MAGIC):
            self.damaged = size >= _START  # a shorter one was just being made
            return
        (cursor,) = _CURSOR.unpack_from(start, len(_MAGIC))
        self.cursor = self.end = min(cursor, size)
        while self.end + _HEADER.size <= size:
            self._file.seek(self.end)
            mark, _, records, _, length, _ = _HEADER.unpack(_read(self._file, _HEADER.size))
            if mark != _MARK:
                self.damaged = True
                return
            if self.end + _HEADER.size + length > size:
                return
            self.end += _HEADER.size + length
            self.frames += 1
            self.records += records


def _checksum(kind: int, records: int, size: int, payload: bytes) -> int:
    return zlib.crc32(payload, kind ^ records ^ size)


def _open(path: Path, flags: int) -> IO[bytes]:
    # Records are the user's business: nobody else may read them.
    return open(os.open(path, os.O_RDWR | flags | getattr(os, "O_BINARY", 0), 0o600), "r+b", buffering=0)


def _write(file: IO[bytes], data: bytes) -> None:
    while data:
        data = data[file.write(data) :]


def _read(file: IO[bytes], length: int) -> bytes:
    """So many bytes, or fewer at the end of the file."""
    data = file.read(length)
    while len(data) < length and (piece := file.read(length - len(data))):
        data += piece
    return data


def _is_at(path: Path, file: IO[bytes]) -> bool:
    """Whether the file is still the one at that path: its last owner may have removed it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 40
    """Which byte is locked: one that is never read or written, for here a lock keeps others from doing that."""

    def _lock(file: IO[bytes]) -> bool:
        file.seek(_FAR)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
