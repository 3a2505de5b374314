"""`headrace config`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

from cyclopts import App, CycloptsError, Parameter
from msgspec import Struct

from headrace.cli.confirmation import Yes, is_confirmed
from headrace.cli.exit_codes import UNSUCCESSFUL
from headrace.cli.output import Output, json_to, say, say_error, say_warning
from headrace.cli.profile_file import ProfileFile, changed_profiles
from headrace.cli.shown_values import ShowSecrets, shown, shown_by_name
from headrace.exceptions import ConfigurationError
from headrace.settings import Settings, Source, get_current_settings
from headrace.settings.coercion import coerce
from headrace.settings.load import find_profiles_path, layer_above_profiles
from headrace.settings.names import PREFIXES, path_of_name, resolve, split_prefix, variable
from headrace.settings.problems import find_problems, unknown_variables
from headrace.settings.profile_text import add_profile, put_setting, remove_setting
from headrace.settings.profiles import Profile, chosen_profile, profile_in_use, read_profiles
from headrace.settings.sources import names_in

__all__ = ["app"]

app = App(
    name="config",
    help="Look at settings and change them.",
    result_action="return_value",
    help_format="plaintext",
)

_FROM_ELSEWHERE = ("home", "profiles_path")
"""Settings that say where the profiles are; in a profile they would come too late."""


class Line(Struct):
    """A setting as `config view` shows it."""

    name: str
    value: str | None
    source: str


class Assignment(NamedTuple):
    """A setting to be changed.

    Args:
        name: Its variable.
        path: Its dotted name.
        value: The value as it was given.
    """

    name: str
    path: str
    value: str


@app.command
def view(
    *,
    show_defaults: Annotated[bool, Parameter(negative="--hide-defaults")] = False,
    show_sources: Annotated[bool, Parameter(negative="--hide-sources")] = True,
    show_secrets: ShowSecrets = False,
    output: Output = "text",
) -> None:
    """Show the settings in force.

    Args:
        show_defaults: Show also the settings that nothing sets.
        show_sources: Say where each value comes from.
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
    for problem in unknown_variables(os.environ):
        say_warning(problem)


@app.command(name="set")
def set_(*settings: str) -> None:
    """Change settings in the profile in use: all that are given, or none if one of them cannot be.

    Args:
        settings: NAME=VALUE, once for each setting. A name is HEADRACE_LOGGING_LEVEL, PREFECT_LOGGING_LEVEL or
            logging.level.
    """
    if not settings:
        raise CycloptsError(
            msg="config set needs NAME=VALUE, once for each setting.", command_chain=("config", "set")
        )
    assignments = [_assignment(words) for words in settings]
    with changed_profiles(find_profiles_path()) as file:
        profile = _profile_in_use(file)
        for assignment in assignments:
            _put(file, profile.name, assignment)
    for name, _, value in assignments:
        say(f"Set {name}={shown_by_name(name, value, secrets=False)!r} in profile {profile.name!r}.")
    _warn_of_stronger([assignment.path for assignment in assignments])


@app.command
def unset(*names: str, yes: Yes = False) -> None:
    """Remove settings from the profile in use: all that are given, or none if one of them is not there.

    Args:
        names: The settings' names.
    """
    if not names:
        raise CycloptsError(
            msg="config unset needs the name of a setting.", command_chain=("config", "unset")
        )
    path = find_profiles_path()
    profile = profile_in_use(read_profiles(path), path, chosen_profile(os.environ))
    if not is_confirmed(f"Remove {', '.join(_present(profile, names))} from profile {profile.name!r}?", yes):
        say("Nothing was removed.")
        return
    with changed_profiles(path) as file:
        profile = _profile_in_use(file)
        removed = _present(profile, names)
        for name in removed:
            file.edit(remove_setting, profile.name, name)
    for name in removed:
        say(f"Removed {name} from profile {profile.name!r}.")
    _warn_of_stronger([setting for name in names if (setting := path_of_name(name))])


@app.command
def validate() -> int:
    """Check the environment, the files in the working folder and the profile in use, and name all that is wrong."""
    problems = find_problems(os.environ, Path())
    for problem in problems:
        say_error(problem)
    if problems:
        return UNSUCCESSFUL
    say("The configuration is valid.")
    return 0


def _lines(settings: Settings, defaults: bool, secrets: bool) -> Iterator[Line]:
    for path, value in settings.walk():
        if defaults or path in settings.given:
            yield Line(variable(path), shown(value, secrets), str(settings.source_of(path)))


def _assignment(words: str) -> Assignment:
    """What NAME=VALUE asks for.

    Raises:
        CycloptsError: There is no `=`.
        ConfigurationError: There is no such setting, it cannot be set in a profile, or the value cannot be used.
    """
    name, separator, value = words.partition("=")
    if not separator:
        raise CycloptsError(
            msg=f"{words!r} has no value; expected NAME=VALUE.", command_chain=("config", "set")
        )
    path = resolve(name)
    # Under the prefix that it was given with: Prefect, too, may read the file, and refuses names that it does not know.
    prefix = split_prefix(name)[0] or PREFIXES[0]
    name = prefix + split_prefix(variable(path))[1]
    if path in _FROM_ELSEWHERE:
        raise ConfigurationError(
            f"{name} says where profiles are, so it cannot be set in one; set it in the environment."
        )
    coerce(path, value, Source("command line", name))
    return Assignment(name, path, value)


def _profile_in_use(file: ProfileFile) -> Profile:
    """The profile to change; a built-in one is written into the file first."""
    profile = profile_in_use(file.profiles, file.path, chosen_profile(os.environ))
    if profile.source is None:
        file.edit(add_profile, profile.name, profile.settings)
    return profile


def _put(file: ProfileFile, profile: str, assignment: Assignment) -> None:
    """Set a variable where the profile has it, under whichever of its names; names that would not count are removed."""
    present = names_in(file.profiles[profile].settings, assignment.path)
    file.edit(put_setting, profile, present[0] if present else assignment.name, assignment.value)
    for weaker in present[1:]:
        file.edit(remove_setting, profile, weaker)


def _present(profile: Profile, names: Iterable[str]) -> list[str]:
    """The variables by which a profile sets settings; also those that it has and that are no settings.

    Raises:
        ConfigurationError: There is no such setting, or the profile does not set it.
    """
    return list(dict.fromkeys(variable for name in names for variable in _variables(profile, name)))


def _variables(profile: Profile, name: str) -> list[str]:
    if name in profile.settings and path_of_name(name) is None:
        return [name]
    found = names_in(profile.settings, resolve(name))
    if not found:
        raise ConfigurationError(f"{name} is not set in profile {profile.name!r}.")
    return found


def _warn_of_stronger(paths: list[str]) -> None:
    """Name the sources that win over the profile for these settings."""
    layer = layer_above_profiles()
    for path in paths:
        if path in layer:
            source = layer[path].source
            if source.kind == "env":
                say_warning(
                    f"The environment sets {source.where}, which wins over the profile. `unset {source.where}` ends that."
                )
            else:
                say_warning(f"{source} sets {path}, which wins over the profile.")
