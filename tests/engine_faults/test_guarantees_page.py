"""The page of guarantees: every promise has its line, and every test that a line names exists."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
PAGE = (TESTS.parent / "docs" / "design" / "guarantees.md").read_text()


def test_every_guarantee_has_a_line_in_order():
    assert re.findall(r"^\| (G\d+) \|", PAGE, flags=re.M) == [f"G{number}" for number in range(1, 13)]


def test_every_test_that_is_named_exists():
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", PAGE)

    assert len(named) > 5
    for file, test in named:
        source = (TESTS / file).read_text()
        assert not test or f"def {test}(" in source, f"{file} has no {test}"


def test_every_family_of_tests_that_is_named_exists():
    source = (TESTS / "engine_faults" / "test_guarantees.py").read_text()

    for family in re.findall(r"`(test_g\d+_)\.\.\.`", PAGE):
        assert f"def {family}" in source
