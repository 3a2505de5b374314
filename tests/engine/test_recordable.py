"""Parameters as they are recorded: JSON, of bounded size, whatever was passed."""

from __future__ import annotations

import dataclasses
import enum
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from headrace.engine.recordable import recordable, short_repr

examples = settings(max_examples=60)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9)
)
lists = st.lists(scalars, max_size=4)
json_values = scalars | lists | st.dictionaries(st.text(max_size=3), scalars | lists, max_size=4)


class Model(BaseModel):
    x: int = 1
    inner: Any = None


class Level(enum.Enum):
    HIGH = "high"


@dataclasses.dataclass
class Point:
    x: int


@examples
@given(st.dictionaries(st.text(max_size=3), json_values, max_size=5))
def test_what_is_json_is_recorded_as_it_is(parameters: dict[str, Any]) -> None:
    assert recordable(parameters) == parameters


@pytest.mark.parametrize(
    ("value", "recorded"),
    [
        ((1, 2), [1, 2]),
        ({3}, [3]),
        (Model(inner=Point(2)), {"x": 1, "inner": {"x": 2}}),
        (Level.HIGH, "high"),
        (Point(1), {"x": 1}),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00Z"),
        (Path("a") / "b", str(Path("a") / "b")),
        (np.float64(1.5), 1.5),
        (np.int32(3), 3),
        (SecretStr("hidden"), "**********"),
    ],
)
def test_values_of_common_types_become_json(value: Any, recorded: Any) -> None:
    assert recordable({"x": value}) == {"x": recorded}


def test_a_record_is_a_snapshot() -> None:
    rows = [1]
    recorded = recordable({"rows": rows})
    rows.append(2)
    assert recorded == {"rows": [1]}


def test_what_json_cannot_hold_becomes_its_repr_with_a_note() -> None:
    recorded = recordable({"lock": threading.Lock(), "inside": [object()], "keys": {(1, 2): 3}, "fine": 1})
    assert recorded["lock"].endswith("<lock, recorded as its repr>")
    assert recorded["inside"][0].endswith("<object, recorded as its repr>")
    assert recorded["fine"] == 1
    json.dumps(recorded)


def test_texts_and_numbers_beyond_json_become_notes() -> None:
    recorded = recordable({"text": "\udc80", "number": 10**5000, "nested": ["\ud800"]})
    json.dumps(recorded, ensure_ascii=False).encode()
    assert "surrogates not allowed" in recorded["text"]
    assert recorded["number"].startswith("<int of 16610 bits>")


def test_structures_too_deep_or_endless_become_notes() -> None:
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    endless: list[Any] = []
    endless.append(endless)
    recorded = recordable({"deep": deep, "endless": endless})
    assert recorded == dict.fromkeys(
        ("deep", "endless"), "<list, nested too deeply to record or containing itself>"
    )


def test_a_value_too_large_becomes_a_summary() -> None:
    recorded = recordable({"text": "x" * 50_000_000, "rows": list(range(1_000_000)), "small": "ok"})
    assert recorded == {
        "text": "<str of length 50,000,000: too large to record>",
        "rows": "<list of length 1,000,000: too large to record>",
        "small": "ok",
    }


def test_of_values_too_large_together_the_largest_become_summaries() -> None:
    recorded = recordable({"a": ["x" * 100] * 3, "b": ["y" * 100] * 5, "c": "z" * 50}, limit_bytes=600)
    assert recorded["a"] == ["x" * 100] * 3
    assert recorded["b"] == "<list of length 5, 516 bytes as JSON: too large to record>"
    assert recorded["c"] == "z" * 50


@examples
@given(st.dictionaries(st.text(max_size=3), json_values, max_size=5), st.integers(0, 2000))
def test_a_record_is_never_much_larger_than_its_limit(parameters: dict[str, Any], limit: int) -> None:
    recorded = recordable(parameters, limit)
    scalars = sum(value is None or type(value) in (bool, float) for value in recorded.values())
    assert (
        sum(len(json.dumps(value)) for value in recorded.values())
        <= 6 * limit + 100 * len(recorded) + 30 * scalars
    )


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


def test_nothing_that_a_value_does_stops_the_recording() -> None:
    recorded = recordable({"x": Hostile(), "y": Model(inner=Hostile())})
    assert isinstance(recorded["x"], str)
    json.dumps(recorded)


LARGE: dict[str, Any] = {
    "str": "x" * 10**6,
    "bytes": b"x" * 10**6,
    "bytearray": bytearray(10**6),
    "list": [0] * 10**6,
    "int": 10**6000,
    "hostile": Hostile(),
    "nested": {1: {2: {3: {4: {5: 6}}}}},
}


@pytest.mark.parametrize("name", LARGE)
def test_a_short_repr_is_short(name: str) -> None:
    assert len(short_repr(LARGE[name])) <= 300
