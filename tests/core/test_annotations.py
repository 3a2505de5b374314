from __future__ import annotations

import pickle

import pytest

from headrace.core.annotations import (
    BaseAnnotation,
    Quote,
    allow_failure,
    freeze,
    opaque,
    quote,
    unmapped,
)

EVERY = [unmapped, allow_failure, quote, opaque, freeze]


@pytest.mark.parametrize("kind", EVERY)
def test_an_annotation_holds_its_value(kind: type[BaseAnnotation[object]]) -> None:
    annotated = kind([1])
    assert annotated.value == annotated.unwrap() == [1]
    assert annotated.rewrap(2) == kind(2)
    assert repr(annotated) == f"{kind.__name__}([1])"
    assert pickle.loads(pickle.dumps(annotated)) == annotated


def test_annotations_are_equal_only_to_their_own_kind() -> None:
    assert unmapped(1) == unmapped(1)
    assert unmapped(1) != allow_failure(1)
    assert unmapped(1) != 1
    assert len({unmapped(1), unmapped(1), quote(1)}) == 2


def test_unmapped_gives_its_value_at_every_index() -> None:
    assert unmapped("x")[0] == unmapped("x")[99] == "x"


def test_quote_and_freeze_have_words_of_their_own() -> None:
    assert quote(1).unquote() == 1
    assert Quote is quote
    assert freeze({"a": [1]}).unfreeze() == {"a": [1]}


def test_only_json_can_be_frozen() -> None:
    with pytest.raises(ValueError, match=r"freeze\(\).*JSON serializable.*object"):
        freeze(object())
