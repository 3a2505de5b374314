"""Profiles: named sets of settings in `profiles.toml`, one of which is active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from headrace.exceptions import ConfigurationError, MissingProfileError
from headrace.settings.sources import Layer, read_toml, variables_layer

__all__ = [
    "BUILT_IN",
    "DEFAULT_PROFILE",
    "PROFILE_VARIABLES",
    "Profile",
    "ProfilesCollection",
    "chosen_profile",
    "profile_in_use",
    "profile_layer",
    "profiles_in",
    "read_profiles",
]

PROFILE_VARIABLES = ("HEADRACE_PROFILE", "PREFECT_PROFILE")
"""Variables that choose a profile whatever the file says, the stronger first."""

DEFAULT_PROFILE = "default"
BUILT_IN: Mapping[str, Mapping[str, str]] = {
    DEFAULT_PROFILE: {},
    "ephemeral": {},
    "local": {"HEADRACE_API_URL": "http://127.0.0.1:4200/api"},
}
"""Profiles that exist without a file; a profile of the same name in the file replaces one."""


class Profile(Struct, kw_only=True):
    """A named set of settings.

    Args:
        name: Its name.
        settings: Values by the name of their variable.
        source: The file that holds it; None for a built-in profile.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    source: Path | None = None


class ProfilesCollection:
    """Profiles by name, and which is active.

    Args:
        profiles: The profiles.
        active: The active profile's name, if any.
    """

    def __init__(self, profiles: Mapping[str, Profile], active: str | None = None) -> None:
        self.profiles_by_name = dict(profiles)
        self.active_name = active

    @property
    def names(self) -> set[str]:
        """The profiles' names."""
        return set(self.profiles_by_name)

    @property
    def active_profile(self) -> Profile | None:
        """The active profile, if any."""
        return None if self.active_name is None else self[self.active_name]

    def __getitem__(self, name: str) -> Profile:
        try:
            return self.profiles_by_name[name]
        except KeyError:
            raise MissingProfileError(
                f"There is no profile {name!r}; there are: {', '.join(sorted(self.profiles_by_name))}."
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.profiles_by_name)

    def items(self) -> list[tuple[str, Profile]]:
        """Names and profiles."""
        return list(self.profiles_by_name.items())


def read_profiles(path: Path) -> ProfilesCollection:
    """The profiles in a file together with the built-in ones.

    Raises:
        ConfigurationError: The file is not valid TOML, or has another shape.
    """
    return profiles_in(read_toml(path), path)


def profiles_in(content: Mapping[str, Any], path: Path) -> ProfilesCollection:
    """The profiles in the content of the file `path`, together with the built-in ones.

    Raises:
        ConfigurationError: The content has another shape.
    """
    profiles = {name: Profile(name=name, settings=dict(settings)) for name, settings in BUILT_IN.items()}
    tables = content.get("profiles", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigurationError(
            f"{path} has no table per profile; expected [profiles.NAME] with settings below it."
        )
    active = content.get("active")
    if not isinstance(active, str | None):
        raise ConfigurationError(f"active in {path} is {active!r}; expected the name of a profile.")
    profiles |= {name: Profile(name=name, settings=table, source=path) for name, table in tables.items()}
    return ProfilesCollection(profiles, active)


def chosen_profile(environment: Mapping[str, str]) -> str | None:
    """The profile that the environment chooses, if it does."""
    return next((name for variable in PROFILE_VARIABLES if (name := environment.get(variable))), None)


def profile_in_use(profiles: ProfilesCollection, path: Path, chosen: str | None) -> Profile:
    """The profile that was chosen, else the active one of the file `path`, else the default one.

    Raises:
        MissingProfileError: There is no such profile.
    """
    if chosen:
        return profiles[chosen]
    active = profiles.active_name or DEFAULT_PROFILE
    if active not in profiles:
        raise MissingProfileError(
            f"{path} says that {active!r} is the active profile, but there is no such profile; there are: "
            f"{', '.join(sorted(profiles))}. Choose one with `headrace profile use NAME`."
        )
    return profiles[active]


def profile_layer(path: Path, chosen: str | None) -> tuple[str, Layer]:
    """The name and the settings of the profile in use; see `profile_in_use`.

    Raises:
        ConfigurationError: The file cannot be used.
        MissingProfileError: There is no such profile.
    """
    profile = profile_in_use(read_profiles(path), path, chosen)
    return profile.name, variables_layer(profile.settings, "profile", profile.name)
