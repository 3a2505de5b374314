"""Changes to the text of `profiles.toml` that leave every line alone which they do not concern.

People write comments into that file, and order it. Libraries that keep both when they write TOML were tried, and put
new keys below the comments of the next table, or a table between two keys of another one. So a change is made line by
line here, and then read back: unless the file now says exactly what it should, the change is refused.

What can be changed are tables as everybody writes them: a `[profiles.NAME]` heading, below it one setting a line.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from headrace.exceptions import ConfigurationError

__all__ = ["activate", "add_profile", "put_setting", "remove_profile", "remove_setting", "rename_profile"]

Content = dict[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_COMMENT = re.compile(r"""=\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'#]*?)(\s*#.*?)\s*$""")
"""The comment behind a value, as far as one line tells; a wrong guess is found when the line is read back."""


def activate(text: str, name: str) -> str:
    """The text with the profile `name` as the active one.

    Raises:
        ConfigurationError: The file is written in a form that cannot be changed line by line; all functions here do.
    """
    lines = _lines(text)
    top = range(next(_headings(lines), (len(lines), ()))[0])
    new = _assignment("active", name)
    at = next((index for index in top if _assigned(lines[index]) == "active"), None)
    if at is not None:
        lines[at] = _reassigned(lines[at], "active", name)
    else:
        lines[:0] = [new, "\n"] if lines else [new]

    def change(content: Content) -> None:
        content["active"] = name

    return _checked(text, lines, change)


def add_profile(text: str, name: str, settings: Mapping[str, Any]) -> str:
    """The text with a profile `name` at its end."""
    lines = _ended(_lines(text))
    if lines and lines[-1].strip():
        lines.append("\n")
    lines.append(f"[profiles.{_key(name)}]\n")
    lines += [_assignment(variable, value) for variable, value in settings.items()]

    def change(content: Content) -> None:
        content["profiles"][name] = dict(settings)

    return _checked(text, lines, change)


def remove_profile(text: str, name: str) -> str:
    """The text without the profile `name` and the comments directly above it."""
    lines = _lines(text)
    heading, end = _section(lines, name)
    start = _first_of_comments(lines, heading)
    end = _first_of_comments(lines, end) if end < len(lines) else end
    del lines[start:end]
    if start == len(lines):
        while lines and not lines[-1].strip():
            del lines[-1]

    def change(content: Content) -> None:
        del content["profiles"][name]

    return _checked(text, lines, change)


def rename_profile(text: str, name: str, new: str) -> str:
    """The text with the profile `name` called `new`, also where it says which profile is active."""
    lines = _lines(text)
    heading, _ = _section(lines, name)
    before, _, after = lines[heading].partition("[")
    lines[heading] = f"{before}[profiles.{_key(new)}]{after[_closing(after) + 1 :]}"

    def change(content: Content) -> None:
        content["profiles"][new] = content["profiles"].pop(name)

    renamed = _checked(text, lines, change)
    return activate(renamed, new) if tomllib.loads(text).get("active") == name else renamed


def put_setting(text: str, profile: str, variable: str, value: Any) -> str:
    """The text with a value for one variable of a profile: where the variable stands, else as the profile's last."""
    lines = _ended(_lines(text))
    heading, end = _section(lines, profile)
    inside = range(heading + 1, end)
    at = next((index for index in inside if _assigned(lines[index]) == variable), None)
    if at is not None:
        lines[at] = _reassigned(lines[at], variable, value)
    else:
        last = max((index for index in inside if _is_content(lines[index])), default=heading)
        lines.insert(last + 1, _assignment(variable, value))

    def change(content: Content) -> None:
        content["profiles"][profile][variable] = value

    return _checked(text, lines, change)


def remove_setting(text: str, profile: str, variable: str) -> str:
    """The text without a variable of a profile."""
    lines = _lines(text)
    heading, end = _section(lines, profile)
    lines[heading + 1 : end] = [line for line in lines[heading + 1 : end] if _assigned(line) != variable]

    def change(content: Content) -> None:
        del content["profiles"][profile][variable]

    return _checked(text, lines, change)


def _checked(text: str, lines: list[str], change: Callable[[Content], None]) -> str:
    """The changed text, in the line ends of the former one; only if it says what the change makes of its content."""
    content = {"profiles": {}, **tomllib.loads(text)}
    change(content)
    changed = "".join(lines)
    if {"profiles": {}, **_read(changed)} != content:
        raise ConfigurationError(
            "it is written in a form that cannot be changed here; write each profile as a table [profiles.NAME] with "
            "one setting a line, or make the change in an editor"
        )
    return _with_line_ends_of(text, changed)


def _with_line_ends_of(text: str, changed: str) -> str:
    return re.sub(r"\r?\n", "\r\n", changed) if "\r\n" in text else changed


def _lines(text: str) -> list[str]:
    """The lines with their ends; `str.splitlines` would also split at characters that a TOML text may hold."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _headings(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Where tables begin, and the path of each."""
    for index, line in enumerate(lines):
        if line.lstrip().startswith("["):
            yield index, tuple(_path(_read(line)))


def _path(content: Content) -> Iterator[str]:
    while len(content) == 1:
        [(name, inner)] = content.items()
        yield name
        content = inner if isinstance(inner, dict) else {}


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """The line of a profile's heading, and the line behind its last; both behind all lines if it has no heading."""
    headings = [*_headings(lines), (len(lines), ())]
    for (start, path), (end, _) in pairwise(headings):
        if path == ("profiles", name):
            return start, end
    raise ConfigurationError(
        f"it has no table [profiles.{_key(name)}]; write the profile as such a table, or make the change in an editor"
    )


def _first_of_comments(lines: list[str], heading: int) -> int:
    """The first of the comment lines that stand directly above a heading."""
    while heading and lines[heading - 1].lstrip().startswith("#"):
        heading -= 1
    return heading


def _is_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _assigned(line: str) -> str | None:
    """The key that a line gives a value, if it does."""
    content = _read(line)
    return next(iter(content), None) if "=" in line and not line.lstrip().startswith("[") else None


def _read(text: str) -> Content:
    """What a text says; nothing if it is not TOML, as a line is not that is a part of a longer value."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _reassigned(line: str, key: str, value: Any) -> str:
    """The assignment in place of a former one, with its indent and, where it can be told from the value, its comment."""
    new = line[: len(line) - len(line.lstrip())] + _assignment(key, value).rstrip("\n")
    comment = _COMMENT.search(line)
    kept = f"{new}{comment[1]}" if comment else new
    return (kept if _read(kept) == {key: value} else new) + "\n"


def _assignment(key: str, value: Any) -> str:
    return f"{_key(key)} = {_value(value)}\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: Any) -> str:
    """A value as TOML; those that other files hold may be more than text."""
    match value:
        case str():
            return _string(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
        case bool():
            return "true" if value else "false"
    return str(value)


def _string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{text!r} is not valid Unicode text, so no file can hold it") from None
    # JSON's escapes are TOML's, but for one character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _closing(heading: str) -> int:
    """Where the bracket closes a heading; a quoted name may hold one too."""
    return next(
        index
        for index, character in enumerate(heading)
        if character == "]" and _read(f"[{heading[: index + 1]}")
    )


def _ended(lines: list[str]) -> list[str]:
    """The lines, the last with its end."""
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines
