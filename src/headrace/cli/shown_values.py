"""Values of settings as commands show them: secrets are hidden unless they are asked for."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from headrace.settings.coercion import as_text, is_secret
from headrace.settings.names import path_of_name
from headrace.settings.secret import Secret

__all__ = ["ShowSecrets", "shown", "shown_by_name"]

ShowSecrets = Annotated[
    bool, Parameter(name="--show-secrets", negative="--hide-secrets", help="Show secrets in clear.")
]
"""The option of every command that shows settings."""


def shown(value: Any, secrets: bool) -> str | None:
    """A value as text; None where there is none.

    Args:
        value: The value.
        secrets: Whether a secret is to be shown in clear.
    """
    if isinstance(value, Secret) and not secrets:
        return _masked(value)
    return None if value is None else as_text(value)


def shown_by_name(name: str, value: Any, secrets: bool) -> str:
    """What a profile holds for a variable, as text."""
    path = path_of_name(name)
    text = as_text(value)
    return _masked(Secret(text)) if path is not None and is_secret(path) and not secrets else text


def _masked(secret: Secret) -> str:
    """A secret as asterisks; of a URL, only its password."""
    scheme, separator, rest = secret.get_secret_value().partition("://")
    if not separator:
        return str(secret)
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon}{'********' if colon else ''}{at}{place}"
