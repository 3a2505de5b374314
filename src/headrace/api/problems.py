"""What is wrong with a request: where, which kind of error, and what was given; read from msgspec's messages.

Expected `int`, got `str` - at `$.flows[1].id`   ->   int_type, ["flows", 1, "id"]
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

__all__ = ["Problem", "read_message", "sentence"]


class Problem(Struct):
    """One thing that is wrong with a request.

    Args:
        type: Which kind of error, in a word that programs can compare.
        loc: Where: `body`, `query` or `path`, then keys and indexes.
        msg: What is wrong.
        input: What was given there.
    """

    type: str
    loc: list[str | int]
    msg: str
    input: Any = None


_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*)`)?", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")

_KINDS = (
    (re.compile(r"Object contains unknown field `(.+)`", re.DOTALL), "extra_forbidden"),
    (re.compile(r"Object missing required field `(.+)`"), "missing"),
    (re.compile(r"Invalid enum value"), "enum"),
    (re.compile(r"Invalid UUID"), "uuid_parsing"),
    (re.compile(r"Invalid RFC3339 encoded (?:date|time)"), "datetime_parsing"),
    (re.compile(r"Expected `str` matching regex"), "string_pattern_mismatch"),
    (re.compile(r"Expected `\w+` of length"), "length"),
    (re.compile(r"Expected `\w+` (?:>=|>|<=|<)"), "out_of_range"),
    (re.compile(r"(?:Number|Integer value) out of range"), "out_of_range"),
    (re.compile(r"Expected `array"), "list_type"),
    (re.compile(r"Expected `object"), "dict_type"),
    (re.compile(r"Expected `str"), "string_type"),
    (re.compile(r"Expected `bool"), "bool_type"),
    (re.compile(r"Expected `int"), "int_type"),
    (re.compile(r"Expected `float"), "float_type"),
)


def read_message(message: str) -> tuple[str, list[str | int], str]:
    """The kind, the place and the text of one of msgspec's messages.

    The place ends where msgspec does not say which of a dictionary's values is meant.
    """
    match = _MESSAGE.fullmatch(message)
    text, path = (match["text"], match["path"] or "") if match else (message, "")
    place, is_exact = _place(path)
    for pattern, kind in _KINDS:
        if found := pattern.match(text):
            return kind, [*place, *(found.groups() if is_exact else ())], sentence(text)
    return "value_error", place, sentence(text)


def sentence(text: str) -> str:
    """A text with a full stop."""
    return text if text.endswith(".") else f"{text}."


def _place(path: str) -> tuple[list[str | int], bool]:
    place: list[str | int] = []
    for name, index, any_value in _STEP.findall(path):
        if any_value:
            return place, False
        place.append(int(index) if index else name)
    return place, True
