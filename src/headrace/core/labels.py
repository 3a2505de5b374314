"""Labels of resources, and patterns that their values must match.

    red       the label is there, and its value is `red`
    red*      ... begins with `red`; `*` alone is any value
    !red      ... is something else, `!red*` begins with something else

A label that is not there matches nothing, not even a negation. Of several patterns one must match.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

__all__ = ["LabelPattern", "matches", "patterns_of"]

Specification = Mapping[str, str | Sequence[str]]


class LabelPattern(NamedTuple):
    """What the value of a label must be.

    Args:
        text: The value, or how it must begin.
        is_prefix: Whether it is enough to begin so.
        negated: Whether the contrary must be true.
    """

    text: str
    is_prefix: bool
    negated: bool

    @classmethod
    def parse(cls, pattern: str) -> LabelPattern:
        """The pattern that a text stands for."""
        negated = pattern.startswith("!")
        text = pattern[1:] if negated else pattern
        is_prefix = text.endswith("*")
        return cls(text[:-1] if is_prefix else text, is_prefix, negated)

    def matches(self, value: str) -> bool:
        """Whether a value is as the pattern says."""
        found = value.startswith(self.text) if self.is_prefix else value == self.text
        return found is not self.negated


def patterns_of(specification: Specification) -> Iterator[tuple[str, list[LabelPattern]]]:
    """The labels that a resource must have, each with the patterns of which its value must match one."""
    for key, given in specification.items():
        yield key, [LabelPattern.parse(each) for each in ([given] if isinstance(given, str) else given)]


def matches(specification: Specification, labels: Mapping[str, str]) -> bool:
    """Whether a resource with these labels has all that is specified."""
    for key, patterns in patterns_of(specification):
        value = labels.get(key)
        if value is None or not any(pattern.matches(value) for pattern in patterns):
            return False
    return True
