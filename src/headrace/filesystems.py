"""Where results are kept: this machine's disk, or anything that fsspec reaches.

A file system reads and writes whole files by path. Its methods come in two colours: `read_path` blocks, and
`aread_path` does the same in a thread. Make your own by subclassing `WritableFileSystem` and defining `read_path` and
`write_path`, as plain or as `async def` methods.

Every write is atomic: a reader sees the former content or the new one, never a part, and a writer that is killed
leaves the former content.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from functools import lru_cache
from inspect import iscoroutine
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "LocalFileSystem",
    "MissingFileError",
    "NullFileSystem",
    "ReadableFileSystem",
    "RemoteFileSystem",
    "WritableFileSystem",
    "resolve_filesystem",
]

T = TypeVar("T")

RENAMING_SCHEMES = frozenset({"ftp", "hdfs", "local", "sftp", "smb", "ssh", "webhdfs"})
"""Where a reader can see a half-written file but a rename is atomic. Object stores show a file once it is whole."""


class MissingFileError(FileNotFoundError, ValueError):
    """There is no file at a path."""


class ReadableFileSystem(ABC):
    """Something to read files from."""

    @abstractmethod
    def read_path(self, path: str) -> bytes:
        """The content of the file at `path`.

        Raises:
            MissingFileError: There is no such file; it is both a ValueError and a FileNotFoundError.
            ValueError: The path leads out of the file system's base path, or to a directory.
            OSError: The file cannot be read.
        """

    async def aread_path(self, path: str) -> bytes:
        """See `read_path`; does not block the event loop."""
        import asyncio

        return await asyncio.to_thread(lambda: finished(self.read_path(path)))


class WritableFileSystem(ReadableFileSystem):
    """Something to keep files in."""

    @abstractmethod
    def write_path(self, path: str, content: bytes) -> str:
        """Make `content` the whole content of the file at `path`, with the directories above it.

        Returns:
            The full path of the file.

        Raises:
            ValueError: The path leads out of the file system's base path.
            OSError: It cannot be written; the message names the file and says why.
        """

    async def awrite_path(self, path: str, content: bytes) -> str:
        """See `write_path`; does not block the event loop."""
        import asyncio

        return await asyncio.to_thread(lambda: finished(self.write_path(path, content)))

    def resolve_path(self, path: str) -> str:
        """The full path that identifies a file in storage; other file systems call it by its path."""
        return path


class LocalFileSystem(WritableFileSystem):
    """Files on this machine.

    Args:
        basepath: The directory that relative paths start at, and that no path leads out of. Without one, relative
            paths start at the current directory and any path is allowed.
    """

    def __init__(self, basepath: str | Path | None = None) -> None:
        self.basepath = None if basepath is None else str(basepath)
        self._root = None if basepath is None else os.path.realpath(os.path.expanduser(basepath))

    def resolve_path(self, path: str) -> str:
        root = self._root
        if root is None:
            return os.path.abspath(os.path.expanduser(path))
        full = os.path.normpath(os.path.join(root, path))
        if full != root and not full.startswith(root + os.sep):
            full = os.path.realpath(full)
            if not full.startswith(root + os.sep):
                raise ValueError(
                    f"The path {path!r} leads to {full!r}, which is outside of the base path {root!r}. "
                    "Give a path below the base path."
                )
        return full

    def read_path(self, path: str) -> bytes:
        full = self.resolve_path(path)
        try:
            with open(full, "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError as problem:
            raise MissingFileError(f"The file {full!r} does not exist.") from problem
        except IsADirectoryError as problem:
            raise ValueError(f"{full!r} is a directory, not a file.") from problem

    def write_path(self, path: str, content: bytes) -> str:
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError(
                f"A file's content must be bytes; got {type(content).__name__!r}. Encode it first."
            )
        full = self.resolve_path(path)
        try:
            self._replace(full, content)
        except OSError as problem:
            raise OSError(
                problem.errno,
                f"Cannot write {len(content)} bytes: {problem.strerror}. Make room or make the directory writable, or "
                "choose another one (HEADRACE_RESULTS_LOCAL_STORAGE_PATH, or result_storage=...)",
                full,
            ) from problem
        return full

    def _replace(self, full: str, content: bytes) -> None:
        directory = os.path.dirname(full)
        temporary = os.path.join(directory, f".{secrets.token_hex(8)}.tmp")
        try:
            file = open(temporary, "xb", buffering=0)  # noqa: SIM115 -- opened in a handler too
        except FileNotFoundError:
            os.makedirs(directory, exist_ok=True)
            file = open(temporary, "xb", buffering=0)  # noqa: SIM115
        try:
            with file:
                _write_all(file, content)
            os.replace(temporary, full)
        except BaseException:
            os.unlink(temporary)
            raise

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalFileSystem) and other._root == self._root

    def __hash__(self) -> int:
        return hash(self._root)

    def __repr__(self) -> str:
        return f"LocalFileSystem(basepath={self.basepath!r})"


class RemoteFileSystem(WritableFileSystem):
    """Files anywhere that fsspec reaches: `s3://bucket/folder`, `gs://...`, `sftp://...`, `memory://...`.

    Args:
        basepath: The scheme and the folder that relative paths start at, and that no path leads out of.
        settings: Options of that scheme's fsspec file system, such as credentials.

    Raises:
        ValueError: The base path has no scheme, or is on this machine.
    """

    def __init__(self, basepath: str, settings: dict[str, Any] | None = None) -> None:
        self.basepath = _checked_basepath(basepath)
        self.settings = dict(settings or {})
        self._filesystem: Any = None

    @property
    def filesystem(self) -> Any:
        """The fsspec file system.

        Raises:
            ValueError: fsspec knows no such scheme.
            ImportError: The package for the scheme is not installed; the message names it.
        """
        if self._filesystem is None:
            import fsspec

            self._filesystem = fsspec.filesystem(self.basepath.partition("://")[0], **self.settings)
        return self._filesystem

    def resolve_path(self, path: str) -> str:
        base = self.basepath.rstrip("/")
        relative = path.removeprefix(f"{base}/").lstrip("/")
        if ".." in relative.split("/") or "://" in relative:
            raise ValueError(
                f"The path {path!r} leads outside of the base path {self.basepath!r}. Give a path below the base path."
            )
        return f"{base}/{relative}"

    def read_path(self, path: str) -> bytes:
        full = self.resolve_path(path)
        try:
            return self.filesystem.cat_file(full)  # type: ignore[no-any-return]
        except FileNotFoundError as problem:
            raise MissingFileError(f"The file {full!r} does not exist.") from problem

    def write_path(self, path: str, content: bytes) -> str:
        full = self.resolve_path(path)
        try:
            self._replace(full, content)
        except FileNotFoundError:
            self.filesystem.makedirs(full.rpartition("/")[0], exist_ok=True)
            self._replace(full, content)
        return full

    def _replace(self, full: str, content: bytes) -> None:
        filesystem = self.filesystem
        if full.partition("://")[0] not in RENAMING_SCHEMES:
            filesystem.pipe_file(full, content)
            return
        temporary = f"{full.rpartition('/')[0]}/.{secrets.token_hex(8)}.tmp"
        try:
            filesystem.pipe_file(temporary, content)
            filesystem.mv(temporary, full)
        except BaseException:
            if filesystem.exists(temporary):
                filesystem.rm_file(temporary)
            raise

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, RemoteFileSystem) and other.basepath == self.basepath
        return same and other.settings == self.settings  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.basepath)

    def __repr__(self) -> str:
        return f"RemoteFileSystem(basepath={self.basepath!r})"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_filesystem": None}


class NullFileSystem(WritableFileSystem):
    """Keeps nothing: as the metadata storage of a `ResultStore`, it makes results bare files without metadata."""

    def read_path(self, path: str) -> bytes:
        """Nothing, whatever the path."""
        return b""

    def write_path(self, path: str, content: bytes) -> str:
        """Forget `content`."""
        return path

    def __repr__(self) -> str:
        return "NullFileSystem()"


def resolve_filesystem(storage: Any, option: str = "result_storage") -> WritableFileSystem:
    """The file system that `storage` stands for.

    Args:
        storage: A file system, a directory (a Path, or text that is one), or `scheme://folder`.
        option: What the value was given for; errors name it.

    Raises:
        TypeError: It is something else.
        ValueError: It is text that names neither a directory nor a scheme.
    """
    if isinstance(storage, WritableFileSystem) or _walks_like_storage(storage):
        return storage  # type: ignore[no-any-return]
    if isinstance(storage, Path):
        return _local(str(storage)) if storage.is_absolute() else LocalFileSystem(storage)
    if not isinstance(storage, str):
        raise TypeError(
            f"`{option}` must be a directory (a pathlib.Path), text such as 's3://bucket/folder', or a file system; "
            f"got {storage!r}, of type {type(storage).__name__!r}."
        )
    scheme, separator, rest = storage.partition("://")
    if separator:
        return _local(rest) if scheme == "file" else _remote(storage)
    if storage.startswith(("~", "." + os.sep, "./")) or os.path.isabs(storage):
        return LocalFileSystem(storage)
    raise ValueError(
        f"`{option}` is {storage!r}, which is neither a directory ('/data', './data', '~/data') nor a scheme with a "
        "folder ('s3://bucket/folder'). Give one of these, or a pathlib.Path."
    )


# Storage is named again for every run that keeps its result; resolving a directory's symbolic links takes 30 us.
_local = lru_cache(maxsize=64)(LocalFileSystem)
_remote = lru_cache(maxsize=64)(RemoteFileSystem)


def finished(result: T | Coroutine[Any, Any, T]) -> T:
    """What a storage method returned, after running it if it is an `async def` of a user's file system.

    Blocks; an event loop that runs in this thread is not disturbed.
    """
    if not iscoroutine(result):
        return result  # type: ignore[return-value]
    import asyncio
    from threading import Thread

    answer: list[Any] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(asyncio.run(result))
        except BaseException as problem:
            problems.append(problem)

    thread = Thread(target=run, name="headrace-storage")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return answer[0]  # type: ignore[no-any-return]


def _walks_like_storage(value: Any) -> bool:
    """Whether a user's object can be used as storage without being a subclass."""
    return callable(getattr(value, "read_path", None)) and callable(getattr(value, "write_path", None))


def _checked_basepath(basepath: str) -> str:
    scheme, separator, location = str(basepath).partition("://")
    if not separator or not scheme:
        raise ValueError(
            f"The base path {basepath!r} has no scheme. Give one, as in 's3://bucket/folder', or use LocalFileSystem for "
            "a directory on this machine."
        )
    if scheme == "file":
        raise ValueError(f"The base path {basepath!r} is on this machine: use LocalFileSystem({location!r}).")
    if not location.strip("/"):
        raise ValueError(f"The base path {basepath!r} has no location after its scheme: {scheme}://folder.")
    return str(basepath)


def _write_all(file: Any, content: bytes) -> None:
    """Write through an unbuffered file, which may take less than it is given at once."""
    rest = memoryview(content).cast("B")
    while len(rest):
        rest = rest[file.write(rest) :]
