"""`ResultStore`: what is written under a key is read under it, in the form that Prefect 3 reads."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from headrace.exceptions import SerializationError
from headrace.filesystems import NullFileSystem
from headrace.results import (
    ResultRecord,
    ResultRecordMetadata,
    ResultStore,
)
from headrace.serializers import Serializer

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_what_is_written_is_read(store):
    store.write({"wheel": [1, 2]}, key="k")

    assert store.read("k").result == {"wheel": [1, 2]}
    assert store.exists("k")


def test_both_colours_do_the_same(store):
    async def main() -> tuple[bool, object, bool]:
        before = await store.aexists("k")
        await store.awrite("value", key="k")
        return before, (await store.aread("k")).result, await store.aexists("k")

    assert asyncio.run(main()) == (False, "value", True)


def test_none_is_a_result_like_any_other(store):
    store.write(None, key="k")

    assert store.exists("k")
    assert store.read("k").result is None


def test_each_reader_gets_a_value_of_its_own(store):
    store.write([1], key="k")

    store.read("k").result.append(2)

    assert store.read("k").result == [1]


def test_a_result_without_a_key_gets_a_key_of_its_own(store, folder):
    store.write(1)
    store.write(2)

    assert len(list(folder.iterdir())) == 2


def test_the_full_path_of_a_result_is_also_its_key(store, folder):
    store.write("value", key="a/b")

    assert store.read(str(folder / "a" / "b")).result == "value"


def test_a_missing_result_is_an_error_that_names_it(store):
    with pytest.raises(ValueError, match="nowhere"):
        store.read("nowhere")
    assert not store.exists("nowhere")


@pytest.mark.parametrize("content", [b"", b"{damaged", b'{"metadata": {}}', b"[]", b"\xff"])
def test_a_damaged_result_does_not_exist_and_reading_it_is_an_error(store, folder, content):
    store.write("value", key="k")
    (folder / "k").write_bytes(content)

    assert not store.exists("k")
    with pytest.raises(SerializationError):
        store.read("k")


def test_an_expired_result_does_not_exist_but_can_be_read(store):
    store.write("old", key="k", expiration=datetime.now(UTC) - timedelta(seconds=1))
    store.write("new", key="l", expiration=datetime.now(UTC) + timedelta(hours=1))

    assert not store.exists("k")
    assert store.read("k").result == "old"
    assert store.exists("l")


def test_a_key_that_leads_out_of_storage_is_refused(store):
    with pytest.raises(ValueError, match="outside"):
        store.write(1, key="../k")


# --- The form of a file ----------------------------------------------------------------------------------------


def test_a_file_holds_the_metadata_and_the_serialized_result(store, folder):
    store.write({"a": 1}, key="k", expiration=NOON)

    written = json.loads((folder / "k").read_bytes())

    assert pickle.loads(base64.b64decode(written["result"])) == {"a": 1}
    version = written["metadata"].pop("prefect_version")
    assert version
    assert written["metadata"] == {
        "storage_key": str(folder.resolve() / "k"),
        "expiration": "2026-01-31T12:00:00Z",
        "serializer": {"type": "pickle", "picklelib": "cloudpickle", "picklelib_version": None},
        "storage_block_id": None,
    }


def test_a_json_result_stands_in_its_file_as_it_is(folder):
    ResultStore(result_storage=folder, serializer="json").write([1, "a"], key="k")

    written = json.loads((folder / "k").read_bytes())

    assert written["result"] == '[1, "a"]'
    assert written["metadata"]["serializer"] == {
        "type": "json",
        "jsonlib": "json",
        "object_encoder": "prefect.serializers.prefect_json_object_encoder",
        "object_decoder": "prefect.serializers.prefect_json_object_decoder",
        "dumps_kwargs": {},
        "loads_kwargs": {},
    }


def test_a_file_as_prefect_writes_it_is_read(store, folder):
    folder.mkdir()
    (folder / "k").write_text(
        '{"metadata":{"storage_key":"/elsewhere/k","expiration":null,"serializer":{"type":"compressed/json","serializer":'
        '{"type":"json","jsonlib":"json","object_encoder":"prefect.serializers.prefect_json_object_encoder",'
        '"object_decoder":"prefect.serializers.prefect_json_object_decoder","dumps_kwargs":{},"loads_kwargs":{}},'
        '"compressionlib":"lzma"},"prefect_version":"3.8.8","storage_block_id":null},"result":'
        '"/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQACWzFdAAATEhxHAZG2dwABGwMLL7kQH7bzfQEAAAAA\\nBFla\\n"}'
    )

    record = store.read("k")

    assert record.result == [1]
    assert record.metadata.prefect_version == "3.8.8"


def test_a_result_is_read_with_what_wrote_it(folder):
    ResultStore(result_storage=folder, serializer="json").write((1, 2), key="k")

    assert ResultStore(result_storage=folder, serializer="pickle").read("k").result == [1, 2]


def test_a_serializer_may_write_bytes_that_are_no_text(folder):
    class Raw(Serializer):
        type: str = "test-raw"

        def dumps(self, obj):
            return bytes(obj)

        def loads(self, blob):
            return list(blob)

    ResultStore(result_storage=folder, serializer="test-raw").write([255, 0, 254], key="k")

    assert ResultStore(result_storage=folder).read("k").result == [255, 0, 254]


def test_metadata_can_be_kept_apart_from_results(folder, tmp_path):
    store = ResultStore(result_storage=folder, metadata_storage=tmp_path / "keys", serializer="json")

    store.write([1], key="a/k", expiration=NOON)

    assert (folder / "a" / "k").read_bytes() == b"[1]"
    assert json.loads((tmp_path / "keys" / "a" / "k").read_bytes())["storage_key"] == str(
        folder.resolve() / "a" / "k"
    )
    assert store.read("a/k").result == [1]
    assert store.read("a/k").metadata.expiration == NOON
    assert not store.exists("a/k")


def test_metadata_without_its_result_is_no_result(folder, tmp_path):
    store = ResultStore(result_storage=folder, metadata_storage=tmp_path / "keys")
    store.write(1, key="k")
    (folder / "k").unlink()

    assert not store.exists("k")


def test_without_metadata_a_file_is_just_the_serialized_result(folder):
    store = ResultStore(result_storage=folder, metadata_storage=NullFileSystem(), serializer="json")

    store.write([1], key="k")

    assert (folder / "k").read_bytes() == b"[1]"
    assert store.read("k").result == [1]


# --- Records ---------------------------------------------------------------------------------------------------


def test_a_record_survives_serialization(store):
    record = store.create_result_record({"a": 1}, key="k", expiration=NOON)

    assert ResultRecord.deserialize(record.serialize()) == record


def test_metadata_survives_the_wire(store):
    metadata = store.create_result_record(1, key="k", expiration=NOON).metadata

    assert (
        ResultRecordMetadata.from_wire(json.loads(json.dumps(msgspec.to_builtins(metadata.to_wire()))))
        == metadata
    )
    assert ResultRecordMetadata.load_bytes(metadata.dump_bytes()) == metadata


def test_a_record_is_written_once_it_is_asked_for(store):
    record = store.create_result_record("value", key="k")

    assert not store.exists("k")
    store.persist_result_record(record)
    assert store.read("k") == record


def test_a_record_in_memory_only_cannot_be_written(store):
    with pytest.raises(SerializationError, match="create_result_record"):
        store.persist_result_record(ResultRecord(1))
    with pytest.raises(SerializationError, match="metadata"):
        ResultRecord(1).serialize()


@pytest.mark.parametrize(
    "wire", [{}, {"storage_key": 3}, {"storage_key": "k", "serializer": {"type": "nonsense"}}]
)
def test_what_is_no_metadata_is_refused(wire):
    with pytest.raises(SerializationError):
        ResultRecordMetadata.from_wire(wire)
