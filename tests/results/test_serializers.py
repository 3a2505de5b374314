"""Serializers: what they write can be read again, what they cannot write is named."""

from __future__ import annotations

import base64
import json
import pickle
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath
from uuid import UUID

import cloudpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from headrace.exceptions import SerializationError
from headrace.serializers import (
    CompressedJSONSerializer,
    CompressedPickleSerializer,
    CompressedSerializer,
    JSONSerializer,
    PickleSerializer,
    Serializer,
    resolve_serializer,
)

BUILT_IN = ["pickle", "json", "compressed/pickle", "compressed/json"]


class Wheel(BaseModel):
    spokes: int
    made: datetime


@dataclass
class Mill:
    name: str
    built: date


class Stone(Enum):
    GRANITE = "granite"


class Flooded(Exception):
    def __init__(self, level: float, place: str) -> None:
        super().__init__(level, place)


class Sieve:
    def __init__(self, lock: object) -> None:
        self.lock = lock


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text().filter(lambda key: "__" not in key), inner, max_size=4)
    ),
    max_leaves=15,
)


@pytest.mark.parametrize("name", BUILT_IN)
@settings(max_examples=50)
@given(value=plain_data)
def test_plain_data_comes_back_as_it_was(name, value):
    serializer = resolve_serializer(name)

    assert serializer.loads(serializer.dumps(value)) == value


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_written_can_stand_in_json(name):
    written = resolve_serializer(name).dumps(["Wasserrad", 3])

    assert json.loads(json.dumps(written.decode())) == written.decode()


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
        datetime(2026, 1, 31, 12, 30),
        date(2026, 1, 31),
        time(12, 30, tzinfo=timezone(timedelta(hours=2))),
        timedelta(days=2, microseconds=5),
        UUID("0191d6f2-0000-7000-8000-000000000000"),
        Path("/mill/race"),
        PurePosixPath("race"),
        Decimal("1.10"),
        {1, 2, 3},
        frozenset({"a"}),
        b"text",
        b"\xff\x00",
        3 + 4j,
        Stone.GRANITE,
        Mill("upper", date(1850, 5, 1)),
        Wheel(spokes=12, made=datetime(2020, 1, 1, tzinfo=UTC)),
        {"nested": [{1}, {"at": date(2026, 1, 1)}]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_json_brings_back_objects(value):
    serializer = JSONSerializer()

    found = serializer.loads(serializer.dumps(value))

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "error", [ValueError("boom"), KeyError("wheel"), Flooded(1.5, "cellar"), OSError(2, "gone"), ValueError()]
)
def test_json_brings_back_exceptions_with_their_arguments(error):
    serializer = JSONSerializer()

    found = serializer.loads(serializer.dumps(error))

    assert type(found) is type(error)
    assert found.args == error.args


def test_json_keeps_the_message_of_an_exception_whose_arguments_are_not_plain():
    serializer = JSONSerializer()

    found = serializer.loads(serializer.dumps(ValueError(object, "two")))

    assert isinstance(found, ValueError)
    assert "two" in str(found)


def test_json_reads_objects_as_prefect_writes_them():
    written = b'[{"__class__": "datetime.timedelta", "data": "PT3S"}, {"__exc_type__": "builtins.ValueError", "message": "boom"}]'

    duration, error = JSONSerializer().loads(written)

    assert duration == timedelta(seconds=3)
    assert (type(error), str(error)) == (ValueError, "boom")


def test_json_without_encoder_and_decoder_is_just_json():
    serializer = JSONSerializer(object_encoder=None, object_decoder=None)

    assert serializer.loads(b'{"__class__": "builtins.set", "data": [1]}') == {
        "__class__": "builtins.set",
        "data": [1],
    }
    with pytest.raises(SerializationError):
        serializer.dumps({1, 2})


def test_json_hands_its_options_on():
    assert JSONSerializer(dumps_kwargs={"indent": 1}).dumps([1]) == b"[\n 1\n]"
    assert JSONSerializer(loads_kwargs={"parse_int": str}).loads(b"[1]") == ["1"]


@pytest.mark.parametrize(
    "value", ["text", 3, [1, {"a": (1, 2)}], lambda x: x + 1], ids=["text", "int", "list", "lambda"]
)
def test_a_pickle_is_what_cloudpickle_reads(value):
    written = base64.b64decode(PickleSerializer().dumps(value))

    assert type(cloudpickle.loads(written)) is type(value)


def test_a_pickle_with_line_breaks_as_prefect_writes_them_is_read():
    written = base64.encodebytes(pickle.dumps(list(range(100))))

    assert PickleSerializer().loads(written) == list(range(100))


def test_a_lambda_survives_pickling():
    serializer = PickleSerializer()

    assert serializer.loads(serializer.dumps(lambda x: x * 2))(21) == 42


def test_compressed_data_is_smaller():
    repetitive = ["mill"] * 10_000

    for compressed, plain in (
        (CompressedPickleSerializer(), PickleSerializer()),
        (CompressedJSONSerializer(), JSONSerializer()),
    ):
        assert len(compressed.dumps(repetitive)) * 10 < len(plain.dumps(repetitive))


def test_any_serializer_can_be_compressed_with_any_library():
    serializer = CompressedSerializer(serializer="json", compressionlib="zlib")

    assert serializer.loads(serializer.dumps({"a": [1, 2]})) == {"a": [1, 2]}


# --- What cannot be serialized ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize(
    ("value", "named"),
    [
        (threading.Lock(), "lock"),
        ({"models": [1, threading.Lock()]}, r"\['models'\]\[1\]"),
        ([{"sieve": Sieve(threading.Lock())}], r"\[0\]\['sieve'\]"),
    ],
    ids=["itself", "in containers", "in an object"],
)
def test_an_error_names_the_part_that_cannot_be_serialized(name, value, named):
    with pytest.raises(SerializationError, match=named):
        resolve_serializer(name).dumps(value)


def test_an_error_names_the_attribute_that_cannot_be_pickled():
    with pytest.raises(SerializationError, match=r"\.lock"):
        PickleSerializer().dumps(Sieve(threading.Lock()))


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_structure_too_deep_for_the_recursion_limit_is_an_error_that_says_so(name):
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]

    with pytest.raises(SerializationError, match="nested too deeply"):
        resolve_serializer(name).dumps(deep)
    while deep:  # Freeing it at once would recurse as deep.
        deep = deep.pop()


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("blob", [b"", b"{damaged", b"\xff\xfe", base64.b64encode(b"damaged")])
def test_damaged_bytes_are_an_error(name, blob):
    with pytest.raises(SerializationError, match="cannot be read"):
        resolve_serializer(name).loads(blob)


# --- Selecting and configuring ---------------------------------------------------------------------------------


def test_a_subclass_is_selected_by_its_type():
    class Shouting(Serializer):
        type: str = "test-shouting"
        mark: str = "!"

        def dumps(self, obj):
            return (str(obj).upper() + self.mark).encode()

        def loads(self, blob):
            return blob.decode().removesuffix(self.mark).lower()

    assert resolve_serializer("test-shouting").dumps("hello") == b"HELLO!"
    assert resolve_serializer({"type": "test-shouting", "mark": "?"}).dumps("hello") == b"HELLO?"
    assert (
        CompressedSerializer(serializer="test-shouting").loads(
            CompressedSerializer(serializer="test-shouting").dumps("hello")
        )
        == "hello"
    )


def test_a_subclass_that_is_defined_again_replaces_the_former():
    for version in (b"1", b"2"):

        class Versioned(Serializer):
            type: str = "test-versioned"
            written: bytes = version

            def dumps(self, obj):
                return self.written

        assert resolve_serializer("test-versioned").dumps(None) == version


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_serializer_is_rebuilt_from_its_fields(name):
    import msgspec

    serializer = resolve_serializer(name)

    assert resolve_serializer(msgspec.to_builtins(serializer)) == serializer


def test_an_unknown_type_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'nonsense'.*compressed/json.*pickle"):
        resolve_serializer("nonsense")


def test_something_that_is_no_serializer_is_refused():
    with pytest.raises(TypeError, match=r"result_serializer.*got 4"):
        resolve_serializer(4)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: PickleSerializer(picklelib="no_such_module"), "picklelib.*no_such_module"),
        (lambda: PickleSerializer(picklelib="math"), "picklelib.*`dumps`"),
        (lambda: JSONSerializer(jsonlib="no_such_module"), "jsonlib.*no_such_module"),
        (
            lambda: CompressedSerializer(serializer="json", compressionlib="math"),
            "compressionlib.*`compress`",
        ),
        (lambda: CompressedSerializer(serializer="nonsense"), "nonsense"),
        (lambda: JSONSerializer(dumps_kwargs={"default": str}), "object_encoder"),
        (lambda: JSONSerializer(loads_kwargs={"object_hook": str}), "object_decoder"),
        (
            lambda: JSONSerializer(object_encoder="no_such_module.f").dumps(1),
            "object_encoder.*no_such_module",
        ),
        (lambda: JSONSerializer(object_decoder="json.no_such_function").loads(b"1"), "object_decoder"),
    ],
)
def test_what_cannot_be_configured_is_refused_by_name(make, named):
    with pytest.raises(ValueError, match=named):
        make()


def test_reading_with_another_version_of_the_pickle_library_warns():
    with pytest.warns(RuntimeWarning, match=r"cloudpickle 0\.1"):
        PickleSerializer(picklelib_version="0.1")
