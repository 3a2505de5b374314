"""`headrace profile`."""

from __future__ import annotations

import os
import shlex
from typing import Annotated

from cyclopts import App, Parameter
from msgspec import Struct

from headrace.cli.confirmation import is_confirmed
from headrace.cli.output import Cell, Column, Output, json_to, say, say_warning, show_table
from headrace.cli.profile_file import changed_profiles
from headrace.cli.shown_values import ShowSecrets, shown_by_name
from headrace.exceptions import ConfigurationError, HeadraceException, InvalidNameError
from headrace.settings.load import find_profiles_path, load_settings
from headrace.settings.profile_text import activate, add_profile, remove_profile, rename_profile
from headrace.settings.profiles import (
    BUILT_IN,
    DEFAULT_PROFILE,
    PROFILE_VARIABLES,
    Profile,
    ProfilesCollection,
    chosen_profile,
    profile_in_use,
    read_profiles,
)
from headrace.settings.root import Settings
from headrace.settings.sources import variables_layer

__all__ = ["app"]

app = App(
    name="profile",
    help="Named sets of settings: make, choose and look at them.",
    result_action="return_value",
    help_format="plaintext",
)

EMBEDDED = "the embedded store"
LOOK_SECONDS = 3.0
"""How long an API may take to say that it is there."""


class Line(Struct):
    """A profile as `profile ls` shows it."""

    name: str
    active: bool
    api_url: str | None


@app.command
def ls(*, output: Output = "text") -> None:
    """List profiles; the one in use has a star."""
    profiles = read_profiles(find_profiles_path())
    in_use = _name_in_use(profiles)
    lines = [Line(name, name == in_use, _api_url(profile)) for name, profile in sorted(profiles.items())]
    if output == "json":
        json_to(lines)
        return
    columns = [Column("Name"), Column("In use", 6), Column("Runs go to")]
    show_table(
        columns,
        [
            [Cell(line.name, "bold"), Cell("*" if line.active else ""), Cell(line.api_url or EMBEDDED)]
            for line in lines
        ],
    )


@app.command
def create(name: str, *, copied: Annotated[str | None, Parameter(name="--from", negative=())] = None) -> None:
    """Make a profile.

    Args:
        name: Its name.
        copied: A profile whose settings it starts with; none when left out.
    """
    _check_name(name)
    with changed_profiles(find_profiles_path()) as file:
        _check_is_new(file.profiles, name)
        settings = file.profiles[copied].settings if copied is not None else {}
        file.edit(add_profile, name, settings)
    say(f"Created profile {name!r}" + (f" with the settings of {copied!r}." if copied is not None else "."))
    quoted = shlex.quote(name)
    say(
        f"Use it from now on: `headrace profile use {quoted}`; for one command: `headrace -p {quoted} COMMAND`."
    )


@app.command
def use(name: str) -> None:
    """Make a profile the active one: the one that is used where nothing else is said.

    Args:
        name: The profile.
    """
    path = find_profiles_path()
    with changed_profiles(path) as file:
        settings = load_settings(profile=file.profiles[name].name)
        file.edit(activate, name)
    say(f"Profile {name!r} is active now: runs go to {settings.api.url or EMBEDDED}.")
    if (chosen := chosen_profile(os.environ)) not in (None, name):
        say_warning(f"{_variable_in_use()} is {chosen!r} here, and wins over the active profile.")
    _warn_of_api(settings)


@app.command
def inspect(name: str | None = None, *, show_secrets: ShowSecrets = False, output: Output = "text") -> None:
    """Show the settings of a profile.

    Args:
        name: The profile; the one in use when left out.
    """
    path = find_profiles_path()
    profiles = read_profiles(path)
    profile = profile_in_use(profiles, path, name or chosen_profile(os.environ))
    values = {
        variable: shown_by_name(variable, value, show_secrets) for variable, value in profile.settings.items()
    }
    if output == "json":
        json_to(values)
    elif values:
        for variable, value in values.items():
            say(f"{variable}={value!r}")
    else:
        say(f"Profile {profile.name!r} sets nothing.")


@app.command
def rename(name: str, new_name: str) -> None:
    """Give a profile another name; it stays active if it was.

    Args:
        name: The profile.
        new_name: The name that it gets.
    """
    _check_name(new_name)
    with changed_profiles(find_profiles_path()) as file:
        profile = file.profiles[name]
        if profile.source is None:
            raise ConfigurationError(
                f"Profile {name!r} is built in and cannot be renamed. "
                f"Copy it: `headrace profile create {shlex.quote(new_name)} --from {name}`."
            )
        _check_is_new(file.profiles, new_name)
        file.edit(rename_profile, name, new_name)
    say(f"Renamed profile {name!r} to {new_name!r}.")
    if chosen_profile(os.environ) == name and name not in BUILT_IN:
        say_warning(f"{_variable_in_use()} still says {name!r}, which no longer exists.")


@app.command
def delete(name: str) -> None:
    """Delete a profile that is not in use.

    Args:
        name: The profile.
    """
    path = find_profiles_path()
    _check_can_be_deleted(read_profiles(path), name)
    if not is_confirmed(f"Delete profile {name!r}?"):
        say("Nothing was deleted.")
        return
    with changed_profiles(path) as file:
        _check_can_be_deleted(file.profiles, name)
        file.edit(remove_profile, name)
    say(f"Deleted profile {name!r}." + (" It is as it was built in again." if name in BUILT_IN else ""))


@app.command
def populate_defaults() -> None:
    """Write the built-in profiles into the file of profiles, to be changed there; those that it has stay as they are."""
    path = find_profiles_path()
    missing = _not_in_file(read_profiles(path))
    if not missing:
        say(f"{path} has all built-in profiles.")
        return
    if not is_confirmed(f"Add {', '.join(missing)} to {path}?"):
        say("Nothing was added.")
        return
    with changed_profiles(path) as file:
        for name in _not_in_file(file.profiles):
            file.edit(add_profile, name, BUILT_IN[name])
    say(f"Added {', '.join(missing)} to {path}.")


def _name_in_use(profiles: ProfilesCollection) -> str:
    return chosen_profile(os.environ) or profiles.active_name or DEFAULT_PROFILE


def _variable_in_use() -> str:
    return next(variable for variable in PROFILE_VARIABLES if os.environ.get(variable))


def _api_url(profile: Profile) -> str | None:
    given = variables_layer(profile.settings).get("api.url")
    return str(given.value) if given and given.value else None


def _not_in_file(profiles: ProfilesCollection) -> list[str]:
    return [name for name in BUILT_IN if profiles[name].source is None]


def _check_name(name: str) -> None:
    if not name or name != name.strip() or name.startswith("-") or not name.isprintable():
        raise InvalidNameError(
            f"A profile cannot be called {name!r}; expected printable text that begins with no dash or blank."
        )


def _check_is_new(profiles: ProfilesCollection, name: str) -> None:
    if name in profiles:
        kind = "" if profiles[name].source else " and is built in"
        raise ConfigurationError(
            f"Profile {name!r} exists already{kind}. Choose another name, or change it: "
            f"`headrace -p {shlex.quote(name)} config set NAME=VALUE`."
        )


def _check_can_be_deleted(profiles: ProfilesCollection, name: str) -> None:
    if profiles[name].source is None:
        raise ConfigurationError(f"Profile {name!r} is built in and cannot be deleted.")
    if name == (profiles.active_name or DEFAULT_PROFILE):
        raise ConfigurationError(
            f"Profile {name!r} is the active one. Choose another one first: `headrace profile use NAME`."
        )
    if name == chosen_profile(os.environ):
        raise ConfigurationError(
            f"Profile {name!r} is in use, by `--profile` or {PROFILE_VARIABLES[0]}. Run this with another one."
        )


def _warn_of_api(settings: Settings) -> None:
    """Say so if the API that the settings name is not there."""
    if settings.api.url is None:
        return
    from httpx import HTTPError

    from headrace.client.connection import Connection, Endpoint

    with Connection(Endpoint.configured(settings, timeout=LOOK_SECONDS)) as connection:
        try:
            connection.request("GET", "/health", retries=0)
        except (HTTPError, HeadraceException) as problem:
            say_warning(str(problem))
