"""Text that JSON and every database take: JSON of values, and strings without what neither can hold.

Users' strings hold anything: half a surrogate pair from a file name that is not UTF-8, a NUL (which PostgreSQL refuses, and
at which SQLite's JSON functions stop reading). One such string must not keep a thousand other records from being
stored, so what cannot be stored is replaced. Encoding is tried first and values are cleaned only when that fails: clean
ones, nearly all, cost nothing extra.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_encode = msgspec.json.Encoder(enc_hook=str).encode
_unstorable = re.compile("[\x00\ud800-\udfff]")

MAX_DEPTH = 200
"""Nesting that is kept of a value that cannot be encoded as it is."""


def clean(text: str) -> str:
    """`text` with U+FFFD for each NUL and each half of a surrogate pair."""
    return _unstorable.sub("\ufffd", text)


def encode_json(value: Any) -> str:
    """The JSON text of `value`; what JSON has no form for becomes the string that `str` makes of it."""
    try:
        body = _encode(value)
    except Exception:  # besides encoding errors, whatever a user's __str__ raises
        body = _encode(_plain(value, 0))
    # In a string that spells a backslash this finds too much, which costs time and nothing else.
    if b"\\u0000" in body:
        body = _encode(_plain(value, 0))
    return body.decode()


def _plain(value: Any, depth: int) -> Any:
    """`value` made of nothing but what JSON can hold."""
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, (int, float)):
        return value
    if depth >= MAX_DEPTH:
        return f"<{type(value).__name__} nested deeper than {MAX_DEPTH}>"
    if isinstance(value, msgspec.Struct):
        return _plain({**_tag_of(value), **msgspec.structs.asdict(value)}, depth)
    if isinstance(value, dict):
        return {_key(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item, depth + 1) for item in value]
    try:
        return _plain(msgspec.to_builtins(value, enc_hook=str), MAX_DEPTH)
    except Exception as problem:  # whatever a user's __str__ raises
        return f"<{type(value).__name__}: {type(problem).__name__} in __str__>"


def _tag_of(value: msgspec.Struct) -> dict[str, Any]:
    """What says in JSON which of several kinds of Struct it is."""
    config = value.__struct_config__
    return {} if config.tag is None or config.tag_field is None else {config.tag_field: config.tag}


def _key(key: Any) -> str:
    plain = _plain(key, MAX_DEPTH)
    return plain if isinstance(plain, str) else str(plain)
