"""Searching by words: what a person types into a search field, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Search"]

_words = re.compile(r'([-!+]?)(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for.

    Args:
        wanted: Words of which one must be found, if there are any.
        needed: Words that must all be found.
        unwanted: Words that must not be found.
    """

    wanted: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Search:
        """The search that a text stands for: `-word` or `!word` is unwanted, `+word` needed, `"several words"` stay together."""
        found: dict[str, list[str]] = {"": [], "+": [], "-": []}
        for sign, phrase, word in _words.findall(text):
            found["-" if sign == "!" else sign].append(phrase or word)
        return cls(tuple(found[""]), tuple(found["+"]), tuple(found["-"]))

    def finds(self, texts: Iterable[str]) -> bool:
        """Whether the search succeeds in these texts taken together, in any case of letters."""
        lowered = [text.lower() for text in texts]

        def has(word: str) -> bool:
            return any(word.lower() in text for text in lowered)

        return (
            (not self.wanted or any(map(has, self.wanted)))
            and all(map(has, self.needed))
            and not any(map(has, self.unwanted))
        )
