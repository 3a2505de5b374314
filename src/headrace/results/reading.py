"""Read a result by the metadata that a state carries, in whichever process and storage it was written."""

from __future__ import annotations

import os
import time
from typing import Any

from headrace.exceptions import MissingResult, SerializationError
from headrace.filesystems import (
    LocalFileSystem,
    MissingFileError,
    RemoteFileSystem,
    WritableFileSystem,
    finished,
)
from headrace.results.records import ResultRecordMetadata, open_envelope

__all__ = ["aread_result", "read_result"]

RETRY_SECONDS = (0.1, 0.2, 0.4, 0.8)
"""Waits before another attempt at storage that does not answer."""


def read_result(metadata: ResultRecordMetadata, retry: bool = True) -> Any:
    """The result that `metadata` speaks of; expired or not.

    Args:
        metadata: What a state carries of the result.
        retry: Try again a few times if storage does not answer.

    Raises:
        MissingResult: There is no file, or storage does not answer; the message names it.
        SerializationError: The file is damaged, or written with a serializer that is not known here.
    """
    if metadata.storage_key is None:
        raise MissingResult("The result was not kept: its metadata names no file. Use persist_result=True.")
    content = _content(metadata.storage_key, RETRY_SECONDS if retry else ())
    return metadata.serializer.loads(_payload(content, metadata))


async def aread_result(metadata: ResultRecordMetadata, retry: bool = True) -> Any:
    """See `read_result`; does not block the event loop."""
    import asyncio

    return await asyncio.to_thread(read_result, metadata, retry)


def _content(storage_key: str, waits: tuple[float, ...]) -> bytes:
    storage = _storage_of(storage_key)
    for wait in waits:
        try:
            return _attempt(storage, storage_key)
        except OSError:
            time.sleep(wait)
    try:
        return _attempt(storage, storage_key)
    except Exception as problem:
        raise MissingResult(f"The result {storage_key!r} cannot be read: {problem}") from problem


def _attempt(storage: WritableFileSystem, storage_key: str) -> bytes:
    try:
        return finished(storage.read_path(storage_key))
    except MissingFileError as problem:
        raise MissingResult(
            f"The result {storage_key!r} is not there. Was it deleted, or written on another machine?"
        ) from problem


def _storage_of(storage_key: str) -> WritableFileSystem:
    """The storage that a full path is in; that of the run that executes if it is there, for its credentials."""
    from headrace.results.current import get_result_store

    remote = "://" in storage_key
    if os.path.isabs(storage_key) and not remote:
        return LocalFileSystem()
    current = get_result_store().result_storage
    if remote and not (isinstance(current, RemoteFileSystem) and storage_key.startswith(current.basepath)):
        return RemoteFileSystem(storage_key.rpartition("/")[0])
    return current


def _payload(content: bytes, metadata: ResultRecordMetadata) -> bytes:
    """What the serializer wrote: in the envelope of a task's result, or the whole of a flow's."""
    try:
        found, payload = open_envelope(content)
    except SerializationError:
        return content
    # A bare result may itself look like an envelope; it is not the one of this file.
    return payload if found.storage_key == metadata.storage_key else content
