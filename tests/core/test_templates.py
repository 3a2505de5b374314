from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.templates import RunNameTemplate
from headrace.exceptions import ConfigurationError

examples = settings(max_examples=60)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("plain", {}, "plain"),
        ("{x}", {"x": 1}, "1"),
        ("load-{table}-{day:%Y-%m-%d}", {"table": "t", "day": date(2024, 2, 3)}, "load-t-2024-02-03"),
        ("{n:03}", {"n": 7}, "007"),
        ("{x!r}", {"x": "a"}, "'a'"),
        ("{user.name}", {"user": SimpleNamespace(name="ann")}, "ann"),
        ("{rows[0]}-{by[key]}", {"rows": [5], "by": {"key": 6}}, "5-6"),
        ("{{literal}}", {}, "{literal}"),
        ("{x:>{width}}", {"x": 1, "width": 3}, "  1"),
    ],
)
def test_templates_have_the_syntax_of_str_format(text: str, values: dict[str, Any], expected: str) -> None:
    assert RunNameTemplate(text).render(values) == expected


@examples
@given(st.text(), st.text())
def test_text_without_braces_is_its_own_rendering(text: str, value: str) -> None:
    text = text.replace("{", "").replace("}", "")
    assert RunNameTemplate(text + "{x}").render({"x": value}) == text + value


def test_fields_are_the_parameters_that_it_mentions() -> None:
    assert RunNameTemplate("{a.b}-{c[0]:{width}}-{a}").fields == ("a", "c", "width")


@pytest.mark.parametrize("text", ["{", "}", "{x", "{}", "{0}", "{!r}", "{x!}", "{x:{}}"])
def test_malformed_templates_are_refused_at_once(text: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        RunNameTemplate(text, option="task_run_name")
    assert f"task_run_name={text!r}" in str(refusal.value)


def test_a_missing_parameter_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"flow_run_name='\{z\}' mentions 'z'.*\['x', 'y'\]"):
        RunNameTemplate("{z}").render({"x": 1, "y": 2})


@pytest.mark.parametrize(
    ("text", "value"), [("{x.nope}", 1), ("{x[3]}", []), ("{x[k]}", {}), ("{x:%Y}", 3), ("{x!z}", 1)]
)
def test_what_a_value_cannot_do_is_said(text: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        RunNameTemplate(text).render({"x": value})
    assert refusal.value.__cause__ is not None
    assert repr(text) in str(refusal.value)


def test_a_structure_too_deep_to_print_is_an_error_like_others() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ConfigurationError, match="RecursionError"):
        RunNameTemplate("{x}").render({"x": deep})
