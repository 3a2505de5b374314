"""Reading a result by the metadata that a state carries."""

from __future__ import annotations

import asyncio

import pytest

from headrace.exceptions import MissingResult, SerializationError
from headrace.filesystems import NullFileSystem
from headrace.results import ResultRecordMetadata, ResultStore, aread_result, read_result


def kept(store: ResultStore, value: object, key: str = "k") -> ResultRecordMetadata:
    """The metadata of a result that is written."""
    record = store.create_result_record(value, key=key)
    store.persist_result_record(record)
    assert record.metadata is not None
    return record.metadata


def test_a_tasks_result_is_read_from_its_envelope(store):
    assert read_result(kept(store, {"a": 1})) == {"a": 1}


def test_a_flows_result_is_read_from_its_bare_file(store):
    bare = store.with_options(metadata_storage=NullFileSystem())

    assert read_result(kept(bare, {"a": 1})) == {"a": 1}


def test_a_bare_result_that_looks_like_an_envelope_is_read_as_it_is(store, folder):
    envelope = {"metadata": kept(store, 1, key="other").to_wire(), "result": "gAVLAS4="}
    bare = store.with_options(metadata_storage=NullFileSystem(), serializer="json")

    assert read_result(kept(bare, envelope)) == envelope


def test_both_colours_do_the_same(store):
    assert asyncio.run(aread_result(kept(store, [1]))) == [1]


def test_a_result_in_remote_storage_is_found_by_its_address(tmp_path):
    store = ResultStore(result_storage=f"memory://{tmp_path.name}/results")

    assert read_result(kept(store, "value", key="a/b")) == "value"


def test_a_result_that_is_gone_is_missing_and_named(store, folder):
    metadata = kept(store, 1)
    (folder / "k").unlink()

    with pytest.raises(MissingResult, match="results/k"):
        read_result(metadata)


def test_a_result_that_was_never_kept_is_missing(store):
    metadata = kept(store, 1)
    metadata.storage_key = None

    with pytest.raises(MissingResult, match="persist_result"):
        read_result(metadata)


def test_storage_that_cannot_be_read_is_missing_and_named(store, folder):
    metadata = kept(store, 1)
    (folder / "k").unlink()
    (folder / "k").mkdir()

    with pytest.raises(MissingResult, match="results/k"):
        read_result(metadata, retry=False)


def test_a_damaged_file_is_an_error(store, folder):
    metadata = kept(store, 1)
    (folder / "k").write_bytes(b"{damaged")

    with pytest.raises(SerializationError):
        read_result(metadata)
