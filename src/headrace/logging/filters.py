"""Keeps the API's credentials out of log lines."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from headrace.settings import get_current_settings
from headrace.settings.secret import MASK

if TYPE_CHECKING:
    from headrace.settings.program import APISettings

__all__ = ["ObfuscateApiKeyFilter", "mask_credentials", "redact_substr"]

_SHORTEST = 8
"""Characters of a credential worth masking; masking every `a` would only spoil the lines."""


_held: tuple[APISettings | None, tuple[str, ...]] = (None, ())


def mask_credentials(text: str) -> str:
    """`text` with asterisks where it shows the API's key or password."""
    for secret in _credentials():
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def _credentials() -> tuple[str, ...]:
    # Asked for every line: looked up once per settings object.
    global _held
    api = get_current_settings().api
    known, held = _held
    if known is not api:
        texts = [secret.get_secret_value() for secret in (api.key, api.auth_string) if secret]
        held = tuple(text for text in texts if len(text) >= _SHORTEST)
        _held = api, held
    return held


def redact_substr(obj: Any, substr: str) -> Any:
    """`obj` with asterisks for `substr` in every string of it, through containers.

    Args:
        obj: A string, or a dict, list, tuple or set of them; anything else is returned as it is.
        substr: What must not be shown.
    """
    if isinstance(obj, str):
        return obj.replace(substr, MASK) if substr else obj
    if isinstance(obj, dict):
        return {redact_substr(key, substr): redact_substr(value, substr) for key, value in obj.items()}
    if isinstance(obj, (list, tuple, set, frozenset)) and not hasattr(obj, "_fields"):
        return type(obj)(redact_substr(item, substr) for item in obj)
    return obj


class ObfuscateApiKeyFilter(logging.Filter):
    """Masks the API's key in a record's message and arguments; for handlers of your own.

    Headrace's own handlers mask it in everything they write.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the key; every record passes."""
        for secret in _credentials():
            record.msg = redact_substr(record.msg, secret)
            record.args = redact_substr(record.args, secret)
        return True
