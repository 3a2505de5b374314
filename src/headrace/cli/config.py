"""`headrace config`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import App, Parameter
from msgspec import Struct

from headrace.cli.output import Output, json_to, say
from headrace.settings import Secret, Settings, get_current_settings
from headrace.settings.coercion import as_text
from headrace.settings.names import PREFIXES, closest, path_of_suffix, split_prefix, variable

__all__ = ["app"]

app = App(name="config", help="Look at settings.", result_action="return_value", help_format="plaintext")

_NO_SETTINGS = frozenset({"HEADRACE_PROFILE"})


class Line(Struct):
    """A setting as `config view` shows it."""

    name: str
    value: str | None
    source: str


@app.command
def view(
    *,
    show_defaults: Annotated[bool, Parameter(negative="--hide-defaults")] = False,
    show_sources: Annotated[bool, Parameter(negative="--hide-sources")] = True,
    show_secrets: Annotated[bool, Parameter(negative="--hide-secrets")] = False,
    output: Output = "text",
) -> None:
    """Show the settings in force.

    Args:
        show_defaults: Show also the settings that nothing sets.
        show_sources: Say where each value comes from.
        show_secrets: Show secrets in clear.
    """
    settings = get_current_settings()
    lines = list(_lines(settings, show_defaults, show_secrets))
    if output == "json":
        json_to({"profile": settings.profile, "settings": lines})
        return
    say(f"HEADRACE_PROFILE={settings.profile!r}")
    for line in lines:
        value = "None" if line.value is None else repr(line.value)
        say(f"{line.name}={value}" + (f" (from {line.source})" if show_sources else ""))
    for warning in _unknown_variables():
        sys.stderr.write(f"Warning: {warning}\n")


def _lines(settings: Settings, defaults: bool, secrets: bool) -> Iterator[Line]:
    for path, value in settings.walk():
        if defaults or path in settings.given:
            yield Line(variable(path), _shown(value, secrets), str(settings.source_of(path)))


def _shown(value: Any, secrets: bool) -> str | None:
    if isinstance(value, Secret) and not secrets:
        return _masked(value)
    return None if value is None else as_text(value)


def _masked(secret: Secret) -> str:
    """A secret as asterisks; of a URL, only its password."""
    scheme, separator, rest = secret.get_secret_value().partition("://")
    if not separator:
        return str(secret)
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{colon}{'********' if colon else ''}{at}{place}"


def _unknown_variables() -> Iterator[str]:
    """Variables that look like settings of ours and are none; a mistyped name would else go unnoticed."""
    for name in sorted(os.environ):
        if (
            name.startswith(PREFIXES[0])
            and name not in _NO_SETTINGS
            and not path_of_suffix(split_prefix(name)[1])
        ):
            hint = closest(name)
            yield f"{name} is no setting." + (f" Did you mean {hint}?" if hint else "")
