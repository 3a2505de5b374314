"""Profiles: named sets of settings in `profiles.toml`, one of which is active."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from headrace.exceptions import ConfigurationError, MissingProfileError
from headrace.settings.sources import Layer, read_toml, variables_layer

__all__ = ["BUILT_IN", "DEFAULT_PROFILE", "Profile", "ProfilesCollection", "profile_layer", "read_profiles"]

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
    content = read_toml(path)
    profiles = {name: Profile(name=name, settings=dict(settings)) for name, settings in BUILT_IN.items()}
    tables = content.get("profiles", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ConfigurationError(
            f"{path} has no table per profile; expected [profiles.NAME] with settings below it."
        )
    profiles |= {name: Profile(name=name, settings=table, source=path) for name, table in tables.items()}
    return ProfilesCollection(profiles, content.get("active"))


def profile_layer(path: Path, name: str | None) -> tuple[str, Layer]:
    """The settings of the profile `name`, or of the file's active one; and its name.

    Raises:
        ConfigurationError: The file cannot be used.
        MissingProfileError: There is no such profile.
    """
    profiles = read_profiles(path)
    chosen = name or profiles.active_name or DEFAULT_PROFILE
    return chosen, variables_layer(profiles[chosen].settings, "profile", chosen)
