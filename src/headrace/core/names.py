"""Names for people: two-word run names, slugs, and secrets that may be shown.

The words are coolname's. Only its word lists are loaded: the package itself builds thirty generators and validates
them when it is imported, which takes 18-25 ms; the lists, as the two-word generator would join them, take 1.5 ms.
"""

from __future__ import annotations

import os
import re
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from typing import Any

__all__ = ["generate_name", "obfuscate", "slugify", "task_name"]

# fmt: off
UNSUITABLE = frozenset({
    "aboriginal", "beaver", "booby", "chubby", "curvy", "demonic", "fat", "flashy", "flat", "funky", "gay", "girlish",
    "godlike", "hairy", "heretic", "illegal", "juicy", "kickass", "macho", "meaty", "naughty", "nippy", "petite",
    "sassy", "sexy", "sloppy", "sticky", "thick", "uptight",
})
# fmt: on
"""Words that make names nobody wants to read aloud."""

MASK = "********"

_CHECKSUM = re.compile(r"(?<=.)-(?:[0-9a-f]{8,64}|unknown)\Z")


def generate_name() -> str:
    """Two words for a run: `laughing-nightingale`. There are some 350,000 such names."""
    adjectives, nouns = _words()
    # Not the `random` module: its state is the user's to seed, and a forked child would repeat its parent's names.
    drawn = int.from_bytes(os.urandom(8))
    while True:
        drawn, first = divmod(drawn, len(adjectives))
        drawn, second = divmod(drawn, len(nouns))
        adjective, noun = adjectives[first], nouns[second]
        if adjective[:4] != noun[:4]:
            return f"{adjective}-{noun}"
        drawn = int.from_bytes(os.urandom(8))


@cache
def _words() -> tuple[list[str], list[str]]:
    lists = _word_lists()
    return _suitable(lists, "adj_any"), _suitable(lists, "subj")


def _word_lists() -> dict[str, Any]:
    package = find_spec("coolname")
    assert package is not None
    assert package.submodule_search_locations
    path = os.path.join(package.submodule_search_locations[0], "data", "__init__.py")
    spec = spec_from_file_location("headrace_coolname_words", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.config  # type: ignore[no-any-return]


def _suitable(lists: dict[str, Any], name: str) -> list[str]:
    return [word for word in dict.fromkeys(_flattened(lists, name)) if word not in UNSUITABLE]


def _flattened(lists: dict[str, Any], name: str) -> list[str]:
    entry = lists[name]
    if "words" in entry:
        return list(entry["words"])
    return [word for part in entry["lists"] for word in _flattened(lists, part)]


def obfuscate(secret: Any, show_tail: bool = False) -> str:
    """A secret as it may be shown: asterisks, as many for every secret.

    Args:
        secret: What must not be shown.
        show_tail: Show the last four characters, of a secret that has at least eight more.
    """
    text = str(secret)
    if show_tail and len(text) >= 12:
        return "****" + text[-4:]
    return MASK


def slugify(text: str, max_length: int | None = None) -> str:
    """Text as part of an address: ASCII lower-case letters and digits, other characters as single hyphens.

    Args:
        text: Any text; letters with marks lose them, what has no ASCII letter is dropped.
        max_length: Characters to keep at most; None keeps all.

    Example:
        slugify("Café Müller (2)")  # "cafe-muller-2"
    """
    from unicodedata import normalize

    plain = normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    words = "".join(character if character.isalnum() else " " for character in plain).split()
    slug = "-".join(words)
    return slug if max_length is None else slug[:max_length].rstrip("-")


def task_name(task_key: str, run_name: str = "", dynamic_key: str = "") -> str:
    """What a task is called, as far as a run of it tells.

    Args:
        task_key: `name-1a2b3c4d`: the function's name and a checksum.
        run_name: The name of one of its runs: the task's and a part of the dynamic key, unless users have named it.
        dynamic_key: What tells that run apart from the task's others.

    Example:
        task_name("load-1a2b3c4d", "Load the data-9f8", "9f8e7d6c5b4a")  # "Load the data"
    """
    ending = f"-{dynamic_key[:3]}"
    if len(ending) > 1 and run_name.endswith(ending) and run_name != ending:
        return run_name.removesuffix(ending)
    return _CHECKSUM.sub("", task_key)
