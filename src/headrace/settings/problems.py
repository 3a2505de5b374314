"""Finding all that is wrong with the configuration, where loading it stops at the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from headrace.exceptions import ConfigurationError, HeadraceException
from headrace.settings.coercion import coerce
from headrace.settings.load import find_profiles_path
from headrace.settings.names import PREFIXES, closest, path_of_suffix, split_prefix
from headrace.settings.profiles import PROFILE_VARIABLES, chosen_profile, profile_in_use, read_profiles
from headrace.settings.sources import (
    Layer,
    dotenv_layer,
    dotenv_variables,
    toml_layers,
    unknown_keys,
    variables_layer,
)

__all__ = ["find_problems", "unknown_variables"]


def find_problems(environment: Mapping[str, str], folder: Path) -> list[str]:
    """Everything that is wrong in the environment, in the files of a folder, and in the profile in use.

    Values are checked also where a stronger source hides them: they would count one day.

    Args:
        environment: The environment.
        folder: Where configuration files are looked for.
    """
    problems: list[str] = []
    for check in (_in_environment, _in_dotenv, _in_toml, _in_profile):
        try:
            for problem in check(environment, folder):
                problems.append(problem)
        except HeadraceException as exc:
            problems.append(str(exc))
    return list(dict.fromkeys(problems))


def unknown_variables(variables: Mapping[str, object], where: str = "") -> Iterator[str]:
    """What to say of variables that look like settings of ours and are none; a mistyped name would else go unnoticed.

    Those of Prefect are left alone: it has settings that Headrace has not.

    Args:
        variables: The variables.
        where: Their place, for the message: ` in FILE`.
    """
    for name in sorted(variables):
        if (
            name.startswith(PREFIXES[0])
            and name not in PROFILE_VARIABLES
            and not path_of_suffix(split_prefix(name)[1])
        ):
            hint = closest(name)
            yield f"{name}{where} is no setting." + (f" Did you mean {hint}?" if hint else "")


def _in_environment(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    yield from _in_layer(variables_layer(environment))
    yield from unknown_variables(environment)


def _in_dotenv(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    yield from _in_layer(dotenv_layer(folder))
    yield from unknown_variables(dotenv_variables(folder / ".env"), f" in {folder / '.env'}")


def _in_toml(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    for layer in toml_layers(folder):
        yield from _in_layer(layer)
    for key, source in unknown_keys(folder):
        hint = closest(key)
        yield f"{key} in {source} is no setting." + (
            f" Did you mean {path_of_suffix(split_prefix(hint)[1])}?" if hint else ""
        )


def _in_profile(environment: Mapping[str, str], folder: Path) -> Iterator[str]:
    path = find_profiles_path(environment, folder)
    profile = profile_in_use(read_profiles(path), path, chosen_profile(environment))
    yield from _in_layer(variables_layer(profile.settings, "profile", profile.name))
    yield from unknown_variables(profile.settings, f" in profile {profile.name!r}")


def _in_layer(layer: Layer) -> Iterator[str]:
    for path, (value, source) in layer.items():
        try:
            coerce(path, value, source)
        except ConfigurationError as exc:
            yield str(exc)
