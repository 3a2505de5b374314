"""Label patterns: values, beginnings, negations."""

from __future__ import annotations

import pytest

from headrace.core.labels import matches


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("foo", "foo", True),
        ("foo", "bar", False),
        ("foo", "Foo", False),
        ("foo", None, False),
        ("", "", True),
        ("*", "", True),
        ("*", None, False),
        ("foo*", "foo", True),
        ("foo*", "foobar", True),
        ("foo*", "FOOB", False),
        ("f*o", "fxo", False),
        ("f*o", "f*o", True),
        ("**", "x", False),
        ("foo**", "foo*x", True),
        ("!foo", "bar", True),
        ("!foo", "foo", False),
        ("!foo", None, False),
        ("!foo*", "foobar", False),
        ("!foo*", "bar", True),
        ("!*", "x", False),
        ("!", "x", True),
        ("!!foo", "!foo", False),
        ("!!foo", "foo", True),
        (["foo", "bar"], "bar", True),
        (["!foo", "!bar"], "foo", True),
        (["!foo", "bar"], "foo", False),
        ([], "foo", False),
    ],
)
def test_patterns_are_what_clients_of_prefect_mean_by_them(pattern, value, expected):
    assert matches({"label": pattern}, {} if value is None else {"label": value}) is expected


def test_all_labels_must_match():
    labels = {"a": "1", "b": "2"}
    assert matches({}, labels)
    assert matches({"a": "1", "b": "2*"}, labels)
    assert not matches({"a": "1", "b": "3"}, labels)
    assert not matches({"a": "1", "c": "*"}, labels)
