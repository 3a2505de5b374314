"""`ResultRecord`: a result with what is known about it, and its form in a file and in a state.

A file holds both parts as JSON, `{"metadata": {...}, "result": "..."}`, where `result` is what the serializer wrote;
a state carries the metadata only. The form is Prefect 3's.
"""

from __future__ import annotations

import base64
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

import msgspec

from headrace.exceptions import SerializationError

if TYPE_CHECKING:
    from headrace.serializers import Serializer

__all__ = ["ResultRecord", "ResultRecordMetadata"]

R = TypeVar("R")

_encoder = msgspec.json.Encoder()


class ResultRecordMetadata(msgspec.Struct):
    """What is known about a kept result.

    Args:
        storage_key: The full path of its file.
        expiration: When it ceases to be valid as a cached result (UTC); None for never.
        serializer: What wrote it.
        prefect_version: The version of the program that wrote it; the name is that of the wire format.
        storage_block_id: The storage block that it is in, if it is in one.
    """

    storage_key: str | None
    expiration: datetime | None
    serializer: Serializer[Any]
    prefect_version: str
    storage_block_id: UUID | None = None

    def expired(self, now: datetime) -> bool:
        """Whether the result has ceased to be valid at `now`."""
        return self.expiration is not None and self.expiration <= now

    def to_wire(self) -> dict[str, Any]:
        """The metadata as plain data, as it stands in states and files."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]

    @classmethod
    def from_wire(cls, wire: dict[str, Any]) -> ResultRecordMetadata:
        """The metadata that `to_wire` made plain data of.

        Raises:
            SerializationError: It has another shape, or names a serializer that is not known here.
        """
        try:
            return _metadata(msgspec.convert(wire, _Metadata))
        except (ValueError, TypeError) as problem:
            raise SerializationError(f"{wire!r} is not the metadata of a result: {problem}.") from problem

    def dump_bytes(self) -> bytes:
        """The metadata as JSON."""
        return _encoder.encode(self)

    @classmethod
    def load_bytes(cls, data: bytes) -> ResultRecordMetadata:
        """The metadata that `dump_bytes` made JSON of.

        Raises:
            SerializationError: It is no JSON, has another shape, or names a serializer that is not known here.
        """
        try:
            return _metadata(msgspec.json.decode(data, type=_Metadata))
        except (ValueError, TypeError) as problem:
            raise SerializationError(f"The metadata of a result cannot be read: {problem}.") from problem


class ResultRecord(Generic[R]):
    """A result, and what is known about it if it is kept in storage.

    Args:
        result: The value.
        metadata: Where it is kept; None for a result that is only in memory.
    """

    __slots__ = ("metadata", "result")

    def __init__(self, result: R, metadata: ResultRecordMetadata | None = None) -> None:
        self.result = result
        self.metadata = metadata

    def serialize(self) -> bytes:
        """The record as the content of its file.

        Raises:
            SerializationError: The result cannot be serialized, or the record has no metadata.
        """
        if self.metadata is None:
            raise SerializationError(
                "A result that is only in memory has no form in a file: it has no metadata."
            )
        return envelope(self.metadata, self.metadata.serializer.dumps(self.result))

    @classmethod
    def deserialize(cls, data: bytes) -> ResultRecord[Any]:
        """The record that a file's content stands for.

        Raises:
            SerializationError: The content is damaged, or something else than a record.
        """
        metadata, payload = open_envelope(data)
        return ResultRecord(metadata.serializer.loads(payload), metadata)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ResultRecord)
            and other.metadata == self.metadata
            and other.result == self.result
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ResultRecord(metadata={self.metadata!r}, result={self.result!r})"


class _Metadata(msgspec.Struct):
    """The metadata as it stands in JSON, before its serializer is looked up."""

    storage_key: str | None
    serializer: dict[str, Any]
    expiration: datetime | None = None
    prefect_version: str = ""
    storage_block_id: UUID | None = None


class _Envelope(msgspec.Struct):
    """A file's content. `encoding` is set when a serializer's bytes are not UTF-8."""

    metadata: _Metadata
    result: str
    encoding: str | None = None


_decoder = msgspec.json.Decoder(_Envelope)


def envelope(metadata: ResultRecordMetadata, payload: bytes) -> bytes:
    """The content of a result's file: its metadata and what its serializer wrote."""
    try:
        content = {"metadata": metadata, "result": payload.decode()}
    except UnicodeDecodeError:
        content = {"metadata": metadata, "result": base64.b64encode(payload).decode(), "encoding": "base64"}
    return _encoder.encode(content)


def open_envelope(data: bytes) -> tuple[ResultRecordMetadata, bytes]:
    """The metadata and the serialized result in a file's content.

    Raises:
        SerializationError: The content is damaged, or something else than a record.
    """
    try:
        content = _decoder.decode(data)
        metadata = _metadata(content.metadata)
    except (ValueError, TypeError) as problem:
        raise SerializationError(f"The file holds no result, or a damaged one: {problem}.") from problem
    payload = content.result.encode()
    return metadata, base64.b64decode(payload) if content.encoding == "base64" else payload


def _metadata(wire: _Metadata) -> ResultRecordMetadata:
    from headrace.serializers import resolve_serializer

    return ResultRecordMetadata(
        storage_key=wire.storage_key,
        expiration=wire.expiration,
        serializer=resolve_serializer(wire.serializer),
        prefect_version=wire.prefect_version,
        storage_block_id=wire.storage_block_id,
    )


@cache
def own_version() -> str:
    """The version of this program, as results carry it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("headrace")
    except PackageNotFoundError:  # Run from a source tree.
        return "0"
