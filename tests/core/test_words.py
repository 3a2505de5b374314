"""Searching by words."""

from __future__ import annotations

import pytest

from headrace.core.words import Search


@pytest.mark.parametrize(
    ("query", "search"),
    [
        ("", Search()),
        ("  a  b ", Search(wanted=("a", "b"))),
        ('"a b" c', Search(wanted=("a b", "c"))),
        ("+a -b !c", Search(needed=("a",), unwanted=("b", "c"))),
        ('-"a b"', Search(unwanted=("a b",))),
        ('"', Search(wanted=('"',))),
    ],
)
def test_a_text_is_taken_apart(query, search):
    assert Search.parse(query) == search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True),
        ("WORLD", True),
        ("moon", False),
        ("moon world", True),
        ("+hello +world", True),
        ("+hello +moon", False),
        ('"hello world"', False),
        ("hello -world", False),
        ("-moon", True),
    ],
)
def test_words_are_found_in_all_texts_together(query, found):
    assert Search.parse(query).finds(["Hello", "the World"]) is found
