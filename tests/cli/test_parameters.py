"""Parameters from the command line: JSON where they are JSON, text where the flow wants text."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import pytest
from cyclopts import CycloptsError

from headrace.cli.parameters import read_parameters


def flow_function(
    x: int,
    zip_code: str,
    maybe: str | None,
    old: Optional[str],  # noqa: UP045
    noted: Annotated[str, "note"],
    either: int | str,
    anything: Any,
    bare,
    **more: Any,
) -> None:
    """Parameters of many kinds."""


CASES = [
    ("x=3", 3),
    ("x=three", "three"),
    ("x=", ""),
    ("x=[1, 2]", [1, 2]),
    ('x={"a": 1}', {"a": 1}),
    ("zip_code=01234", "01234"),
    ("zip_code=1234", "1234"),
    ("zip_code=true", "true"),
    ("zip_code=null", "null"),
    ('zip_code="quoted"', "quoted"),
    ("maybe=null", None),
    ("maybe=5", "5"),
    ("old=5", "5"),
    ("noted=5", "5"),
    ("either=5", 5),
    ("anything=5", 5),
    ("bare=5", 5),
    ("bare=a=b", "a=b"),
    ("unknown=2.5", 2.5),
    ("x=-3", -3),
    ("x=2026-01-01", "2026-01-01"),
    ("bare=\udcff", "\udcff"),
]


@pytest.mark.parametrize(("pair", "value"), CASES)
def test_a_value_is_json_or_text(pair, value):
    name = pair.partition("=")[0]
    assert read_parameters(flow_function, [pair], None) == {name: value}


def test_a_pair_wins_over_the_object_and_the_last_pair_over_others():
    assert read_parameters(flow_function, ["x=1", "x=2"], '{"x": 0, "bare": 0}') == {"x": 2, "bare": 0}


def test_annotations_as_text_are_understood():
    def deferred(zip_code: "str", unknown: "NoSuchName") -> None:  # type: ignore[name-defined]  # noqa: F821, UP037
        """Has an annotation that cannot be resolved."""

    assert read_parameters(deferred, ["unknown=1"], None) == {"unknown": 1}


@pytest.mark.parametrize("pair", ["x", "=3", ""])
def test_a_pair_without_a_name_or_a_value_is_a_usage_error(pair):
    with pytest.raises(CycloptsError, match="expected NAME=VALUE"):
        read_parameters(flow_function, [pair], None)


@pytest.mark.parametrize("text", ["[1]", "{", "3", ""])
def test_an_object_that_is_none_is_a_usage_error(text):
    with pytest.raises(CycloptsError, match="expected a JSON object"):
        read_parameters(flow_function, [], text)
