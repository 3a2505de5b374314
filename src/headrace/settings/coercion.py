"""From what a source gives (often text) to a setting's typed value, or to one clear error."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from headrace.exceptions import ConfigurationError
from headrace.settings.group import Group
from headrace.settings.names import variable
from headrace.settings.root import Settings, Source
from headrace.settings.secret import Secret

__all__ = ["as_text", "coerce", "description_of", "expected", "is_secret"]

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"0", "false", "f", "no", "n", "off"})
_NONE = frozenset({"", "none", "null"})


def coerce(path: str, value: Any, source: Source) -> Any:
    """The value of setting `path` from what `source` gives for it.

    Raises:
        ConfigurationError: The value cannot be used; the message names setting, source, value and what is expected.
    """
    kind = annotation_of(path)
    try:
        read = _read_text(value, kind) if isinstance(value, str) else _plain(value)
        return _convert(read, kind)
    except (ValueError, OverflowError) as exc:
        given = "a value that is not shown" if is_secret(path) else repr(value)
        raise ConfigurationError(f"{_named(path, source)} is {given}; expected {expected(path)}.") from exc


def _named(path: str, source: Source) -> str:
    """A setting as its source calls it, and the source."""
    match source.kind:
        case "explicit":
            return f"{variable(path)} in the program"
        case "env":
            return f"{source.where or path} in the environment"
        case "command line":
            return f"{source.where} on the command line"
    return f"{path} in {source}"


@cache
def annotation_of(path: str) -> Any:
    """The annotation of a setting."""
    group, _, name = path.rpartition(".")
    owner: Group = Settings().get(group) if group else Settings()
    return _hints(type(owner))[name]


def description_of(path: str) -> str:
    """What a setting decides."""
    return next((m.description for m in _metas(annotation_of(path)) if m.description), "")


def is_secret(path: str) -> bool:
    """Whether a setting's value must not be shown."""
    return Secret in _alternatives(annotation_of(path))


def expected(path: str) -> str:
    """What values a setting takes, in words."""
    kind = annotation_of(path)
    words = " or ".join(
        dict.fromkeys(_words(choice) for choice in _alternatives(kind) if choice is not type(None))
    )
    notes = [note for meta in _metas(kind) for note in _bounds(meta)]
    return words + ("".join(f", {note}" for note in dict.fromkeys(notes)))


def as_text(value: Any) -> str:
    """A value as an environment variable holds it; secrets in clear."""
    match value:
        case Secret():
            return value.get_secret_value()
        case bool():
            return "true" if value else "false"
        case timedelta():
            return f"{value.total_seconds():g}"
        case dict():
            return msgspec.json.encode(value).decode()
        case list() | tuple() | set() | frozenset():
            return msgspec.json.encode(
                sorted(value) if isinstance(value, set | frozenset) else value
            ).decode()
    return str(value)


@cache
def _hints(owner: type[Group]) -> dict[str, Any]:
    return get_type_hints(owner, include_extras=True)


def _alternatives(kind: Any) -> list[Any]:
    """The types of a union, each without its annotations; a single type is a union of one."""
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [choice for part in get_args(kind) for choice in _alternatives(part)]
    return [kind]


def _metas(kind: Any) -> list[Meta]:
    """Descriptions and bounds in an annotation, outermost first."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return [*(meta for meta in args[1:] if isinstance(meta, Meta)), *_metas(args[0])]
    return (
        [meta for part in args for meta in _metas(part)] if origin in (Union, types.UnionType, list) else []
    )


def _read_text(text: str, kind: Any) -> Any:
    """Text as the plainest value that a setting of this kind may have."""
    choices = _alternatives(kind)
    if type(None) in choices and text.strip().lower() in _NONE:
        return None
    for choice in choices:
        if choice is bool:
            return _read_bool(text)
        if choice is timedelta:
            return _read_duration(text)
        if get_origin(choice) is Literal:
            return _read_choice(text, get_args(choice))
        if get_origin(choice) is dict:
            return msgspec.json.decode(text)
    if any(get_origin(choice) in (list, tuple, frozenset) for choice in choices):
        return _read_list(text, only=all(get_origin(c) in (list, tuple, frozenset) for c in choices))
    return text if Any in choices or not text or text.strip() == text else text.strip()


def _read_bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(text)


def _read_duration(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _read_choice(text: str, choices: Iterable[str]) -> str:
    return next((choice for choice in choices if choice.lower() == text.strip().lower()), text)


def _read_list(text: str, only: bool) -> Any:
    """A list written as JSON or with commas; one item alone is a list where `only` lists are expected."""
    if text.lstrip().startswith("["):
        return msgspec.json.decode(text)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    return parts if only or len(parts) > 1 else text.strip()


def _plain(value: Any) -> Any:
    """A value in the types that msgspec converts from."""
    if isinstance(value, Mapping):
        return dict(value)
    return value


def _convert(value: Any, kind: Any) -> Any:
    choices = _alternatives(kind)
    if Path in choices and value is not None:
        return _path(value)
    if Secret in choices and value is not None:
        return _secret(value)
    if timedelta in choices and isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    if isinstance(value, bool) and bool not in choices and Any not in choices:
        raise ValueError(value)
    return msgspec.convert(value, kind, strict=False)


def _path(value: Any) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError(value)
    return Path(value)


def _secret(value: Any) -> Secret:
    # Duck-typed, so that pydantic's SecretStr is accepted without importing pydantic.
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    if not isinstance(text, str):
        raise ValueError("not text")
    return Secret(text)


_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    Secret: "text",
    timedelta: "a duration in seconds or as ISO 8601 (PT1H30M)",
    Any: "any value",
}
_CONTAINER_WORDS = {
    list: "a list of them ([1, 2] or 1,2)",
    tuple: "a list (a,b or JSON)",
    frozenset: "a list of whole numbers (429,500)",
    dict: "a JSON object of texts",
}


def _words(choice: Any) -> str:
    origin = get_origin(choice)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(choice)))
    return _CONTAINER_WORDS.get(origin) or _WORDS.get(choice) or str(choice)


def _bounds(meta: Meta) -> Iterable[str]:
    if unit := (meta.extra or {}).get("unit"):
        yield f"in {unit}"
    for value, words in (
        (meta.ge, "at least"),
        (meta.gt, "more than"),
        (meta.le, "at most"),
        (meta.lt, "less than"),
    ):
        if value is not None:
            yield f"{words} {value:g}"
