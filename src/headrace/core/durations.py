"""Durations as people write them: `"1 hour"`, `"2 days"`, a number of seconds, a timedelta."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

__all__ = ["parse_duration"]

UNITS = {
    "second": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "m": 60.0,
    "hour": 3_600.0,
    "hr": 3_600.0,
    "h": 3_600.0,
    "day": 86_400.0,
    "d": 86_400.0,
    "week": 604_800.0,
    "w": 604_800.0,
}
"""Seconds of each unit; a plural `s` may follow any of two letters or more. Months and years have no fixed length."""

PART = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+|an?(?=\s))\s*([a-z]+)\s*(?:,|and\b)?", re.IGNORECASE)
EXAMPLES = "'30 minutes', '1 hour', '2 days', '1 hour 30 minutes', a number of seconds, or a timedelta"


def parse_duration(value: Any, option: str = "duration") -> timedelta:
    """The duration that `value` says.

    Args:
        value: Text such as `"1 hour"`, a number of seconds, or a timedelta.
        option: What the value was given for; errors name it.

    Raises:
        ValueError: The text is no duration, or the duration is not positive.
        TypeError: It is something else.

    >>> parse_duration("1 hour 30 minutes")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        duration = value
    elif isinstance(value, str):
        duration = _seconds(_parse(value, option), value, option)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        duration = _seconds(value, value, option)
    else:
        raise TypeError(f"`{option}` must be {EXAMPLES}; got {value!r}, of type {type(value).__name__!r}.")
    if duration <= timedelta(0):
        raise ValueError(f"`{option}` must be longer than nothing; got {value!r}.")
    return duration


def _seconds(seconds: float, value: str | float, option: str) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError) as problem:
        raise ValueError(
            f"`{option}` is {value!r}, which is no duration that Python can hold: {problem}."
        ) from problem


def _parse(text: str, option: str) -> float:
    """Seconds of a text: a bare number, or numbers each followed by a unit."""
    try:
        bare = float(text)
    except ValueError:
        pass
    else:
        return bare if math.isfinite(bare) else _refuse(text, option)
    position, total = 0, 0.0
    while position < len(text.rstrip()):
        part = PART.match(text, position)
        unit = _unit(part[2]) if part is not None else None
        if part is None or unit is None:
            return _refuse(text, option)
        total += unit * (1.0 if part[1][0] in "aA" else float(part[1]))
        position = part.end()
    return total if position else _refuse(text, option)


def _unit(word: str) -> float | None:
    word = word.lower()
    return UNITS.get(word) or (UNITS.get(word[:-1]) if len(word) > 2 and word.endswith("s") else None)


def _refuse(text: str, option: str) -> float:
    raise ValueError(f"`{option}` is {text!r}, which is no duration. Write {EXAMPLES}.")
